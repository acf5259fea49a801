"""Are the books in order? Asked often, so it counts and does not rebuild."""

from __future__ import annotations

from django.db.models import BigIntegerField, Count, F, OuterRef, Subquery, Sum
from django.db.models.functions import Cast, Coalesce

from portfolio.models import Position, Trade


def book_problems() -> list[str]:
    """What is wrong with the books, in words; empty when they are in order."""
    return [*uncharged_trades(), *quantities_that_differ()]


def uncharged_trades() -> list[str]:
    waiting = Trade.objects.without_charges().values_list("account__name").annotate(Count("pk"))
    return [f"{name}: {count} trades have no known charges" for name, count in waiting.order_by("account__name")]


def quantities_that_differ() -> list[str]:
    """Positions whose quantity is not the sum of their trades. One that was split is left to the nightly rebuild."""
    same = Trade.objects.filter(
        portfolio=OuterRef("portfolio"), instrument=OuterRef("instrument"), product=OuterRef("product")
    ).order_by()
    traded = same.values("portfolio").annotate(total=Cast(Sum("signed_quantity"), BigIntegerField()))
    total = Coalesce(Subquery(traded.values("total")), 0, output_field=BigIntegerField())
    positions = Position.objects.annotate(traded=total)
    wrong = positions.exclude(quantity=F("traded")).filter(receivables__isnull=True).select_related("instrument")
    return [f"{row.instrument.key}: {row.quantity} held, {row.traded} traded" for row in wrong]
