"""Write closed candles, ours and history's: one row a bucket, and a complete one is never replaced."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from django.db import connection
from django.db.models import QuerySet

from alphapanda.core.ids import new_id
from instruments.models import Instrument
from market.domain.candles import ClosedCandle
from market.domain.ticks import to_price
from market.models import Candle, KeptHistory

HistoryRow = tuple[datetime, Decimal, Decimal, Decimal, Decimal, int]
INSERT = """
INSERT INTO market_candle (id, instrument_id, interval, start, open, high, low, close, volume, complete)
SELECT * FROM unnest(%s::uuid[], %s::uuid[], %s::smallint[], %s::timestamptz[], %s::numeric[], %s::numeric[],
                     %s::numeric[], %s::numeric[], %s::bigint[], %s::boolean[])
ON CONFLICT (instrument_id, interval, start) DO UPDATE
SET open = excluded.open, high = excluded.high, low = excluded.low, close = excluded.close,
    volume = excluded.volume, complete = excluded.complete
WHERE NOT market_candle.complete AND excluded.complete
"""


def store_candles(instruments: Mapping[int, Instrument], candles: Iterable[ClosedCandle]) -> None:
    """Write candles of the book; ``instruments`` by token, of which unknown ones are left out."""
    _insert(
        [
            (
                instruments[one.token].pk,
                one.interval,
                one.start,
                *(to_price(getattr(one, name), one.token) for name in ("open", "high", "low", "close")),
                one.volume,
                one.complete,
            )
            for one in candles
            if one.token in instruments
        ]
    )


def store_history(instrument: Instrument, interval: int, rows: Iterable[HistoryRow]) -> int:
    """Write the broker's candles (start, open, high, low, close, volume) of one interval. Returns how many."""
    values = [(instrument.pk, interval, *row, True) for row in rows]
    _insert(values)
    return len(values)


def drop_history(instrument: Instrument, before: datetime) -> int:
    """Drop the candles that began before a moment, whoever made them: a split has made them wrong. Returns how many.

    Nothing of the instrument counts as kept then: what is asked for next is fetched anew.
    """
    KeptHistory.objects.filter(instrument=instrument).delete()
    dropped, _ = Candle.objects.filter(instrument=instrument, start__lt=before).delete()
    return dropped


def let_minutes_go(rows: QuerySet[Candle], before: datetime, most: int) -> int:
    """Delete at most so many of these one-minute candles, all older than ``before``. Returns how many.

    What counts as kept of their series begins after them then: what is asked for next is fetched anew. Call inside a
    transaction.
    """
    going = list(rows.order_by("instrument", "start").values_list("pk", "instrument_id")[:most])
    kept = KeptHistory.objects.filter(instrument__in={instrument for _, instrument in going}, interval=1)
    kept.filter(until__lte=before).delete()
    kept.filter(since__lt=before).update(since=before)
    dropped, _ = Candle.objects.filter(pk__in=[pk for pk, _ in going]).delete()
    return dropped


def _insert(rows: Sequence[tuple[object, ...]]) -> None:
    if not rows:
        return
    ids = [new_id() for _ in rows]
    with connection.cursor() as cursor:
        cursor.execute(INSERT, [ids, *(list(column) for column in zip(*rows, strict=True))])
