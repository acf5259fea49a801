"""What a broker on the network has said of an account: its books as last read, and whether it takes orders.

A broker's books are of one day, so each row is kept as it is seen; ours are made of these rows and of nothing else.
"""

from __future__ import annotations

from datetime import datetime

from django.db import models

from alphapanda.core.timezone import IST
from portfolio.models import Account
from trading.models.columns import choices_of, id_column, price_column
from trading.orders.life_cycle import AT_THE_EXCHANGE, BrokerState, OrderState


class BookReading(models.Model):
    """One whole reading of the day's orders and trades: what an order's absence is judged by."""

    id = id_column()
    account = models.ForeignKey(Account, on_delete=models.PROTECT)
    began_at = models.DateTimeField(help_text="wall time at which the first request left")
    market_time = models.DateTimeField(help_text="market time at which it began")
    newest_placed_at = models.DateTimeField(null=True, help_text="of all orders shown, by the broker's clock")
    orders = models.PositiveIntegerField()
    trades = models.PositiveIntegerField()
    is_compared = models.BooleanField(default=False, help_text="positions were read in the same quiet moment")

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["account", "-began_at"], name="book_reading_latest")]


class SeenOrderQuerySet(models.QuerySet["SeenOrder"]):
    def strangers(self, now: datetime) -> SeenOrderQuerySet:
        """Orders of the day that rest at the exchange and are not ours: the owner's, or another installation's.

        A book is of one day: what an earlier one showed resting rests no more.
        """
        midnight = now.astimezone(IST).replace(hour=0, minute=0, second=0, microsecond=0)
        return self.filter(tag="", state__in=AT_THE_EXCHANGE, placed_at__gte=midnight)

    def to_cancel(self, now: datetime) -> SeenOrderQuerySet:
        """Those with a cancellation asked that has not left us yet, or came to nothing."""
        return self.strangers(now).filter(cancel_requested_at__isnull=False, cancel_sent_at__isnull=True)


class SeenOrder(models.Model):
    """An order in the broker's book, ours by its tag or somebody else's, as it was last seen."""

    id = id_column()
    account = models.ForeignKey(Account, on_delete=models.PROTECT)
    broker_order_id = models.CharField(max_length=32)
    tag = models.CharField(max_length=20, blank=True, help_text="of one of our orders; empty: nobody's here")
    exchange = models.CharField(max_length=8)
    tradingsymbol = models.CharField(max_length=64)
    product = models.CharField(max_length=8)
    signed_quantity = models.IntegerField()
    state = models.CharField(max_length=16, choices=choices_of(OrderState))
    broker_status = models.CharField(max_length=64)
    is_changing = models.BooleanField(default=False, help_text="a change or a cancellation is under way there")
    filled_quantity = models.PositiveIntegerField()
    price = price_column(null=True)
    average_price = price_column(null=True)
    words = models.CharField(max_length=300, blank=True)
    placed_at = models.DateTimeField(null=True)
    updated_at = models.DateTimeField(null=True, help_text="by the exchange's clock")
    seen_at = models.DateTimeField(help_text="wall time of the reading that last changed it")
    is_taken = models.BooleanField(default=False, help_text="its last change is part of our own book")
    variety = models.CharField(max_length=16, blank=True, help_text="the broker's kind of order")
    cancel_requested_at = models.DateTimeField(null=True, help_text="market time; of an order that is not ours")
    cancel_requested_by = models.CharField(max_length=150, blank=True)
    cancel_sent_at = models.DateTimeField(null=True, help_text="wall time")

    objects = SeenOrderQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["account", "broker_order_id"], name="one_seen_order")]
        indexes = [
            models.Index(fields=["tag"], name="seen_order_tag"),
            models.Index(fields=["account"], condition=models.Q(is_taken=False), name="seen_order_untaken"),
        ]

    def __str__(self) -> str:
        side = "buy" if self.signed_quantity > 0 else "sell"
        what = f"{side} {abs(self.signed_quantity)} {self.exchange}:{self.tradingsymbol} {self.product}"
        return f"{what}, {self.broker_status.lower()}, order {self.broker_order_id}"


class SeenTrade(models.Model):
    """A trade in the broker's book; ours are booked, once each."""

    id = id_column()
    account = models.ForeignKey(Account, on_delete=models.PROTECT)
    day = models.DateField()
    exchange = models.CharField(max_length=8)
    trade_id = models.CharField(max_length=32)
    broker_order_id = models.CharField(max_length=32)
    tag = models.CharField(max_length=20, blank=True, help_text="of one of our orders; empty: nobody's here")
    tradingsymbol = models.CharField(max_length=64)
    product = models.CharField(max_length=8)
    signed_quantity = models.IntegerField()
    price = price_column()
    traded_at = models.DateTimeField()
    seen_at = models.DateTimeField(help_text="wall time")
    is_booked = models.BooleanField(default=False)
    attempts = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["traded_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["account", "day", "exchange", "trade_id", "broker_order_id"], name="one_seen_trade"
            )
        ]
        indexes = [models.Index(fields=["account"], condition=models.Q(is_booked=False), name="seen_trade_unbooked")]


class BrokerStanding(models.Model):
    """Whether an account's broker takes orders now, and if not, why. No row: nothing has been wrong yet."""

    id = id_column()
    account = models.OneToOneField(Account, on_delete=models.CASCADE, related_name="standing")
    state = models.CharField(max_length=12, choices=choices_of(BrokerState), default=BrokerState.NORMAL)
    code = models.CharField(max_length=32, blank=True, help_text="the broker's word for what is wrong")
    reason = models.CharField(max_length=300, blank=True)
    changed_at = models.DateTimeField(help_text="market time")

    def __str__(self) -> str:
        return f"{self.account}: {self.state}"


class BookDifference(models.Model):
    """What the broker holds more (or less) than our books in an instrument and product; 0 where they agree again.

    ``quantity`` is D of exits.md: the broker's net, less ours, less fills it has told and we have not booked.
    """

    id = id_column()
    account = models.ForeignKey(Account, on_delete=models.PROTECT)
    exchange = models.CharField(max_length=8)
    tradingsymbol = models.CharField(max_length=64)
    product = models.CharField(max_length=8)
    ours = models.IntegerField()
    theirs = models.IntegerField()
    quantity = models.IntegerField()
    times_seen = models.PositiveIntegerField(default=1, help_text="in a row, by readings apart")
    first_seen_at = models.DateTimeField(help_text="market time")
    last_seen_at = models.DateTimeField(help_text="market time")
    allowed_quantity = models.IntegerField(null=True, help_text="the difference that a person lets exits pass")
    allowed_by = models.CharField(max_length=150, blank=True)
    allowed_at = models.DateTimeField(null=True, help_text="market time")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "exchange", "tradingsymbol", "product"], name="one_book_difference"
            )
        ]

    def __str__(self) -> str:
        return f"{self.exchange}:{self.tradingsymbol} {self.product}: {self.ours} here, {self.theirs} at the broker"


class Arming(models.Model):
    """A person's word that an account may open new risk with real money on a day."""

    id = id_column()
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="armings")
    day = models.DateField()
    armed_by = models.CharField(max_length=150)
    armed_at = models.DateTimeField(help_text="market time")
    ended_by = models.CharField(max_length=150, blank=True)
    ended_at = models.DateTimeField(null=True, help_text="market time")
    reason = models.CharField(max_length=300, blank=True, help_text="why it ended")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "day"], condition=models.Q(ended_at__isnull=True), name="armed_once_a_day"
            )
        ]
