"""Indicators over bounded windows of candles, or step by step from a start that is kept: the same, saved or not.

Comparisons that decide a trade are exact; RSI and ATR are TA-Lib's, over float64.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import islice
from typing import Any

import numpy as np
import talib
from numpy.typing import NDArray

from trading.strategies.values import Candle, PastCandles

# Wilder's and exponential averages never forget. After this many periods what is left of the first
# price is below 0.1 %; from SETTLED periods on, below 5 %, they may be decided on.
WILDER_MEMORY, EMA_MEMORY = 8, 4
WILDER_CONVERGED, EMA_CONVERGED = 3, 2
NEUTRAL_RSI = 50.0
STILL = 1e-14  # TA-Lib's: moves below it are none
# Of a price. Two averages in floats that are nearer than this are compared in decimals; floats err by 2e-15 (measured).
EMA_DOUBT = 1e-12


class Bars:
    """The newest ``size`` candles of one instrument, oldest first."""

    def __init__(self, size: int) -> None:
        self.highs: deque[Decimal] = deque(maxlen=size)
        self.lows: deque[Decimal] = deque(maxlen=size)
        self.closes: deque[Decimal] = deque(maxlen=size)

    def __len__(self) -> int:
        return len(self.closes)

    def add(self, candle: Candle) -> None:
        self.highs.append(candle.high)
        self.lows.append(candle.low)
        self.closes.append(candle.close)

    def add_all(self, past: PastCandles) -> None:
        for name in ("high", "low", "close"):
            series: deque[Decimal] = getattr(self, f"{name}s")
            series.extend(past.newest(name, series.maxlen or len(past)))

    def save(self) -> dict[str, list[str]]:
        return {name: [str(price) for price in getattr(self, name)] for name in ("highs", "lows", "closes")}

    def restore(self, saved: dict[str, Any]) -> None:
        for name in ("highs", "lows", "closes"):
            series: deque[Decimal] = getattr(self, name)
            series.clear()
            series.extend(Decimal(price) for price in saved[name])


def newest(values: Sequence[Decimal] | deque[Decimal], count: int) -> list[Decimal]:
    return list(islice(values, max(len(values) - count, 0), None))


def sign(value: Decimal) -> int:
    return (value > 0) - (value < 0)


def sma(closes: deque[Decimal], period: int) -> Decimal:
    return sum(newest(closes, period), Decimal(0)) / period


class SimpleAverage:
    """The plain average of the newest ``period`` closes, one step a candle; what it adds up is exact."""

    def __init__(self, period: int) -> None:
        self.period = period
        self.total = Decimal(0)
        self._closes: deque[Decimal] = deque()

    @property
    def value(self) -> Decimal:
        """Raises ValueError while there are fewer than ``period`` closes."""
        self.insist_on_enough()
        return self.total / self.period

    def insist_on_enough(self) -> None:
        if len(self._closes) < self.period:
            raise ValueError(f"{len(self._closes)} of {self.period} closes heard")

    def add(self, candle: Candle) -> None:
        self.add_close(candle.close)

    def begin(self, since: datetime) -> None:
        """Say when the first of its closes comes from: it forgets that one in time."""

    def add_all(self, past: PastCandles) -> None:
        """Only the newest of them, a window's full, are left in the end."""
        for close in past.closes[-self.period :]:
            self.add_close(close)

    def add_close(self, close: Decimal) -> Decimal | None:
        """Return the close that left the window for it, if it was full."""
        gone = self._closes.popleft() if len(self._closes) == self.period else None
        self._closes.append(close)
        self.total += close - gone if gone is not None else close
        return gone

    def save(self) -> dict[str, Any]:
        return {"closes": [str(close) for close in self._closes]}

    def restore(self, saved: dict[str, Any]) -> None:
        self._closes = deque(Decimal(close) for close in saved["closes"])
        self.total = sum(self._closes, Decimal(0))


