"""Three rules that need no stop, as strategies of ours; docs/backtests.md says them in words."""

from abc import ABC, abstractmethod
from collections import deque
from datetime import time, timedelta, timezone
from decimal import Decimal

from trading.strategies.api import Enter, Exit, Reason, SimpleAverage, Strategy, StrategyParameters

INDIA = timezone(timedelta(hours=5, minutes=30))
REASON = Reason("by the rule", {}, "rule")
LAST = time(15, 29)


class Rule(Strategy[StrategyParameters], ABC):
    """Asks at each close which side is wanted: 0 leaves, None lets all be as it is."""

    def intervals(self):
        return (1,)

    def on_candle(self, ctx, candle):
        held = ctx.held(candle.instrument)
        side = self.wanted(candle.close, candle.start.astimezone(INDIA).time(), held.quantity if held else 0)
        if held and side == 0:
            yield Exit(candle.instrument, REASON)
        elif not held and side:
            # Every entry of ours has a stop; this one is out of reach.
            buys, stop = side > 0, candle.close / 2 if side > 0 else candle.close * 2
            yield Enter(candle.instrument, "BUY" if buys else "SELL", stop, REASON)

    @abstractmethod
    def wanted(self, close: Decimal, clock: time, held: int) -> int | None: ...


class CrossingAverages(Rule):
    name = "crossing averages"

    def __init__(self, *given):
        super().__init__(*given)
        self.fast, self.slow, self.side, self.seen = SimpleAverage(20), SimpleAverage(50), 0, 0

    def learn(self, ctx, candle):
        self.fast.add(candle)
        self.slow.add(candle)
        self.seen += 1

    def wanted(self, close, clock, held):
        if self.seen < 50:
            return None
        gap, was = self.fast.value - self.slow.value, self.side
        self.side = 1 if gap > 0 else -1 if gap < 0 else was
        if held:
            return 0 if self.side < 0 else None
        return 1 if self.side > 0 > was and clock != LAST else None


class Breakout(Rule):
    name = "breakout"

    def __init__(self, *given):
        super().__init__(*given)
        self.closes = deque(maxlen=30)

    def wanted(self, close, clock, held):
        before = list(self.closes)
        self.closes.append(close)
        if held:
            passed = close < min(before[-10:]) if held > 0 else close > max(before[-10:])
            return 0 if passed or clock >= time(15) else None
        if len(before) < 30 or not time(10) <= clock < time(14, 30):
            return None
        return 1 if close > max(before) else -1 if close < min(before) else None


class ByTheClock(Rule):
    name = "by the clock"
    entries = waited = 0

    def wanted(self, close, clock, held):
        if held:
            self.waited += 1
            return 0 if self.waited == 20 else None
        if clock not in (time(9, 44), time(11, 14), time(13, 9)):
            return None
        self.entries, self.waited = self.entries + 1, 0
        return 1 if self.entries % 2 else -1


# How a deployment would hold each: over nights for delivery, or within the day.
RULES = {CrossingAverages: "CNC", Breakout: "MIS", ByTheClock: "MIS"}
