"""A backtest that was asked, how far it has come, and what came of it."""

from django.db import models

from trading.models.columns import id_column


class BacktestQuerySet(models.QuerySet["Backtest"]):
    def open(self) -> "BacktestQuerySet":
        return self.filter(state__in=(Backtest.State.WAITING, Backtest.State.RUNNING))


class Backtest(models.Model):
    """Times here are the wall's: nothing of it happens on the market's clock."""

    class State(models.TextChoices):
        WAITING = "waiting", "waiting"
        RUNNING = "running", "running"
        DONE = "done", "done"
        FAULTED = "faulted", "stopped by a fault"
        FAILED = "failed", "failed"
        CANCELLED = "cancelled", "cancelled"

    id = id_column()
    strategy = models.CharField(max_length=64)
    request = models.JSONField(help_text="what was asked; see trading.lab.request")
    state = models.CharField(max_length=12, choices=State, default=State.WAITING)
    asked_by = models.CharField(max_length=150)
    asked_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    beat_at = models.DateTimeField(null=True, help_text="when its worker last said that it is at work")
    worker = models.CharField(max_length=120, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    day = models.DateField(null=True, help_text="the last day played")
    days_played = models.PositiveIntegerField(default=0)
    error = models.TextField(blank=True)
    result = models.JSONField(null=True, help_text="see trading.lab.report")
    code_hash = models.CharField(max_length=64, blank=True)
    data_digest = models.CharField(max_length=64, blank=True)

    objects = BacktestQuerySet.as_manager()

    class Meta:
        ordering = ["-asked_at"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state__in=["done", "faulted"], result__isnull=False)
                | (~models.Q(state__in=["done", "faulted"]) & models.Q(result__isnull=True)),
                name="only_a_whole_backtest_has_a_result",
            )
        ]
        indexes = [models.Index(fields=["asked_at"], condition=models.Q(state="waiting"), name="backtest_waiting")]

    def __str__(self) -> str:
        return f"{self.strategy}, asked {self.asked_at:%Y-%m-%d %H:%M}"


class BacktestHalfway(models.Model):
    """How far a backtest that runs has come, so that after a kill it goes on from there; gone when it is over."""

    backtest = models.OneToOneField(Backtest, models.CASCADE, primary_key=True, related_name="halfway")
    kept_at = models.DateTimeField()
    state = models.BinaryField(help_text="see trading.lab.halfway")

    def __str__(self) -> str:
        return f"{self.backtest}, as of {self.kept_at:%H:%M:%S}"
