"""What a run learns from: the candles its strategy asked to warm up on, and which they were when it did."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson

from instruments.models import Instrument
from market.models import Candle as CandleRow
from trading.models import History
from trading.strategies.values import Candle


def kept_candles(warmup: Mapping[int, int], instruments: Mapping[str, Instrument], until: datetime) -> list[Candle]:
    """Return the last candles that began before ``until``, oldest first, equal times by key.

    ``warmup`` says how many, by interval in minutes.
    """
    found: list[Candle] = []
    for interval, count in warmup.items():
        for key, instrument in instruments.items():
            rows = CandleRow.objects.last_before(instrument.pk, interval, until, count)
            found += [
                Candle(key, interval, row.start, row.open, row.high, row.low, row.close, row.volume, row.complete)
                for row in rows
            ]
    return sorted(found, key=lambda candle: (candle.start, candle.interval, candle.instrument))


def history_of(candles: Iterable[Candle]) -> History:
    """Return candles as a row that is named by its content; it is not saved."""
    rows = [
        [one.instrument, one.interval, one.start.isoformat(), *map(str, _prices(one)), one.volume, one.complete]
        for one in candles
    ]
    return History(digest=hashlib.sha256(orjson.dumps(rows)).hexdigest(), candles=rows)


def _prices(candle: Candle) -> tuple[Decimal, ...]:
    return candle.open, candle.high, candle.low, candle.close


def learned_candles(digest: str, names: Mapping[str, str]) -> list[Candle]:
    """Return what a run has learned from before; ``names`` gives former keys their current ones.

    Raises History.DoesNotExist.
    """
    return [_candle(row, names) for row in History.objects.get(digest=digest).candles]


def _candle(row: list[Any], names: Mapping[str, str]) -> Candle:
    key, interval, start, *prices, volume, complete = row
    opened, high, low, close = map(Decimal, prices)
    start = datetime.fromisoformat(start)
    return Candle(names.get(key, key), interval, start, opened, high, low, close, volume, complete)
