"""Hands out candles day by day: which begin at a minute, and which have ended and are to be heard. Pure.

A day's columns become plain numbers once; to ask an array for one number after another is dear.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from market.domain.ticks import to_price
from trading.lab.candles import MINUTE, Bars, day_begins, moment
from trading.strategies.values import Candle


class Row(NamedTuple):
    """A one-minute candle in wire prices and units; ``start`` in seconds since 1970."""

    start: int
    open: int
    high: int
    low: int
    close: int
    volume: int

    @property
    def end(self) -> int:
        return self.start + MINUTE


@dataclass
class Series:
    """The candles of one instrument and interval as they are heard: ``nth`` is the next to be made ready."""

    token: int
    key: str
    interval: int
    bars: Bars
    ends: np.ndarray
    nth: int = 0

    def candle(self, nth: int) -> Candle:
        bars, token = self.bars, self.token
        return Candle(
            instrument=self.key,
            interval=self.interval,
            start=moment(bars.start[nth]),
            open=to_price(bars.open[nth], token),
            high=to_price(bars.high[nth], token),
            low=to_price(bars.low[nth], token),
            close=to_price(bars.close[nth], token),
            volume=int(bars.volume[nth]),
            complete=True,
        )


class _Due(NamedTuple):
    """A candle to be heard, in the order of hearing."""

    end: int
    interval: int
    key: str
    nth: int
    series: Series


@dataclass
class BarFeed:
    """``bars`` are one-minute candles by token; ``rows`` are those of the day, by token and start."""

    bars: Mapping[int, Bars]
    series: list[Series]
    rows: dict[int, dict[int, Row]] = field(default_factory=dict)
    _due: list[_Due] = field(default_factory=list)
    _heard: int = 0

    def begin_at(self, first: int) -> Iterator[tuple[int, Row]]:
        """Pass over all before ``first``; yields the last candle of each instrument, by token."""
        for one in self.series:
            one.nth = int(np.searchsorted(one.ends, first, side="right"))
        for token, bars in self.bars.items():
            nth = int(np.searchsorted(bars.start, first))
            if nth:
                yield token, next(_rows(bars, nth - 1, nth))

    def minutes_from(self, first: int) -> np.ndarray:
        """Every minute from ``first`` on that begins a candle of any instrument, in seconds since 1970."""
        columns = [bars.start[np.searchsorted(bars.start, first) :] for bars in self.bars.values()]
        return np.unique(np.concatenate(columns)) if columns else np.zeros(0, np.int64)

    def begin_day(self, day: int) -> None:
        """Make a day's candles ready; what was not heard of the days before comes first."""
        begins, ends = day_begins(day), day_begins(day + 1)
        self.rows = {
            token: {row.start: row for row in _rows(bars, *np.searchsorted(bars.start, (begins, ends)).tolist())}
            for token, bars in self.bars.items()
        }
        fresh = sorted(due for one in self.series for due in _due_until(one, ends))
        self._due, self._heard = self._due[self._heard :] + fresh, 0

    def heard_until(self, now: int) -> Iterator[Candle]:
        """Yield the candles that have ended by ``now`` and were not heard yet, oldest first."""
        while self._heard < len(self._due) and self._due[self._heard].end <= now:
            due = self._due[self._heard]
            self._heard += 1
            yield due.series.candle(due.nth)

    def comes_again(self, token: int, after: int) -> bool:
        """Whether the day has another candle of it that begins after a moment."""
        return next(reversed(self.rows.get(token, {})), after) > after


def _rows(bars: Bars, begin: int, end: int) -> Iterator[Row]:
    columns = (getattr(bars, name)[begin:end].tolist() for name in Row._fields)
    return map(Row._make, zip(*columns, strict=True))


def _due_until(series: Series, end: int) -> Iterator[_Due]:
    upto = int(np.searchsorted(series.ends, end, side="right"))
    nths = range(series.nth, upto)
    ends = series.ends[series.nth : upto].tolist()
    series.nth = upto
    return (_Due(at, series.interval, series.key, nth, series) for at, nth in zip(ends, nths, strict=True))
