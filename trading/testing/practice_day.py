"""A made-up day of two shares, the same every time, and a strategy played through it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Container
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np

from instruments.domain.prices import nearest_tick
from trading.strategies.values import Candle, Strategy
from trading.testing.harness import StrategyTest
from trading.testing.market import OPENS, at, candle_end, last_starts, share
from trading.testing.stop_watch import StopWatch

SHARES = (share("NSE:INFY"), share("NSE:ITC"))
TICK_SIZE = Decimal("0.05")
FIRST_PRICE = 1500
MINUTES, TICKS_A_MINUTE = 375, 4
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Prices:
    """Prices of each share, four a minute, oldest first; ``minutes`` are when these begin."""

    minutes: list[datetime]
    of: dict[str, list[Decimal]]

    @classmethod
    def made_up(cls, before: int) -> Prices:
        """Make up a day and so many minutes before it: a walk whose drift turns, so that most rules find something."""
        opens_at = at(OPENS)
        minutes = last_starts(1, opens_at, before) + [opens_at + nth * MINUTE for nth in range(MINUTES)]
        dice, count = np.random.default_rng(7), len(minutes) * TICKS_A_MINUTE
        prices = {}
        for spec in SHARES:
            drifts = dice.normal(0, 0.0003, count)[np.cumsum(dice.random(count) < 0.01)]
            walk = FIRST_PRICE * np.exp(np.cumsum(drifts + dice.normal(0, 0.0004, count)))
            prices[spec.key] = [nearest_tick(Decimal(repr(price)), TICK_SIZE) for price in walk.tolist()]
        return cls(minutes, prices)

    def candle(self, key: str, interval: int, start: datetime) -> Candle:
        first, behind = (bisect_left(self.minutes, each) for each in (start, candle_end(start, interval)))
        prices = self.of[key][first * TICKS_A_MINUTE : behind * TICKS_A_MINUTE]
        return Candle(key, interval, start, prices[0], max(prices), min(prices), prices[-1], 100 * len(prices))

    def ticks(self, nth: int) -> list[tuple[str, Decimal, datetime]]:
        """Return those of the day's ``nth`` minute, in order of time."""
        start = self.minutes[nth - MINUTES]
        moments = [start + timedelta(seconds=15 * tick + 5) for tick in range(TICKS_A_MINUTE)]
        place = (len(self.minutes) - MINUTES + nth) * TICKS_A_MINUTE
        return [(key, self.of[key][place + n], moment) for n, moment in enumerate(moments) for key in self.of]


def play_day(
    strategy: type[Strategy[Any]], prices: Prices, watch: StopWatch, restore_after: Container[int] = ()
) -> StrategyTest:
    """Warm a strategy up and play it through the day; after some minutes a new one takes over from what it saved.

    What it asks for fills at once at the last price. Raises StrategyFault, and whatever its constructor does.
    """
    watch.occasion = "beginning"
    run = StrategyTest(strategy, instruments=SHARES, now=OPENS, guard=watch)
    watch.occasion = "warming up"
    run.warm(_history(run.host.strategy, prices))
    for nth in range(MINUTES):
        if run.host.strategy.wants_ticks:
            _play_ticks(run, prices, watch, nth)
        _play_candles(run, prices, watch, nth)
        if nth in restore_after:
            watch.occasion = "saving and restoring"
            run.save_and_restore()
    return run


def minutes_needed(strategy: Strategy[Any]) -> int:
    return max((interval * count for interval, count in strategy.warmup().items()), default=0)


def _history(strategy: Strategy[Any], prices: Prices) -> list[Candle]:
    found = [
        prices.candle(spec.key, interval, start)
        for interval, count in strategy.warmup().items()
        for start in last_starts(interval, at(OPENS), count)
        for spec in SHARES
    ]
    return sorted(found, key=lambda candle: (candle.start, candle.interval, candle.instrument))


def _play_ticks(run: StrategyTest, prices: Prices, watch: StopWatch, nth: int) -> None:
    for key, price, moment in prices.ticks(nth):
        watch.occasion = "a tick"
        run.tick(price, moment, instrument=key)
        _fill(run, watch)


def _play_candles(run: StrategyTest, prices: Prices, watch: StopWatch, nth: int) -> None:
    ended = prices.minutes[nth - MINUTES] + MINUTE
    for interval in run.host.strategy.intervals():
        [start] = last_starts(interval, ended, 1)
        for spec in SHARES if candle_end(start, interval) == ended else ():
            watch.occasion = "a candle"
            run.candles(prices.candle(spec.key, interval, start))
            _fill(run, watch)


def _fill(run: StrategyTest, watch: StopWatch) -> None:
    watch.occasion = "a fill"
    run.fill()
