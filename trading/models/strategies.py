"""Strategies, the deployments that put them on an account, and each deployment's runs."""

from datetime import time

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from instruments.domain.order_terms import PRODUCT_LABELS, Product, choices_from
from instruments.models import Instrument
from market.models import Shard
from portfolio.models import Account
from trading.models.columns import choices_of, id_column, price_column
from trading.orders.life_cycle import DeploymentState

# Our own choices: the first minutes are wild, and what is still open when Zerodha squares MIS off itself costs ₹50 an
# order (kite.md 5.1).
ENTRY_FROM, ENTRY_UNTIL, FLAT_BY = time(9, 20), time(14, 45), time(15, 5)


class Strategy(models.Model):
    """A strategy found in code. Rows are written when the database is migrated; they are never typed in."""

    id = id_column()
    name = models.SlugField(max_length=64, unique=True)
    title = models.CharField(max_length=128)
    description = models.TextField(blank=True)
    code_hash = models.CharField(max_length=64)
    is_available = models.BooleanField(default=True, help_text="its code was found when the database was migrated")

    class Meta:
        verbose_name_plural = "strategies"
        ordering = ["title"]

    def __str__(self) -> str:
        return self.title


class DeploymentQuerySet(models.QuerySet["Deployment"]):
    def working(self) -> "DeploymentQuerySet":
        """Those whose run goes on: they hear ticks, or at least keep their exits managed."""
        return self.exclude(state=DeploymentState.STOPPED)


class Deployment(models.Model):
    """One strategy with parameters on one account."""

    class Sizing(models.TextChoices):
        LOTS = "lots", "a number of lots"
        CAPITAL = "capital", "capital per position, ₹"
        RISK = "risk", "risk per trade, ₹"

    class Style(models.TextChoices):
        MARKET = "market", "at market, with protection"
        LIMIT = "limit", "limit at the other side of the book"

    id = id_column()
    name = models.CharField(max_length=64, unique=True)
    strategy = models.ForeignKey(Strategy, on_delete=models.PROTECT)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="deployments")
    shard = models.ForeignKey(Shard, on_delete=models.PROTECT, related_name="deployments")
    instruments = models.ManyToManyField(Instrument, help_text="what it trades and reads")
    parameters = models.JSONField(default=dict, blank=True)
    product = models.CharField(max_length=4, choices=choices_from(PRODUCT_LABELS), default=Product.MIS)
    sizing = models.CharField(max_length=8, choices=Sizing, default=Sizing.LOTS)
    size = price_column(help_text="lots, or rupees, as the sizing says")
    order_style = models.CharField(max_length=8, choices=Style, default=Style.MARKET)
    entry_from = models.TimeField(default=ENTRY_FROM, help_text="no entry before, IST")
    entry_until = models.TimeField(default=ENTRY_UNTIL, help_text="no entry after, IST")
    flat_by = models.TimeField(
        null=True, blank=True, default=FLAT_BY, help_text="an intraday product is flat by then, IST"
    )
    state = models.CharField(max_length=8, choices=choices_of(DeploymentState), default=DeploymentState.STOPPED)
    state_reason = models.CharField(max_length=300, blank=True)
    state_since = models.DateTimeField(null=True)
    stop_when_flat_by = models.CharField(max_length=150, blank=True, help_text="who asked to stop it once it is flat")
    version = models.PositiveIntegerField(default=0)

    objects = DeploymentQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(name="deployment_size_positive", condition=Q(size__gt=0)),
            models.CheckConstraint(name="intraday_is_flat_by", condition=~Q(product="MIS") | Q(flat_by__isnull=False)),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        problems: dict[str, str] = {}
        if self.product == Product.MIS and self.flat_by is None:
            problems["flat_by"] = "MIS is squared off by the broker in the afternoon: say when to be flat before that."
        if self.entry_from and self.entry_until and self.entry_from >= self.entry_until:
            problems["entry_until"] = f"{self.entry_until} is not after {self.entry_from}."
        if self.flat_by and self.entry_until and self.flat_by < self.entry_until:
            problems["flat_by"] = f"{self.flat_by} is before the last entry at {self.entry_until}."
        if problems:
            raise ValidationError(problems)


