"""Candles: one-minute bars of a day's tape, and longer bars made from them."""

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from kitesim.exchange.fair_values import BEAT
from kitesim.exchange.tape import Ints, Tape
from kitesim.exchange.trading_days import midnight_of

INTERVALS = {
    "minute": 1, "3minute": 3, "5minute": 5, "10minute": 10, "15minute": 15, "30minute": 30, "60minute": 60, "day": 0,
}  # fmt: skip
LONGEST_SPAN = {
    "minute": 60, "3minute": 100, "5minute": 100, "10minute": 100, "15minute": 200, "30minute": 200, "60minute": 400,
    "day": 2000,
}  # fmt: skip


@dataclass
class Bars:
    """Columns of bars in time order: starts in epoch seconds, prices in paise."""

    start: Ints
    open: Ints
    high: Ints
    low: Ints
    close: Ints
    volume: Ints
    open_interest: Ints

    def rows(self) -> list[tuple[int, int, int, int, int, int, int]]:
        columns = (self.start, self.open, self.high, self.low, self.close, self.volume, self.open_interest)
        return list(zip(*(column.tolist() for column in columns), strict=True))

    def between(self, first: float, last: float) -> "Bars":
        return self.pick((self.start >= first) & (self.start <= last))

    def pick(self, which: NDArray[np.bool_]) -> "Bars":
        columns = (self.start, self.open, self.high, self.low, self.close, self.volume, self.open_interest)
        return Bars(*(column[which] for column in columns))


@dataclass(frozen=True)
class CandleFile:
    """All minutes of one symbol, in time order."""

    symbol: str
    bars: Bars

    def of_day(self, day: date) -> Bars:
        return self.bars.between(midnight_of(day), midnight_of(day) + 86_399)


def no_bars() -> Bars:
    return Bars(*(np.empty(0, np.int64) for _ in range(7)))


def join_bars(parts: list[Bars]) -> Bars:
    fields = ("start", "open", "high", "low", "close", "volume", "open_interest")
    return Bars(*(np.concatenate([getattr(part, name) for part in parts]) for name in fields)) if parts else no_bars()


def minute_bars(tape: Tape, column: int, until: int) -> Bars:
    """Bars of one instrument from its trades up to ``until``; a minute without a trade has none."""
    times = tape.opens + np.arange(len(tape.last)) * BEAT + tape.phase[column]
    done = tape.traded[:, column] & (times <= until)
    bars = bars_of_ticks(times[done], tape.last[done, column].astype(np.int64), tape.volume[done, column])
    bars.open_interest[:] = tape.open_interest[column]
    return bars


def bars_of_ticks(at: Ints, price: Ints, volume: Ints) -> Bars:
    """One-minute bars of ticks in time order; ``volume`` runs up from the day's start."""
    if not len(at):
        return no_bars()
    minutes = at // 60
    first = np.flatnonzero(np.diff(minutes, prepend=-1))
    return Bars(
        minutes[first] * 60, price[first], np.maximum.reduceat(price, first), np.minimum.reduceat(price, first),
        price[np.append(first[1:], len(price)) - 1], np.add.reduceat(np.diff(volume, prepend=0), first),
        np.zeros(len(first), np.int64),
    )  # fmt: skip


def merge_bars(bars: Bars, minutes: int, opens: int) -> Bars:
    """Longer bars of one day, counted from the open at ``opens``."""
    if not len(bars.start) or minutes == 1:
        return bars
    bucket = (bars.start - opens) // (minutes * 60)
    first = np.flatnonzero(np.diff(bucket, prepend=-1))
    last = np.append(first[1:], len(bucket)) - 1
    return Bars(
        opens + bucket[first] * minutes * 60, bars.open[first], np.maximum.reduceat(bars.high, first),
        np.minimum.reduceat(bars.low, first), bars.close[last], np.add.reduceat(bars.volume, first),
        bars.open_interest[last],
    )  # fmt: skip


def day_bar(bars: Bars, midnight: int, auction: tuple[int, int] | None = None) -> Bars:
    """The whole day as one bar. The closing auction (price, volume) counts here and in no shorter bar."""
    if not len(bars.start):
        return bars
    price, volume = auction or (int(bars.close[-1]), 0)
    values = (
        midnight, bars.open[0], max(bars.high.max(), price), min(bars.low.min(), price), price,
        bars.volume.sum() + volume, bars.open_interest[-1],
    )  # fmt: skip
    return Bars(*(np.array([value], np.int64) for value in values))


def auction_of(tape: Tape, column: int, until: int) -> tuple[int, int] | None:
    if tape.auction is None or tape.auction[0] > until:
        return None
    return int(tape.auction[1][column]), int(tape.auction[2][column])