class ExponentialAverage:
    """The exponential average of all closes since it began, seeded with the plain one of its first ``period``.

    It never forgets where it began: ``since`` is the start of its first candle, and both are kept.
    """

    def __init__(self, period: int) -> None:
        self.period = period
        self.since: datetime | None = None
        self.count = 0
        self._value = Decimal(0)  # of fewer than ``period`` closes their sum

    @property
    def value(self) -> Decimal:
        """Raises ValueError while there are fewer than ``period`` closes."""
        if self.count < self.period:
            raise ValueError(f"{self.count} of {self.period} closes heard")
        return self._value

    def begin(self, since: datetime) -> None:
        self.since = self.since or since

    def add(self, candle: Candle) -> None:
        self.begin(candle.start)
        self.add_close(candle.close)

    def add_close(self, close: Decimal) -> None:
        self.count += 1
        if self.count < self.period:
            self._value += close
        elif self.count == self.period:
            self._value = (self._value + close) / self.period
        else:
            # In this form an average equal to the price stays exactly equal.
            self._value += (close - self._value) * 2 / (self.period + 1)

    def save(self) -> dict[str, Any]:
        return {"since": self.since.isoformat() if self.since else None, "count": self.count, "value": str(self._value)}

    def restore(self, saved: dict[str, Any]) -> None:
        self.since = datetime.fromisoformat(saved["since"]) if saved["since"] else None
        self.count, self._value = saved["count"], Decimal(saved["value"])


Average = SimpleAverage | ExponentialAverage


def sma_sides(closes: NDArray[Any], fast: int, slow: int) -> NDArray[np.int8]:
    """Return by candle which plain average is above: +1 the fast, −1 the slow, 0 where they are equal or too few.

    ``closes`` are whole numbers, so that it is exact.
    """
    sums = np.concatenate([[0], np.cumsum(closes, dtype=np.int64)])
    sides = np.zeros(len(closes), np.int8)
    if len(closes) >= slow:
        fast_sums = sums[slow:] - sums[slow - fast : len(sums) - fast]
        slow_sums = sums[slow:] - sums[: len(sums) - slow]
        sides[slow - 1 :] = np.sign(fast_sums * slow - slow_sums * fast)
    return sides


def ema_sides(closes: NDArray[Any], fast: int, slow: int) -> NDArray[np.int8]:
    """Return by candle which exponential average is above, as ``sma_sides``; both began at the first close."""
    sides = np.zeros(len(closes), np.int8)
    if len(closes) >= slow:
        prices = closes.astype(np.float64)
        gaps = (talib.EMA(prices, timeperiod=fast) - talib.EMA(prices, timeperiod=slow))[slow - 1 :]
        sides[slow - 1 :] = np.sign(gaps)
        doubtful = np.flatnonzero(np.abs(gaps) <= prices[slow - 1 :] * EMA_DOUBT) + slow - 1
        if len(doubtful):
            exact = list(_exact_sides(closes[: doubtful[-1] + 1].tolist(), fast, slow))
            sides[doubtful] = [exact[place] for place in doubtful]
    return sides


def _exact_sides(closes: Iterable[int], fast: int, slow: int) -> Iterator[int]:
    averages = ExponentialAverage(fast), ExponentialAverage(slow)
    for close in closes:
        for average in averages:
            average.add_close(Decimal(close))
        yield sign(averages[0].value - averages[1].value) if averages[1].count >= slow else 0


@dataclass(frozen=True, slots=True)
class Bands:
    """Bollinger bands; ``side`` is −1 for a close below the lower, +1 above the upper, exactly."""

    lower: Decimal
    middle: Decimal
    upper: Decimal
    side: int


def bollinger(closes: deque[Decimal], period: int, width: Decimal) -> Bands:
    """Return the bands of ``width`` population deviations around the mean of ``period`` closes."""
    values = newest(closes, period)
    squares = sum((value * value for value in values), Decimal(0))
    return _bands(values[-1], sum(values, Decimal(0)), squares, period, width)