class Run(models.Model):
    """A deployment from start to stop: one code, one set of parameters. It survives restarts of processes."""

    id = id_column()
    deployment = models.ForeignKey(Deployment, on_delete=models.PROTECT, related_name="runs")
    number = models.PositiveIntegerField()
    code_hash = models.CharField(max_length=64)
    parameters = models.JSONField()
    terms = models.JSONField(help_text="product, size, windows and instruments as they stood at the start")
    started_at = models.DateTimeField(help_text="market time")
    ended_at = models.DateTimeField(null=True, help_text="market time")
    ended_reason = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["-started_at"]
        constraints = [
            models.UniqueConstraint(fields=["deployment", "number"], name="run_number"),
            models.UniqueConstraint(fields=["deployment"], condition=Q(ended_at__isnull=True), name="one_open_run"),
        ]

    def __str__(self) -> str:
        return f"{self.deployment.name}, run {self.number}"


class RunInput(models.Model):
    """What a run is told besides ticks: fills, ends of orders, changes. Consumed at a stream position, so that a
    rebuild hears it at the same place. No position yet: not heard yet."""

    id = id_column()
    run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="inputs")
    kind = models.CharField(
        max_length=16, help_text="begin, fill, expired, adjusted, relearn, ended, exits_only, resume, end"
    )
    ref = models.CharField(max_length=128, help_text="what it tells of; told once")
    payload = models.JSONField(default=dict)
    epoch = models.BigIntegerField(null=True)
    n = models.BigIntegerField(null=True)
    written_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "kind", "ref"], name="run_input_told_once")]
        indexes = [
            models.Index(fields=["run"], condition=Q(epoch__isnull=True), name="run_input_waiting"),
            models.Index(fields=["run", "epoch", "n"], name="run_input_position"),
            models.Index(fields=["run", "ref"], condition=Q(kind="adjusted"), name="run_input_adjusted"),
        ]


class History(models.Model):
    """Candles a run has learned from, as they were then: one repaired or adjusted later does not change its past."""

    digest = models.CharField(max_length=64, primary_key=True, help_text="SHA-256 of the candles")
    candles = models.JSONField(help_text="key, interval, start, open, high, low, close, volume, complete; oldest first")

    class Meta:
        verbose_name_plural = "histories"


class Checkpoint(models.Model):
    """A shard's memory at one stream position: what a rebuild starts from."""

    id = id_column()
    shard = models.OneToOneField(Shard, on_delete=models.CASCADE)
    epoch = models.BigIntegerField()
    n = models.BigIntegerField()
    market_time = models.DateTimeField()
    memory = models.JSONField()


class DayOpening(models.Model):
    """A shard's memory at its first checkpoint of a market day: what running that day again starts from."""

    id = id_column()
    shard = models.ForeignKey(Shard, on_delete=models.CASCADE, related_name="openings")
    day = models.DateField()
    epoch = models.BigIntegerField()
    n = models.BigIntegerField()
    memory = models.JSONField()

    class Meta:
        ordering = ["-day"]
        constraints = [models.UniqueConstraint(fields=["shard", "day"], name="one_opening_a_day")]


class Evaluation(models.Model):
    """Why a run did not trade: a sampled "wait", in words and numbers."""

    id = id_column()
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="evaluations")
    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT)
    at = models.DateTimeField(help_text="market time")
    text = models.CharField(max_length=300)
    numbers = models.JSONField(default=dict)
    nearness = models.FloatField(null=True, help_text="0 far from acting, 1 about to")

    class Meta:
        indexes = [models.Index(fields=["run", "-at"], name="evaluation_latest")]
