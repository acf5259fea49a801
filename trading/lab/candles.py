"""One-minute candles of one instrument as columns, and longer ones made of them. Pure.

Prices are wire integers as in ticks (paise, for shares): int32; starts are seconds since 1970; volumes are units.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from instruments.domain.sessions import DaySchedule

MINUTE, DAY = 60, 86_400
_IST_OFFSET = 19_800
PRICES = ("open", "high", "low", "close")


@dataclass(frozen=True)
class Bars:
    """Columns of one length, oldest first; ``ends`` are when each is over, in seconds since 1970."""

    start: NDArray
    open: NDArray
    high: NDArray
    low: NDArray
    close: NDArray
    volume: NDArray

    def __len__(self) -> int:
        return len(self.start)

    def where(self, wanted: NDArray) -> Bars:
        return Bars(*(getattr(self, name)[wanted] for name in self.__dataclass_fields__))

    def between(self, first: date, last: date) -> Bars:
        """Those of the Indian days from ``first`` to ``last``, both included."""
        days = days_of(self.start)
        begin, end = np.searchsorted(days, _day_number(first)), np.searchsorted(days, _day_number(last), side="right")
        return self.part(int(begin), int(end))

    def part(self, first: int, behind: int) -> Bars:
        return Bars(*(getattr(self, name)[first:behind] for name in self.__dataclass_fields__))

    def digest(self) -> str:
        """SHA-256 (hex) over the columns: the same whatever kind of file they came from."""
        sha = hashlib.sha256()
        for name in self.__dataclass_fields__:
            column = getattr(self, name)
            sha.update(np.ascontiguousarray(column, "<i4" if name in PRICES else "<i8").tobytes())
        return sha.hexdigest()


def days_of(starts: NDArray) -> NDArray:
    """The Indian day of each moment, as days since 1970."""
    return (starts + _IST_OFFSET) // DAY


def _day_number(day: date) -> int:
    return (day - date(1970, 1, 1)).days


def day_begins(number: int) -> int:
    """Midnight in India of a day since 1970, in seconds since 1970."""
    return number * DAY - _IST_OFFSET


def day_of_number(number: int) -> date:
    return date(1970, 1, 1) + timedelta(days=number)


@dataclass(frozen=True)
class Sessions:
    """When an instrument traded, by day of a set of bars: seconds since 1970; −1 where it did not."""

    days: NDArray
    opens: NDArray
    closes: NDArray

    @classmethod
    def of(cls, bars: Bars, schedule: Callable[[date], DaySchedule]) -> Sessions:
        days = np.unique(days_of(bars.start))
        hours = [_hours(schedule(day_of_number(int(day)))) for day in days]
        opens, closes = zip(*hours, strict=True) if hours else ((), ())
        return cls(days, np.array(opens, np.int64), np.array(closes, np.int64))

    def of_each(self, bars: Bars) -> tuple[NDArray, NDArray]:
        """Return when the session of each bar opened and closed."""
        at = np.searchsorted(self.days, days_of(bars.start))
        return self.opens[at], self.closes[at]

    def holds(self, bars: Bars) -> NDArray:
        """Whether each bar begins within continuous trading of its day."""
        opens, closes = self.of_each(bars)
        return (opens >= 0) & (bars.start >= opens) & (bars.start < closes)


def _hours(schedule: DaySchedule) -> tuple[int, int]:
    if schedule.opens_at is None or schedule.closes_at is None:
        return -1, -1
    return int(schedule.opens_at.timestamp()), int(schedule.closes_at.timestamp())


def longer_bars(bars: Bars, interval: int, sessions: Sessions) -> tuple[Bars, NDArray]:
    """Return candles of ``interval`` minutes from the session's opening on, as ticks make them, and when each ends.

    ``bars`` are one-minute candles within their sessions; 1440 minutes are a whole day.
    """
    opens, closes = sessions.of_each(bars)
    bucket = (bars.start - opens) // (interval * MINUTE)
    begins = np.flatnonzero(np.diff(opens, prepend=-1) | np.diff(bucket, prepend=-1))
    if not len(begins):
        return bars, np.zeros(0, np.int64)
    lasts = np.append(begins[1:], len(bars)) - 1
    starts = (opens + bucket * interval * MINUTE)[begins]
    made = Bars(
        start=starts,
        open=bars.open[begins],
        high=np.maximum.reduceat(bars.high, begins),
        low=np.minimum.reduceat(bars.low, begins),
        close=bars.close[lasts],
        volume=np.add.reduceat(bars.volume, begins),
    )
    return made, np.minimum(starts + interval * MINUTE, closes[begins])


def moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)
