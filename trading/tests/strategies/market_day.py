"""A seeded market of a few shares, and an execution that fills, in part or not at all, for the tests of runs."""

import hashlib
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from instruments.domain.prices import nearest_tick
from trading.run.decisions import Decision
from trading.run.host import RunHost
from trading.run.sizing import ByLots
from trading.run.terms import RunTerms
from trading.strategies.values import Candle, Fill, InstrumentSpec, Tick
from trading.testing.market import FRIDAY, at, session_of

D = Decimal
INFY = "NSE:INFY"
MINUTE = timedelta(minutes=1)
sessions = session_of


def spec(key: str = INFY, tick: str = "0.05", lot: int = 1, is_index: bool = False) -> InstrumentSpec:
    exchange, symbol = key.split(":")
    segment = "INDICES" if is_index else exchange
    return InstrumentSpec(key, exchange, symbol, "EQ", segment, D(tick), lot, is_index=is_index)


def terms(*keys: str, **changes: object) -> RunTerms:
    settings = {"product": "MIS", "sizing": ByLots(10), "flat_by": time(15, 10)} | changes
    return RunTerms(tuple(spec(key) for key in keys or (INFY,)), **settings)


def tick(price: str | Decimal, clock: str | datetime, key: str = INFY) -> Tick:
    seen_at = at(clock) if isinstance(clock, str) else clock
    last = D(price)
    return Tick(key, last, last - D("0.05"), last + D("0.05"), 0, seen_at)


def candle(
    close: str | Decimal,
    start: datetime,
    interval: int = 1,
    high: str | None = None,
    low: str | None = None,
    key: str = INFY,
    complete: bool = True,
) -> Candle:
    last = D(close)
    return Candle(key, interval, start, last, D(high or last), D(low or last), last, 100, complete)


def series(closes: Iterable[object], end: datetime, interval: int = 1, key: str = INFY) -> list[Candle]:
    """Candles one after the other, the last ending at ``end``; high and low half a rupee off the close."""
    values = [D(str(close)) for close in closes]
    first = end - timedelta(minutes=interval) * len(values)
    starts = [first + timedelta(minutes=interval) * number for number in range(len(values))]
    half = D("0.5")
    return [
        Candle(key, interval, start, close, close + half, close - half, close, 100)
        for start, close in zip(starts, values, strict=True)
    ]


@dataclass
class Step:
    now: datetime
    candles: list[Candle] = field(default_factory=list)
    ticks: list[Tick] = field(default_factory=list)


def walk(seed: int, keys: Iterable[str], interval: int, minutes: int = 375, day: date = FRIDAY) -> list[Step]:
    """Six batches of ticks a minute for each instrument; candles close 2 s after their end."""
    dice = random.Random(seed)
    prices = dict.fromkeys(keys, 1500.0)
    drifts = dict.fromkeys(prices, 0.0)
    forming: dict[str, list[Decimal]] = {key: [] for key in prices}
    steps, opens_at = [], at("09:15", day)
    for number in range(minutes * 6):
        now = opens_at + timedelta(seconds=10 * number + 5)
        step = Step(now)
        if number % (6 * interval) == 0 and number:
            start = opens_at + timedelta(seconds=10 * number) - timedelta(minutes=interval)
            step.candles = [bar(key, interval, start, forming[key]) for key in prices]
            forming = {key: [] for key in prices}
        for key in prices:
            if dice.random() < 0.02:
                drifts[key] = dice.gauss(0, 0.0004)
            prices[key] *= 1 + drifts[key] + dice.gauss(0, 0.0004)
            last = nearest_tick(D(repr(prices[key])), D("0.05"))
            forming[key].append(last)
            step.ticks.append(tick(last, now, key))
        steps.append(step)
    return steps


def bar(key: str, interval: int, start: datetime, prices: list[Decimal]) -> Candle:
    return Candle(key, interval, start, prices[0], max(prices), min(prices), prices[-1], 100)


class Execution:
    """Fills what was asked one step later: whole, in parts, or not at all, as the dice say.

    What was cancelled in part may still fill some steps ``late``: an exchange can be faster than a cancel.
    """

    def __init__(self, seed: int = 0, refuse: float = 0.0, partial: float = 0.0, late: float = 0.0) -> None:
        self.dice = random.Random(seed)
        self.refuse, self.partial, self.late = refuse, partial, late
        self.waiting: list[Decision] = []
        self.lost: list[Fill] = []

    def take(self, decisions: Iterable[Decision]) -> None:
        self.waiting += [made for made in decisions if made.kind in ("enter", "exit")]

    def answer(self, host: RunHost, now: datetime) -> list[Decision]:
        asked, self.waiting = self.waiting, []
        made = [made for decision in asked for made in self._answer(host, decision, now)]
        return made + self._late_fills(host)

    def _late_fills(self, host: RunHost) -> list[Decision]:
        arriving = [fill for fill in self.lost if self.dice.random() < 0.1]
        self.lost = [fill for fill in self.lost if fill not in arriving]
        return [made for fill in arriving for made in host.apply_fill(fill)]

    def _answer(self, host: RunHost, asked: Decision, now: datetime) -> Iterator[Decision]:
        key, quantity = asked.instrument, asked.quantity
        if self.dice.random() < self.refuse:
            host.apply_order_ended(key, "rejected", asked.number)
            return
        filled = self.dice.randint(1, quantity) if self.dice.random() < self.partial else quantity
        signed = filled if asked.side == "BUY" else -filled
        price = host.position_of(key).last_price
        yield from host.apply_fill(Fill(key, signed, price, now, asked.number))
        host.apply_order_ended(key, "filled" if filled == quantity else "cancelled", asked.number)
        if filled < quantity and self.dice.random() < self.late:
            rest = quantity - filled
            self.lost.append(Fill(key, rest if asked.side == "BUY" else -rest, price, now, asked.number))


def play(host: RunHost, steps: Iterable[Step], execution: Execution | None = None) -> list[Decision]:
    """Give the steps to a run; return all it decided."""
    made: list[Decision] = []
    execution = execution or Execution()
    for step in steps:
        fresh = execution.answer(host, step.now)
        fresh += host.on_candles(step.candles, step.now)
        fresh += host.on_ticks(step.ticks, step.now)
        execution.take(fresh)
        made += fresh
    return made


def fingerprint(decisions: Iterable[Decision]) -> str:
    """A hash over all that was decided."""
    digest = hashlib.sha256()
    for made in decisions:
        digest.update(repr(replace(made, order_type=made.order_type.value)).encode())
    return digest.hexdigest()


def only(decisions: Iterable[Decision], *kinds: str) -> list[Decision]:
    return [made for made in decisions if made.kind in kinds]
