"""Orders, how each went from state to state, and what was filled."""

from datetime import datetime
from typing import Any

from django.db import models
from django.db.models import F, Q

from instruments.domain.order_terms import (
    ORDER_TYPE_LABELS,
    PRODUCT_LABELS,
    SIDE_LABELS,
    VALIDITY_LABELS,
    Validity,
    choices_from,
)
from instruments.models import Instrument
from portfolio.models import Account, Portfolio, Trade
from trading.models.columns import choices_of, id_column, price_column
from trading.models.signals import Signal
from trading.models.strategies import Deployment
from trading.orders.figures import OrderFigures
from trading.orders.life_cycle import AT_THE_EXCHANGE, MAY_STILL_FILL, OrderState

UNBOOKED = F("reported_filled") - F("filled_quantity")


class OrderQuerySet(models.QuerySet["Order"]):
    def live(self) -> "OrderQuerySet":
        """Those that may still fill: their exposure is reserved."""
        return self.filter(state__in=MAY_STILL_FILL)

    def cancellable(self) -> "OrderQuerySet":
        """Those whose cancellation may be asked, and has not been.

        Whatever may still fill: that nobody knows what became of an order is no reason to leave it at the exchange.
        An unconfirmed order's is kept, and sent once the order is found alive. One that its broker has ended only
        waits for its trades.
        """
        return self.live().filter(cancel_requested_at__isnull=True, ended_as="")

    def to_cancel(self) -> "OrderQuerySet":
        """Those with a cancellation asked that has not left us yet, or came to nothing."""
        return self.live().filter(cancel_requested_at__isnull=False, cancel_sent_at__isnull=True, ended_as="")

    def modifiable(self) -> "OrderQuerySet":
        """Those whose price may be asked to change: working at the exchange, with no other request out."""
        return self.filter(
            state__in=AT_THE_EXCHANGE, ended_as="", cancel_requested_at__isnull=True, modify_pending=False
        )

    def to_modify(self) -> "OrderQuerySet":
        """Those with a modification asked that has not left us yet."""
        return self.filter(state__in=AT_THE_EXCHANGE, ended_as="", modify_pending=True, modify_sent_at__isnull=True)

    def may_fill_yet(self) -> "OrderQuerySet":
        """Those that may still be booked: live ones, and ended ones of which more was reported than is booked."""
        # As a difference with an index of its own: of two columns compared the planner guesses a third of all rows.
        return self.alias(unbooked=UNBOOKED).filter(Q(state__in=MAY_STILL_FILL) | Q(unbooked__gt=0))

    def awaiting_trades(self) -> "OrderQuerySet":
        """Those their broker has ended with more filled than is booked."""
        return self.live().exclude(ended_as="")


class Order(OrderFigures, models.Model):
    """One order, written before any broker hears of it; its tag is how it is found again."""

    id = id_column()
    tag = models.CharField(max_length=20, unique=True)
    signal = models.ForeignKey(Signal, on_delete=models.PROTECT, related_name="orders")
    slice = models.PositiveSmallIntegerField(default=1, help_text="of a signal larger than the exchange takes at once")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="orders")
    portfolio = models.ForeignKey(Portfolio, on_delete=models.PROTECT, related_name="orders")
    deployment = models.ForeignKey(Deployment, null=True, on_delete=models.PROTECT, related_name="orders")
    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT)
    side = models.CharField(max_length=4, choices=choices_from(SIDE_LABELS))
    quantity = models.PositiveIntegerField()
    order_type = models.CharField(max_length=8, choices=choices_from(ORDER_TYPE_LABELS))
    product = models.CharField(max_length=4, choices=choices_from(PRODUCT_LABELS))
    validity = models.CharField(max_length=4, choices=choices_from(VALIDITY_LABELS), default=Validity.DAY)
    price = price_column(null=True)
    trigger_price = price_column(null=True)
    market_protection = models.DecimalField(max_digits=5, decimal_places=2, null=True, help_text="percent")
    is_exit = models.BooleanField(default=False, help_text="it only shrank a position when it was approved")
    reserved = price_column(default=0, help_text="₹ its unfilled part may still take")
    state = models.CharField(max_length=16, choices=choices_of(OrderState), default=OrderState.CREATED)
    state_reason = models.CharField(max_length=300, blank=True)
    filled_quantity = models.PositiveIntegerField(default=0)
    average_price = price_column(null=True)
    reported_filled = models.PositiveIntegerField(default=0, help_text="the most its broker has said was filled")
    ended_as = models.CharField(
        max_length=16, blank=True, choices=choices_of(OrderState), help_text="as its broker ended it; trades to come"
    )
    ended_at = models.DateTimeField(null=True, help_text="market time of that report")
    broker_order_id = models.CharField(max_length=32, blank=True)
    market_time = models.DateTimeField(help_text="the signal's")
    send_by = models.DateTimeField(help_text="market time; not sent after it")
    expires_at = models.DateTimeField(null=True, help_text="market time; a DAY order's day ends then")
    claimed_by = models.CharField(max_length=64, blank=True)
    claimed_at = models.DateTimeField(null=True, help_text="wall time")
    cancel_requested_at = models.DateTimeField(null=True, help_text="market time")
    cancel_requested_by = models.CharField(max_length=150, blank=True)
    cancel_sent_at = models.DateTimeField(null=True, help_text="wall time the cancellation left us")
    working_price = price_column(null=True, help_text="the limit it works at, as its broker says")
    modify_number = models.PositiveSmallIntegerField(default=0, help_text="how often a modification was asked")
    modify_price = price_column(null=True, help_text="the limit last asked for")
    modify_pending = models.BooleanField(default=False, help_text="asked, and no answer yet")
    modify_sent_at = models.DateTimeField(null=True, help_text="wall time the pending one left us")
    modifies_refused = models.PositiveSmallIntegerField(default=0)
    attempts = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    # Set by a trigger on every change: most are conditional updates, which auto_now does not see.
    updated_at = models.DateTimeField(auto_now=True, help_text="wall time of the last change")

    objects = OrderQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["signal", "slice"], name="one_order_a_slice"),
            models.CheckConstraint(name="order_quantity_positive", condition=Q(quantity__gt=0)),
            models.CheckConstraint(name="order_reserved_not_negative", condition=Q(reserved__gte=0)),
        ]
        indexes = [
            models.Index(fields=["account", "state"], name="order_account_state"),
            models.Index(fields=["-market_time"], name="order_latest"),
            models.Index("account", UNBOOKED, name="order_unbooked"),
        ]

    def __str__(self) -> str:
        return f"{self.side.lower()} {self.quantity} {self.instrument.tradingsymbol} ({self.tag})"

    @property
    def approved_at(self) -> datetime:
        """Market time at which the gate let it pass."""
        return self.signal.decision.market_time


class OrderTransition(models.Model):
    """One step in an order's life: who or what moved it, when, and why."""

    id = id_column()
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="transitions")
    before = models.CharField(max_length=16, blank=True)
    after = models.CharField(max_length=16)
    actor = models.CharField(max_length=150)
    reason = models.CharField(max_length=300, blank=True)
    details: Any = models.JSONField(default=dict)
    market_time = models.DateTimeField()
    written_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]


class Fill(models.Model):
    """A booked trade of one of our orders."""

    id = id_column()
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="fills")
    trade = models.OneToOneField(Trade, on_delete=models.PROTECT, related_name="fill")
    signed_quantity = models.IntegerField()
    price = price_column()
    at = models.DateTimeField(help_text="market time")
    written_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]
