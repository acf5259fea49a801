"""What a run or a person wants, and what the gate decided about it."""

from typing import Any

from django.db import models
from django.db.models import Q

from instruments.domain.order_terms import (
    ORDER_TYPE_LABELS,
    PRODUCT_LABELS,
    SIDE_LABELS,
    VALIDITY_LABELS,
    Side,
    Validity,
    choices_from,
)
from instruments.models import Instrument
from portfolio.models import Account
from trading.models.columns import choices_of, id_column, price_column
from trading.models.exits import ExitPlan
from trading.models.strategies import Deployment, Run
from trading.orders.life_cycle import SignalState


class Signal(models.Model):
    """A wish to trade: what, why, and the quote and market time it was decided on."""

    class Kind(models.TextChoices):
        ENTER = "enter"
        EXIT = "exit"
        MANUAL = "manual"

    id = id_column()
    key = models.CharField(max_length=160, unique=True, help_text="run, position, instrument, ordinal; or who and what")
    run = models.ForeignKey(Run, null=True, on_delete=models.PROTECT, related_name="signals")
    deployment = models.ForeignKey(Deployment, null=True, on_delete=models.PROTECT, related_name="signals")
    plan = models.ForeignKey(
        ExitPlan, null=True, on_delete=models.PROTECT, related_name="signals", help_text="the exit it is a step of"
    )
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="signals")
    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT)
    epoch = models.BigIntegerField(null=True)
    n = models.BigIntegerField(null=True)
    ordinal = models.PositiveIntegerField(default=0)
    kind = models.CharField(max_length=8, choices=Kind)
    side = models.CharField(max_length=4, choices=choices_from(SIDE_LABELS))
    quantity = models.PositiveIntegerField()
    order_type = models.CharField(max_length=8, choices=choices_from(ORDER_TYPE_LABELS))
    product = models.CharField(max_length=4, choices=choices_from(PRODUCT_LABELS))
    validity = models.CharField(max_length=4, choices=choices_from(VALIDITY_LABELS), default=Validity.DAY)
    price = price_column(null=True)
    trigger_price = price_column(null=True)
    stop = price_column(null=True)
    target = price_column(null=True)
    reason = models.CharField(max_length=300)
    numbers = models.JSONField(default=dict)
    reference_price = price_column(null=True, help_text="last price it was decided on; none: unknown")
    bid = price_column(null=True)
    ask = price_column(null=True)
    quote_at = models.DateTimeField(null=True, help_text="market time of that price")
    market_time = models.DateTimeField()
    send_by = models.DateTimeField(help_text="market time; not sent after it")
    received_at = models.DateTimeField(null=True, help_text="wall time the frame that caused it arrived")
    asked_by = models.CharField(max_length=150, blank=True)
    state = models.CharField(max_length=10, choices=choices_of(SignalState), default=SignalState.NEW)
    state_reason = models.CharField(max_length=300, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["run", "epoch", "n", "instrument", "ordinal"],
                condition=Q(run__isnull=False),
                name="signal_once_per_position",
            ),
            models.CheckConstraint(name="signal_quantity_positive", condition=Q(quantity__gt=0)),
        ]
        indexes = [
            models.Index(fields=["account", "id"], condition=Q(state="new"), name="signal_waiting"),
            models.Index(fields=["-market_time"], name="signal_latest"),
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.side.lower()} {self.quantity} {self.instrument.tradingsymbol}"

    @property
    def signed_quantity(self) -> int:
        return self.quantity if self.side == Side.BUY else -self.quantity


class RiskDecision(models.Model):
    """The gate's answer to one signal, with every check and its numbers."""

    id = id_column()
    signal = models.OneToOneField(Signal, on_delete=models.PROTECT, related_name="decision")
    approved = models.BooleanField()
    refusal_codes = models.JSONField(default=list)
    checks = models.JSONField()
    case: Any = models.JSONField(default=dict, help_text="all that was known; empty: decided before it was kept")
    side = models.CharField(max_length=4, choices=choices_from(SIDE_LABELS))
    quantity = models.PositiveIntegerField()
    slices: Any = models.JSONField(default=list, help_text="quantities of its orders: what the exchange takes at once")
    price = price_column(null=True)
    only_shrinks = models.BooleanField()
    market_time = models.DateTimeField()
    decided_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["-market_time"], name="decision_latest")]
