"""backtesting.py: the rules as its users write them."""

import warnings

import numpy as np
import pandas as pd
from backtesting import Backtest, Strategy

from benchmarks.bar_sets import CASH, FEE, digest_of, make_walk, timed
from benchmarks.rivals.candles import (
    BREAKS,
    ENTER_AT,
    ENTER_FROM,
    ENTER_UNTIL,
    FAST,
    HELD_FOR,
    LAST,
    LEAVE_FROM,
    LEAVES,
    QUANTITY,
    SLOW,
    Fill,
    paired,
)


def average(closes, count):
    return pd.Series(closes).rolling(count).mean()


def before(closes, count, name):
    """The highest or lowest of the closes before each."""
    return getattr(pd.Series(closes).rolling(count), name)().shift(1)


class Crossing(Strategy):
    """Its own ``crossover`` forgets the side through a tie; this one keeps it, as the others do."""

    quantity, side = QUANTITY, 0

    def init(self):
        self.fast = self.I(average, self.data.Close, FAST)
        self.slow = self.I(average, self.data.Close, SLOW)

    def next(self):
        # It is first asked one candle after both averages are there.
        was = self.side or np.sign(self.fast[-2] - self.slow[-2])
        self.side = np.sign(self.fast[-1] - self.slow[-1]) or was
        self.decide(self.side > 0 > was)

    def decide(self, turned_up):
        if self.position:
            if self.side < 0:
                self.position.close()
        elif turned_up:
            self.buy(size=self.quantity)


class CrossingInSessions(Crossing):
    def decide(self, turned_up):
        super().decide(turned_up and clock(self) != LAST)


class Breakout(Strategy):
    def init(self):
        closes = self.data.Close
        self.over, self.under = (self.I(before, closes, BREAKS, name) for name in ("max", "min"))
        self.leave_over, self.leave_under = (self.I(before, closes, LEAVES, name) for name in ("max", "min"))

    def next(self):
        close, now = self.data.Close[-1], clock(self)
        if self.position:
            passed = close < self.leave_under[-1] if self.position.is_long else close > self.leave_over[-1]
            if passed or now >= LEAVE_FROM:
                self.position.close()
        elif ENTER_FROM <= now < ENTER_UNTIL:
            if close > self.over[-1]:
                self.buy(size=QUANTITY)
            elif close < self.under[-1]:
                self.sell(size=QUANTITY)


class ByTheClock(Strategy):
    entries = 0

    def init(self):
        self.left_at = None

    def next(self):
        nth = len(self.data)
        if self.position:
            if nth == self.left_at:
                self.position.close()
        elif clock(self) in ENTER_AT:
            (self.sell if self.entries % 2 else self.buy)(size=QUANTITY)
            self.entries, self.left_at = self.entries + 1, nth + HELD_FOR


RULES = {"crossing averages": CrossingInSessions, "breakout": Breakout, "by the clock": ByTheClock}


def clock(strategy):
    return f"{strategy.data.index[-1]:%H:%M}"


def trades_of(rule, candles):
    frame = frame_of(candles.open, candles.high, candles.low, candles.close, candles.volume)
    frame.index = pd.to_datetime(candles.starts)
    return paired(fills_of(run(Backtest(frame, RULES[rule], cash=CASH))), candles.starts)


def frame_of(*columns):
    return pd.DataFrame(dict(zip(("Open", "High", "Low", "Close", "Volume"), columns, strict=True)), dtype=float)


def run(backtest):
    with warnings.catch_warnings():
        # "Some trades remain open": they do, and are compared as such.
        warnings.simplefilter("ignore")
        return backtest.run()


def fills_of(stats):
    """Return all fills; of its last trade, if that is open, the entry."""
    fills = []
    for trade in stats._trades.itertuples():
        fills += [Fill(trade.EntryBar, trade.EntryPrice, trade.Size), Fill(trade.ExitBar, trade.ExitPrice, -trade.Size)]
    fills += [Fill(trade.entry_bar, trade.entry_price, trade.size) for trade in stats._strategy.trades]
    return sorted(Fill(*map(int, fill)) for fill in fills)


def play_set(instruments, bars):
    """It plays one instrument at a time: each has its own run, and all their profits are added."""
    walks = [make_walk(seed, bars) for seed in range(instruments)]
    frames = [frame_of(walk.open, walk.high, walk.low, walk.close, walk.volume) for walk in walks]
    for frame in frames:
        frame.index = pd.to_datetime(walks[0].start, unit="s")
    crossing = type("One", (Crossing,), {"quantity": 1})

    def play():
        return [run(Backtest(frame, crossing, cash=CASH, commission=(FEE, 0))) for frame in frames]

    seconds, found = timed(play)
    profits = (round(stats["Equity Final [$]"]) - CASH for stats in found)
    return {"seconds": seconds, "equity": CASH + sum(profits), **digest_of(fills_of(stats) for stats in found)}
