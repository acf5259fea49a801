"""What we saw: feeds and who runs them, how far each shard is, candles, subscriptions, recordings."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from alphapanda.core.figures import iso
from alphapanda.core.ids import new_id
from instruments.models import Instrument
from market.querysets import CandleQuerySet, FeedLeaseQuerySet, ShardQuerySet, SubscriptionQuerySet

LEASE_SECONDS = 6


class Feed(models.Model):
    """One source of ticks: one data account, one process at a time."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.SlugField(max_length=40, unique=True)
    data_account = models.CharField(
        max_length=64, blank=True, help_text="Name of the account whose login carries the data; empty: none."
    )
    source = models.CharField(
        max_length=200,
        blank=True,
        help_text="Dotted path of the tick source; empty: TICK_SOURCE of the settings.",
    )
    is_active = models.BooleanField(default=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class FeedLease(models.Model):
    """Who may write a feed's stream: one holder, and an epoch that only rises."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    feed = models.OneToOneField(Feed, on_delete=models.CASCADE, related_name="lease")
    epoch = models.BigIntegerField(default=0)
    holder = models.CharField(max_length=120, blank=True)
    # By the database's clock: two machines never agree on the time, one database does.
    renewed_at = models.DateTimeField(null=True, db_default=Now())

    objects = FeedLeaseQuerySet.as_manager()

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(epoch__gte=0), name="lease_epoch_never_negative")]

    def __str__(self) -> str:
        return f"{self.feed} epoch {self.epoch} held by {self.holder or 'nobody'}"


class Shard(models.Model):
    """How far the stream of a feed has been processed and committed."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    feed = models.ForeignKey(Feed, on_delete=models.CASCADE, related_name="shards")
    number = models.PositiveSmallIntegerField(default=0)
    epoch = models.BigIntegerField(default=0)
    n = models.BigIntegerField(default=0)

    objects = ShardQuerySet.as_manager()

    class Meta:
        ordering = ["feed", "number"]
        constraints = [models.UniqueConstraint(fields=["feed", "number"], name="one_shard_of_a_number")]

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        """What the queue ``ticks.<name>`` is called after."""
        return f"{self.feed.name}-{self.number}"


class Candle(models.Model):
    """Open, high, low, close and volume of one bucket, closed and never amended."""

    INTERVALS = [(1, "1 minute"), (3, "3"), (5, "5"), (15, "15"), (30, "30"), (60, "60"), (1440, "day")]

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    instrument = models.ForeignKey(Instrument, on_delete=models.CASCADE, related_name="candles")
    interval = models.PositiveSmallIntegerField(choices=INTERVALS, help_text="In minutes; 1440 is a day.")
    start = models.DateTimeField()
    open = models.DecimalField(max_digits=18, decimal_places=4)
    high = models.DecimalField(max_digits=18, decimal_places=4)
    low = models.DecimalField(max_digits=18, decimal_places=4)
    close = models.DecimalField(max_digits=18, decimal_places=4)
    volume = models.BigIntegerField(default=0)
    complete = models.BooleanField(
        default=True, help_text="Not complete: the feed was not live for all of it, so some of it is missing."
    )

    objects = CandleQuerySet.as_manager()

    class Meta:
        ordering = ["instrument", "interval", "start"]
        constraints = [
            models.UniqueConstraint(fields=["instrument", "interval", "start"], name="one_candle_a_bucket"),
            models.CheckConstraint(
                condition=Q(low__lte=models.F("open"), high__gte=models.F("open"))
                & Q(low__lte=models.F("close"), high__gte=models.F("close")),
                name="candle_prices_within_its_range",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.instrument_id} {self.interval} min from {iso(self.start)}"


class KeptHistory(models.Model):
    """From when to when the broker's candles of one series were fetched and kept; up to then it need not be asked."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    instrument = models.ForeignKey(Instrument, on_delete=models.CASCADE, related_name="kept_history")
    interval = models.PositiveSmallIntegerField(help_text="minutes, 1440 a day")
    since = models.DateTimeField(help_text="market time")
    until = models.DateTimeField(help_text="market time; a candle that was forming then is not among them")

    class Meta:
        ordering = ["instrument", "interval"]
        constraints = [
            models.UniqueConstraint(fields=["instrument", "interval"], name="one_kept_history_a_series"),
            models.CheckConstraint(condition=Q(since__lte=models.F("until")), name="kept_history_forwards"),
        ]

    def __str__(self) -> str:
        return f"{self.instrument_id} {self.interval} min until {self.until.isoformat()}"


class Subscription(models.Model):
    """That somebody wants an instrument's ticks, and why; the feed subscribes the union of them all."""

    MODES = [("ltp", "last price"), ("quote", "quote"), ("full", "full, with depth and time")]

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    feed = models.ForeignKey(Feed, on_delete=models.CASCADE, related_name="subscriptions")
    instrument = models.ForeignKey(Instrument, on_delete=models.CASCADE, related_name="subscriptions")
    mode = models.CharField(max_length=5, choices=MODES, default="full")
    ref = models.CharField(max_length=120, help_text="Who asked: deployment:<id>, watchlist, by hand.")
    wants_candles = models.BooleanField(default=False)

    objects = SubscriptionQuerySet.as_manager()

    class Meta:
        ordering = ["feed", "instrument", "ref"]
        constraints = [
            models.UniqueConstraint(fields=["feed", "instrument", "ref"], name="one_subscription_a_reason"),
            # Price and quote packets carry no exchange time, and a candle is made of exchange times.
            models.CheckConstraint(condition=Q(wants_candles=False) | Q(mode="full"), name="candles_need_full_mode"),
        ]

    def __str__(self) -> str:
        return f"{self.instrument_id} for {self.ref}"


class Recording(models.Model):
    """One day's raw frames of one feed in a file; a file goes on from where a restart left it."""

    class State(models.TextChoices):
        OPEN = "open"
        CLOSED = "closed"
        BROKEN = "broken"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    feed = models.ForeignKey(Feed, on_delete=models.CASCADE, related_name="recordings")
    day = models.DateField()
    path = models.CharField(max_length=400)
    frames = models.BigIntegerField(default=0)
    bytes = models.BigIntegerField(default=0)
    sha256 = models.CharField(max_length=64, blank=True)
    state = models.CharField(max_length=8, choices=State, default=State.OPEN)

    class Meta:
        ordering = ["-day", "feed"]
        constraints = [models.UniqueConstraint(fields=["feed", "day"], name="one_recording_a_day")]

    def __str__(self) -> str:
        return f"{self.feed} on {self.day}"
