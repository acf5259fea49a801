"""The candles a strategy asked to warm up on, as they are kept."""

from collections.abc import Mapping
from datetime import datetime

from instruments.models import Instrument
from market.models import Candle as CandleRow
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
