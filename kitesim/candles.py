"""Candles: one-minute bars of a day's tape, and longer bars made from them."""

from dataclasses import dataclass

import numpy as np

from kitesim.tape import Ints, Tape
from kitesim.world import BEAT

INTERVALS = {
    "minute": 1, "3minute": 3, "5minute": 5, "10minute": 10, "15minute": 15, "30minute": 30, "60minute": 60, "day": 0,
}  # fmt: skip
LONGEST_SPAN = {
    "minute": 60, "3minute": 100, "5minute": 100, "10minute": 100, "15minute": 200, "30minute": 200, "60minute": 400,
    "day": 2000,
}  # fmt: skip
_BEATS_A_MINUTE = 60 // BEAT


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

    def pick(self, which: Ints) -> "Bars":
        columns = (self.start, self.open, self.high, self.low, self.close, self.volume, self.open_interest)
        return Bars(*(column[which] for column in columns))


def no_bars() -> Bars:
    return Bars(*(np.empty(0, np.int64) for _ in range(7)))


def join(parts: list[Bars]) -> Bars:
    fields = ("start", "open", "high", "low", "close", "volume", "open_interest")
    return Bars(*(np.concatenate([getattr(part, name) for part in parts]) for name in fields)) if parts else no_bars()


def minute_bars(tape: Tape, column: int, until: int) -> Bars:
    """Bars of one instrument from its trades up to ``until``; a minute without a trade has none."""
    beats = np.arange(len(tape.last))
    times = tape.opens + beats * BEAT + tape.phase[column]
    done = tape.traded[:, column] & (times <= until)
    price, traded_beats = tape.last[done, column].astype(np.int64), beats[done]
    if not len(traded_beats):
        return no_bars()
    minutes = traded_beats // _BEATS_A_MINUTE
    first = np.flatnonzero(np.diff(minutes, prepend=-1))
    volume = np.diff(tape.volume[traded_beats, column], prepend=0)
    interest = np.full(len(first), tape.open_interest[column])
    return Bars(
        tape.opens + minutes[first] * 60, price[first], np.maximum.reduceat(price, first),
        np.minimum.reduceat(price, first), price[np.append(first[1:], len(price)) - 1],
        np.add.reduceat(volume, first), interest,
    )  # fmt: skip


def merge(bars: Bars, minutes: int, opens: int) -> Bars:
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


def day_bar(bars: Bars, midnight: int, tape: Tape, column: int, until: int) -> Bars:
    """The whole day as one bar; the closing auction counts here and in no shorter bar."""
    if not len(bars.start):
        return bars
    close, volume = bars.close[-1], bars.volume.sum()
    high, low = bars.high.max(), bars.low.min()
    if tape.auction and tape.auction[0] <= until:
        close, volume = tape.auction[1][column], volume + tape.auction[2][column]
        high, low = max(high, close), min(low, close)
    values = (midnight, bars.open[0], high, low, close, volume, bars.open_interest[-1])
    return Bars(*(np.array([value], np.int64) for value in values))
