"""What charges cost from when on, and who says so."""

from __future__ import annotations

from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint

from portfolio.domain.charges import ChargeKind, ChargeSegment
from portfolio.models.fields import money_column, uuid_key

CHARGE_CHOICES = [(kind.value, kind.value.replace("_", " ").capitalize()) for kind in ChargeKind]
SEGMENT_CHOICES = [(segment.value, segment.value.capitalize()) for segment in ChargeSegment]


class ChargeRate(models.Model):
    """What one charge costs from a day on, and who says so. Unknown is never zero: a zero is a row."""

    id = uuid_key()
    kind = models.CharField(max_length=24, choices=CHARGE_CHOICES)
    exchange = models.CharField(max_length=8)
    segment = models.CharField(max_length=16, choices=SEGMENT_CHOICES)
    effective_from = models.DateField()
    buy_rate = models.DecimalField(max_digits=14, decimal_places=10, help_text="Of the turnover bought.")
    sell_rate = models.DecimalField(max_digits=14, decimal_places=10, help_text="Of the turnover sold.")
    cap = money_column(null=True, blank=True, help_text="Rupees, the most for one executed order.")
    flat = money_column(null=True, blank=True, help_text="Rupees for each executed order (DP: each share and day).")
    source = models.CharField(max_length=200, help_text="Where it stands: circular, charge list, date.")

    class Meta:
        ordering = ["exchange", "segment", "kind", "-effective_from"]
        constraints = [
            UniqueConstraint(fields=["kind", "exchange", "segment", "effective_from"], name="charge_rate_once"),
            CheckConstraint(
                name="charge_rate_not_negative",
                condition=Q(buy_rate__gte=0, sell_rate__gte=0)
                & (Q(cap__isnull=True) | Q(cap__gte=0))
                & (Q(flat__isnull=True) | Q(flat__gte=0)),
                violation_error_message="A charge is never negative.",
            ),
            CheckConstraint(
                name="charge_rate_has_source",
                condition=~Q(source=""),
                violation_error_message="Say where the figure comes from.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.exchange} {self.segment} from {self.effective_from}"
