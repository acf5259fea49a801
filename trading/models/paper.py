"""The paper exchange's own book. Only process_ticks moves it; requests wait here until their latency is over."""

from django.db import models
from django.db.models import Q

from instruments.models import Instrument
from portfolio.models import Account
from trading.models.columns import id_column, price_column


class PaperRequest(models.Model):
    """What is on its way to the paper exchange: an order, a change, a cancellation. Each once, however often asked."""

    class Kind(models.TextChoices):
        PLACE = "place"
        CANCEL = "cancel"
        MODIFY = "modify"

    id = id_column()
    tag = models.CharField(max_length=20)
    kind = models.CharField(max_length=8, choices=Kind)
    number = models.PositiveSmallIntegerField(default=0, help_text="of an order's modifications, which can be several")
    account = models.ForeignKey(Account, on_delete=models.PROTECT)
    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT)
    ticket = models.JSONField(default=dict, help_text="what is asked, as matching reads it")
    arrives_at = models.DateTimeField(help_text="market time")
    is_done = models.BooleanField(default=False)
    written_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tag", "kind", "number"], name="paper_request_once")]
        indexes = [
            models.Index(fields=["instrument", "arrives_at"], condition=Q(is_done=False), name="paper_request_due")
        ]


class PaperOrder(models.Model):
    """An order as the paper exchange has it."""

    id = id_column()
    tag = models.CharField(max_length=20, unique=True)
    account = models.ForeignKey(Account, on_delete=models.PROTECT)
    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT)
    broker_order_id = models.CharField(max_length=32, unique=True)
    status = models.CharField(max_length=16)
    message = models.CharField(max_length=300, blank=True)
    filled_quantity = models.PositiveIntegerField(default=0)
    is_resting = models.BooleanField(default=True)
    matching = models.JSONField(help_text="the order as matching keeps it")
    modify_number = models.PositiveSmallIntegerField(default=0, help_text="the last modification answered")
    modify_refusal = models.CharField(max_length=300, blank=True)
    changed_at = models.DateTimeField(help_text="market time")
    is_reported = models.BooleanField(default=False, help_text="its last change has been read")
    attempts = models.PositiveIntegerField(default=0)

    class Meta:
        indexes = [
            models.Index(fields=["instrument"], condition=Q(is_resting=True), name="paper_order_resting"),
            models.Index(fields=["account"], condition=Q(is_reported=False), name="paper_order_unreported"),
        ]


class PaperTrade(models.Model):
    """A trade at the paper exchange; booked exactly as a broker's would be."""

    id = id_column()
    tag = models.CharField(max_length=20)
    ordinal = models.PositiveIntegerField()
    trade_id = models.CharField(max_length=32)
    account = models.ForeignKey(Account, on_delete=models.PROTECT)
    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT)
    signed_quantity = models.IntegerField()
    price = price_column()
    traded_at = models.DateTimeField(help_text="market time")
    is_booked = models.BooleanField(default=False)
    attempts = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["tag", "ordinal"], name="paper_trade_once")]
        indexes = [models.Index(fields=["account"], condition=Q(is_booked=False), name="paper_trade_unbooked")]


class PaperLiquidity(models.Model):
    """The book last matched against, less what our own paper fills have taken of it."""

    id = id_column()
    instrument = models.OneToOneField(Instrument, on_delete=models.CASCADE)
    liquidity = models.JSONField()


class PriceBand(models.Model):
    """The day's circuit band of an instrument, as the broker quotes it; the ticker does not carry it."""

    id = id_column()
    instrument = models.ForeignKey(Instrument, on_delete=models.CASCADE)
    day = models.DateField()
    low = price_column()
    high = price_column()
    told_at = models.DateTimeField(help_text="market time at which the broker told it")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["instrument", "day"], name="one_band_a_day")]
