"""What was filled today, as marks on the curve of the day's net."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from typing import TypedDict

from alphapanda.core.figures import clock_minute, counted, iso, plain, whole
from alphapanda.dashboard.panels.context import PageContext
from alphapanda.dashboard.panels.naming import done_word, symbol_of
from instruments.domain.order_terms import side_of
from trading.models import Fill

# More marks than pixels say nothing; the newest are what one looks for.
MOST_FILLS, MOST_NAMED = 400, 4
Moments = Sequence[tuple[datetime, Decimal]]


class FillMark(TypedDict):
    """The fills of one minute: where on the curve (epoch seconds, exact net), and what they were."""

    key: str
    at: int
    time: str | None
    net: str
    words: str


def fill_marks(page: PageContext, mode: str, curve: Moments) -> list[FillMark]:
    """``mode`` is whose money the curve is of; without a curve there is nothing to mark."""
    if not curve:
        return []
    fills = Fill.objects.filter(order__account__mode=mode, at__gte=page.midnight, at__lte=page.now)
    newest = fills.select_related("order__instrument").order_by("-at", "-pk")[:MOST_FILLS]
    by_minute = groupby(sorted(newest, key=lambda fill: (fill.at, fill.pk)), lambda fill: minute_of(fill.at))
    return [mark_of(minute, list(filled), curve) for minute, filled in by_minute]


def minute_of(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)


def mark_of(minute: datetime, filled: Sequence[Fill], curve: Moments) -> FillMark:
    last = filled[-1].at
    return {
        "key": str(int(minute.timestamp())),
        "at": int(last.timestamp()),
        "time": iso(minute),
        "net": f"{net_at(last, curve):f}",
        "words": f"{clock_minute(minute)} {'; '.join(named(filled))}",
    }


def named(filled: Sequence[Fill]) -> list[str]:
    shown = [fill_words(fill) for fill in filled[:MOST_NAMED]]
    more = len(filled) - MOST_NAMED
    return [*shown, f"and {counted(more, 'more fill', 'more fills')}"] if more > 0 else shown


def fill_words(fill: Fill) -> str:
    side = done_word(side_of(fill.signed_quantity))
    return f"{side} {whole(abs(fill.signed_quantity))} {symbol_of(fill.order.instrument)} at {plain(fill.price)}"


def net_at(at: datetime, curve: Moments) -> Decimal:
    """Where the line is at a time: between two of its points as it is drawn, and never beyond its ends."""
    before = max((point for point in curve if point[0] <= at), default=curve[0])
    after = min((point for point in curve if point[0] >= at), default=curve[-1])
    span = (after[0] - before[0]).total_seconds()
    if not span:
        return before[1]
    share = Decimal((at - before[0]).total_seconds()) / Decimal(span)
    return (before[1] + (after[1] - before[1]) * share).quantize(Decimal("0.01"))