def _bands(close: Decimal, total: Decimal, squares: Decimal, period: int, width: Decimal) -> Bands:
    scatter = period * squares - total * total
    middle = total / period
    reach = width * max(scatter, Decimal(0)).sqrt() / period
    beyond = period * close - total
    is_outside = beyond * beyond > width * width * scatter
    return Bands(middle - reach, middle, middle + reach, sign(beyond) if is_outside else 0)


class BollingerBands(SimpleAverage):
    """What ``bollinger`` answers, one step a candle."""

    def __init__(self, period: int, width: Decimal) -> None:
        super().__init__(period)
        self.width = width
        self._squares = Decimal(0)

    @property
    def bands(self) -> Bands:
        """Raises ValueError while there are fewer than ``period`` closes."""
        self.insist_on_enough()
        return _bands(self._closes[-1], self.total, self._squares, self.period, self.width)

    def add_close(self, close: Decimal) -> Decimal | None:
        gone = super().add_close(close)
        self._squares += close * close - (gone * gone if gone is not None else 0)
        return gone

    def restore(self, saved: dict[str, Any]) -> None:
        super().restore(saved)
        self._squares = sum((close * close for close in self._closes), Decimal(0))


class RelativeStrength:
    """Wilder's RSI since its first close, in floats; ``since`` is the start of that candle."""

    def __init__(self, period: int) -> None:
        self.period = period
        self.since: datetime | None = None
        self.changes = 0
        self._last = self._gain = self._loss = 0.0  # of fewer than ``period`` changes, gain and loss are sums

    @property
    def value(self) -> float:
        """50 where the price never moved. Raises ValueError while there are fewer than ``period`` changes."""
        if self.changes < self.period:
            raise ValueError(f"{self.changes} of {self.period} changes heard")
        moved = self._gain + self._loss
        return round(100 * self._gain / moved, 6) if moved > STILL else NEUTRAL_RSI

    def add(self, candle: Candle) -> None:
        self._add_close(candle.start, float(candle.close))

    def add_all(self, past: PastCandles) -> None:
        for close in past.closes:
            self._add_close(past.since, float(close))

    def _add_close(self, since: datetime, close: float) -> None:
        if self.since is None:
            self.since, self._last = since, close
            return
        change, self._last = close - self._last, close
        self.changes += 1
        kept = 1 if self.changes <= self.period else self.period - 1
        self._gain = self._gain * kept + max(change, 0.0)
        self._loss = self._loss * kept + max(-change, 0.0)
        if self.changes >= self.period:
            self._gain, self._loss = self._gain / self.period, self._loss / self.period

    def save(self) -> dict[str, Any]:
        since = self.since.isoformat() if self.since else None
        return {"since": since, "changes": self.changes, "floats": [self._last, self._gain, self._loss]}

    def restore(self, saved: dict[str, Any]) -> None:
        self.since = datetime.fromisoformat(saved["since"]) if saved["since"] else None
        self.changes = saved["changes"]
        self._last, self._gain, self._loss = saved["floats"]


def floats(values: Iterable[Decimal]) -> np.ndarray:
    return np.array([float(value) for value in values], dtype=np.float64)


def rsi(closes: deque[Decimal], period: int) -> float:
    """Return Wilder's RSI of the window; 50 where the price never moved."""
    if len(set(newest(closes, len(closes)))) == 1:
        return NEUTRAL_RSI
    return round(float(talib.RSI(floats(closes), timeperiod=period)[-1]), 6)


def atr(bars: Bars, period: int) -> Decimal:
    """Return Wilder's average true range of the window, to four decimals."""
    ranges = talib.ATR(floats(bars.highs), floats(bars.lows), floats(bars.closes), timeperiod=period)
    return Decimal(f"{ranges[-1]:.4f}")


def rate_of_change(price: Decimal, before: Decimal) -> Decimal:
    """Return the change in percent; 0 from a price of 0."""
    return (price - before) * 100 / before if before else Decimal(0)
