"""Profit as it stood, minute by minute."""

from __future__ import annotations

from django.db import models
from django.db.models import UniqueConstraint

from alphapanda.core.figures import clock_minute, long_date
from portfolio.models.accounts import Portfolio
from portfolio.models.fields import money_column, uuid_key


class PnlSnapshot(models.Model):
    """A portfolio's profit of the day so far, each minute of market time. Empty is unknown, not zero."""

    id = uuid_key()
    portfolio = models.ForeignKey(Portfolio, models.PROTECT, related_name="snapshots")
    at = models.DateTimeField()
    day = models.DateField()
    realised = money_column(help_text="Of the day, before charges.")
    unrealised = money_column(null=True, help_text="Of all that is open, against what it cost.")
    opened_with = money_column(null=True, help_text="Unrealised that the day began with.")
    charges = money_column(null=True, help_text="Of the day.")
    net = money_column(null=True, help_text="realised + unrealised − opened with − charges.")
    worst = money_column(null=True, help_text="The lowest net of the day so far.")

    class Meta:
        ordering = ["-at"]
        constraints = [UniqueConstraint(fields=["portfolio", "at"], name="pnl_snapshot_once")]
        indexes = [models.Index(fields=["portfolio", "day", "-at"], name="pnl_snapshot_day")]

    def __str__(self) -> str:
        return f"{self.portfolio} {long_date(self.at)} {clock_minute(self.at)}: {self.net}"
