"""Hands out candles day by day: which begin at a minute, and which have ended and are to be heard. Pure.

A day's columns become plain numbers once; to ask an array for one number after another is dear.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from operator import itemgetter
from typing import NamedTuple

import numpy as np

from market.domain.ticks import prices_of, to_price
from trading.lab.candles import MINUTE, Bars, day_begins, moment
from trading.strategies.values import Candle, PastCandles


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
    """The candles of one instrument and interval as they are heard: ``nth`` is the next, ``first`` the first at all."""

    token: int
    key: str
    interval: int
    bars: Bars
    ends: np.ndarray
    nth: int = 0
    first: int | None = None
    _of_day: list[int] = field(default_factory=list)  # when those of the day end, from ``_day_first`` on
    _day_first: int = 0

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

    def begin_day(self, until: int) -> None:
        """Make those ready that end by ``until``; what was not heard of the days before comes first."""
        upto = int(np.searchsorted(self.ends, until, side="right"))
        self._of_day, self._day_first = self.ends[self.nth : upto].tolist(), self.nth

    def take_until(self, now: int) -> range:
        """Return which of the day's candles have ended by ``now`` and were not heard yet: now they are."""
        begin = self.nth
        self.nth = self._day_first + bisect_right(self._of_day, now, begin - self._day_first)
        return range(begin, self.nth)

    def past(self, which: range) -> PastCandles:
        return PastCandles(self.key, self.interval, self.bars.part(which.start, which.stop), prices_of(self.token))


@dataclass
class BarFeed:
    """``bars`` are one-minute candles by token."""

    bars: Mapping[int, Bars]
    series: list[Series]
    _days: dict[int, tuple[int, int]] = field(default_factory=dict)  # the day's rows, by token: from, behind
    _rows: dict[int, dict[int, Row]] = field(default_factory=dict)  # those asked for, by token and start

    def begin_at(self, first: int) -> Iterator[tuple[int, Row]]:
        """Pass over all before ``first``; yields the last candle of each instrument, by token."""
        for one in self.series:
            one.nth = int(np.searchsorted(one.ends, first, side="right"))
            one.first = one.nth if one.first is None else one.first
        for token, bars in self.bars.items():
            nth = int(np.searchsorted(bars.start, first))
            if nth:
                yield token, row_of(bars, nth - 1)

    def minutes_from(self, first: int) -> np.ndarray:
        """Every minute from ``first`` on that begins a candle of any instrument, in seconds since 1970."""
        columns = [bars.start[np.searchsorted(bars.start, first) :] for bars in self.bars.values()]
        return np.unique(np.concatenate(columns)) if columns else np.zeros(0, np.int64)

    def begin_day(self, day: int) -> None:
        """Make a day's candles ready."""
        begins, ends = day_begins(day), day_begins(day + 1)
        self._rows = {}
        self._days = {
            token: tuple(np.searchsorted(bars.start, (begins, ends)).tolist()) for token, bars in self.bars.items()
        }
        for one in self.series:
            one.begin_day(ends)

    def rows_of_day(self, token: int) -> tuple[int, int]:
        """Return where in its columns the day's rows begin, and behind where they end."""
        return self._days[token]

    def rows(self, token: int) -> dict[int, Row]:
        """Return the day's rows by their start. To make them is dear, and many a day nothing happens."""
        rows = self._rows.get(token)
        if rows is None:
            rows = self._rows[token] = {row.start: row for row in _rows(self.bars[token], *self._days[token])}
        return rows

    def heard_until(self, now: int, tokens: Collection[int]) -> list[Candle]:
        """Return the candles of these that have ended by ``now`` and were not heard yet, oldest first."""
        due = [
            (int(one.ends[nth]), one.interval, one.key, nth, one)
            for one in self.series
            if one.token in tokens
            for nth in one.take_until(now)
        ]
        return [one.candle(nth) for *_, nth, one in sorted(due, key=itemgetter(0, 1, 2))]

    def comes_again(self, token: int, after: int) -> bool:
        """Whether the day has another candle of it that begins after a moment."""
        return next(reversed(self.rows(token)), after) > after


def row_of(bars: Bars, nth: int) -> Row:
    return next(_rows(bars, nth, nth + 1))


def _rows(bars: Bars, begin: int, end: int) -> Iterator[Row]:
    columns = (getattr(bars, name)[begin:end].tolist() for name in Row._fields)
    return map(Row._make, zip(*columns, strict=True))
