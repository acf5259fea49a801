"""backtrader: the rules as its users write them."""

import backtrader as bt
import pandas as pd

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


class Recording(bt.Strategy):
    """Keeps each fill as the broker reports it."""

    def __init__(self):
        self.fills = {data: [] for data in self.datas}

    def notify_order(self, order):
        if order.status == order.Completed:
            done = order.executed
            self.fills[order.data].append(Fill(len(order.data) - 1, round(done.price), round(done.size)))

    def clock(self):
        return f"{self.data.datetime.datetime(0):%H:%M}"


class Crossing(Recording):
    """Its own CrossOver keeps the side through a tie."""

    params = (("quantity", QUANTITY),)

    def __init__(self):
        super().__init__()
        self.crossed, self.gap = {}, {}
        for data in self.datas:
            fast, slow = bt.ind.SMA(data.close, period=FAST), bt.ind.SMA(data.close, period=SLOW)
            self.crossed[data], self.gap[data] = bt.ind.CrossOver(fast, slow), bt.ind.NonZeroDifference(fast, slow)

    def next(self):
        for data in self.datas:
            if self.getposition(data):
                if self.gap[data][0] < 0:
                    self.close(data)
            elif self.crossed[data][0] > 0 and self.may_enter():
                self.buy(data, size=self.p.quantity)

    def may_enter(self):
        return True


class CrossingInSessions(Crossing):
    def may_enter(self):
        return self.clock() != LAST


class Breakout(Recording):
    def __init__(self):
        super().__init__()
        close = self.data.close
        self.over, self.under = bt.ind.Highest(close, period=BREAKS), bt.ind.Lowest(close, period=BREAKS)
        self.leave_over, self.leave_under = bt.ind.Highest(close, period=LEAVES), bt.ind.Lowest(close, period=LEAVES)

    def next(self):
        close, now = self.data.close[0], self.clock()
        if self.position:
            is_long = self.position.size > 0
            passed = close < self.leave_under[-1] if is_long else close > self.leave_over[-1]
            if passed or now >= LEAVE_FROM:
                self.close()
        elif ENTER_FROM <= now < ENTER_UNTIL:
            if close > self.over[-1]:
                self.buy(size=QUANTITY)
            elif close < self.under[-1]:
                self.sell(size=QUANTITY)


class ByTheClock(Recording):
    entries = 0
    left_at = None

    def next(self):
        nth = len(self.data)
        if self.position:
            if nth == self.left_at:
                self.close()
        elif self.clock() in ENTER_AT:
            (self.sell if self.entries % 2 else self.buy)(size=QUANTITY)
            self.entries, self.left_at = self.entries + 1, nth + HELD_FOR


RULES = {"crossing averages": CrossingInSessions, "breakout": Breakout, "by the clock": ByTheClock}


class FlatFee(bt.CommInfoBase):
    """So much for each order, whatever its size; shares are paid in full."""

    params = (("stocklike", True), ("commtype", bt.CommInfoBase.COMM_FIXED))

    def _getcommission(self, size, price, pseudoexec):
        return self.p.commission


def trades_of(rule, candles):
    frame = frame_of(pd.to_datetime(candles.starts), *candles[1:])
    [fills] = run(RULES[rule], [frame]).fills.values()
    return paired(fills, candles.starts)


def frame_of(index, *columns):
    named = dict(zip(("open", "high", "low", "close", "volume"), columns, strict=True))
    return pd.DataFrame(named, dtype=float, index=index)


def run(rule, frames, fee=0, **params):
    """Return the strategy when all is played."""
    cerebro = bt.Cerebro(stdstats=False)
    cerebro.broker.setcash(CASH)
    cerebro.broker.addcommissioninfo(FlatFee(commission=fee))
    for frame in frames:
        cerebro.adddata(bt.feeds.PandasData(dataname=frame))
    cerebro.addstrategy(rule, **params)
    [strategy] = cerebro.run()
    return strategy


def play_set(instruments, bars):
    walks = [make_walk(seed, bars) for seed in range(instruments)]
    frames = [frame_of(pd.to_datetime(w.start, unit="s"), w.open, w.high, w.low, w.close, w.volume) for w in walks]
    seconds, played = timed(lambda: run(Crossing, frames, FEE, quantity=1))
    return {"seconds": seconds, "equity": round(played.broker.getvalue()), **digest_of(played.fills.values())}
