"""An exit that is followed up until it is flat."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import models
from django.db.models import Q

from instruments.domain.order_terms import PRODUCT_LABELS, SIDE_LABELS, Side, choices_from
from instruments.models import Instrument
from portfolio.models import Account, Portfolio
from trading.models.columns import id_column, price_column
from trading.models.strategies import Deployment, Run
from trading.orders.life_cycle import URGENCY_LABELS, Urgency


class ExitPlanQuerySet(models.QuerySet["ExitPlan"]):
    def unfinished(self) -> "ExitPlanQuerySet":
        return self.filter(finished_at__isnull=True)

    def due(self, now: datetime) -> "ExitPlanQuerySet":
        """Those to be looked at by ``now`` (market time), most urgent first."""
        return self.unfinished().filter(look_at__lte=now).order_by("-urgency", "opened_at", "id")

    def of_holding(self, portfolio_id: UUID, instrument_id: UUID, product: str) -> "ExitPlanQuerySet":
        """The open one of a holding, if there is one: there is never a second."""
        return self.unfinished().filter(portfolio_id=portfolio_id, instrument_id=instrument_id, product=product)


class ExitPlan(models.Model):
    """One holding on its way out: why, how urgently, how far asked, until nothing of it is held or out."""

    id = id_column()
    key = models.CharField(max_length=160, unique=True, help_text="run and decision; or who and what")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="exits")
    portfolio = models.ForeignKey(Portfolio, on_delete=models.PROTECT, related_name="exits")
    deployment = models.ForeignKey(Deployment, null=True, on_delete=models.PROTECT, related_name="exits")
    run = models.ForeignKey(Run, null=True, on_delete=models.PROTECT, related_name="exits")
    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT)
    product = models.CharField(max_length=4, choices=choices_from(PRODUCT_LABELS))
    side = models.CharField(max_length=4, choices=choices_from(SIDE_LABELS), help_text="of its orders")
    quantity = models.PositiveIntegerField(null=True, help_text="units; none: all that is held")
    limit = price_column(null=True, help_text="a person's; none: at market, and more each time it is not taken")
    urgency = models.PositiveSmallIntegerField(choices=[(int(u), URGENCY_LABELS[u]) for u in Urgency])
    reason = models.CharField(max_length=300)
    numbers: Any = models.JSONField(default=dict)
    number = models.PositiveIntegerField(null=True, help_text="the run's decision; none: not the run's own")
    asked_by = models.CharField(max_length=150, blank=True)
    epoch = models.BigIntegerField(null=True)
    n = models.BigIntegerField(null=True)
    reference_price = price_column(null=True, help_text="last price it was decided on; none: unknown")
    bid = price_column(null=True)
    ask = price_column(null=True)
    quote_at = models.DateTimeField(null=True, help_text="market time of that price")
    received_at = models.DateTimeField(null=True, help_text="wall time the frame that caused it arrived")
    opened_at = models.DateTimeField(help_text="market time")
    deadline = models.DateTimeField(null=True, help_text="market time by which it must be flat")
    placed = models.PositiveIntegerField(default=0, help_text="how often orders were asked")
    step = models.PositiveSmallIntegerField(default=0, help_text="how often more was asked")
    stepped_at = models.DateTimeField(null=True, help_text="market time of the last price asked")
    look_at = models.DateTimeField(help_text="market time at which to look again")
    state_reason = models.CharField(max_length=300, blank=True, help_text="what it waits for")
    needs_person = models.BooleanField(default=False)
    withdrawn_by = models.CharField(max_length=150, blank=True, help_text="who took a limit by hand back")
    finished_at = models.DateTimeField(null=True, help_text="market time")
    attempts = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ExitPlanQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["portfolio", "instrument", "product"],
                condition=Q(finished_at__isnull=True),
                name="one_open_exit_a_holding",
            ),
            models.CheckConstraint(
                name="exit_quantity_positive", condition=Q(quantity__isnull=True) | Q(quantity__gt=0)
            ),
        ]
        indexes = [
            models.Index(fields=["account", "look_at"], condition=Q(finished_at__isnull=True), name="exit_due"),
        ]

    def __str__(self) -> str:
        size = "all" if self.quantity is None else f"{self.quantity}"
        return f"exit {size} {self.instrument.tradingsymbol}: {self.reason}"

    @property
    def sign(self) -> int:
        return 1 if self.side == Side.BUY else -1

    @property
    def is_open(self) -> bool:
        return self.finished_at is None
