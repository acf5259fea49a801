"""Holds a strategy's vector form against time and against its callbacks: nothing looks ahead, both want the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alphapanda.core.timezone import IST
from trading.strategies.values import Candle, Strategy
from trading.testing.harness import StrategyTest
from trading.testing.market import CLOSES, at, last_starts, share
from trading.testing.practice_day import MINUTES, Prices

PAISE = 100
DAYS = 4
SIDES = {1: "long", -1: "short", 0: "as before"}


@dataclass(frozen=True)
class Columns:
    """Implements ``trading.strategies.values.CandleColumns``."""

    start: NDArray[Any]
    open: NDArray[Any]
    high: NDArray[Any]
    low: NDArray[Any]
    close: NDArray[Any]
    volume: NDArray[Any]

    @classmethod
    def of(cls, candles: Iterable[Candle]) -> Columns:
        rows = [
            (int(one.start.timestamp()), *map(_paise, (one.open, one.high, one.low, one.close)), one.volume)
            for one in candles
        ]
        return cls(*np.array(rows, np.int64).reshape(-1, 6).T.copy())

    def __len__(self) -> int:
        return len(self.start)

    def part(self, first: int, behind: int) -> Columns:
        return Columns(*(getattr(self, column.name)[first:behind].copy() for column in fields(self)))


def _paise(price: Decimal) -> int:
    return int(price * PAISE)


def vector_problems(
    strategy: type[Strategy[Any]],
    parameters: Mapping[str, Any] | None = None,
    candles: Sequence[Candle] | None = None,
) -> list[str]:
    """Return in words what is wrong with the vector form of a strategy; an empty list means nothing.

    ``candles`` are of NSE:INFY and of the strategy's first interval; without them four days are made up.
    """
    interval = StrategyTest(strategy, parameters).interval
    given = made_up_candles(interval) if candles is None else candles
    begins = given[0].start.astimezone(IST)
    run = StrategyTest(strategy, parameters, now=f"{begins:%H:%M}", day=begins.date())
    bars = Columns.of(given)
    whole = run.host.strategy.signals(bars.part(0, len(bars)))
    if whole is None:
        return ["it has no vector form: signals() answers None"]
    if problem := _misshapen(whole, bars):
        return [problem]
    found = [_look_ahead(run.host.strategy, bars, whole), next(_disagreements(run, given, whole), "")]
    return [words for words in found if words]


def has_vector_form(strategy: type[Strategy[Any]]) -> bool:
    return strategy.signals is not Strategy.signals


def made_up_candles(interval: int) -> list[Candle]:
    """Return the candles of four made-up days, the same every time."""
    key, prices = share().key, Prices.made_up((DAYS - 1) * MINUTES)
    first, close = prices.minutes[0], at(CLOSES)
    starts = last_starts(interval, close, DAYS * MINUTES)
    return [prices.candle(key, interval, start) for start in starts if start >= first]


def _misshapen(signals: Any, bars: Columns) -> str:
    if not isinstance(signals, np.ndarray) or signals.shape != (len(bars),):
        return f"signals() must answer an array of {len(bars)} sides, one a candle"
    odd = set(np.unique(signals).tolist()) - set(SIDES)
    return f"signals() may hold 1, -1 and 0, not {min(odd)}" if odd else ""


def _look_ahead(strategy: Strategy[Any], bars: Columns, whole: NDArray[Any]) -> str:
    """Ask at each candle again what it wants, with no later candle there is and no more earlier ones than it needs."""
    needs = strategy.needs()
    for place, wanted in enumerate(whole.tolist()):
        first = 0 if needs is None else max(0, place + 1 - needs)
        alone = strategy.signals(bars.part(first, place + 1))
        if alone is None or alone[-1] != wanted:
            then = "nothing" if alone is None else SIDES.get(int(alone[-1]), str(alone[-1]))
            reach = "those until then" if needs is None else f"the {place + 1 - first} until then, all that it needs"
            when = datetime.fromtimestamp(int(bars.start[place]), IST)
            return (
                f"it looks ahead, or back too far: at candle {place + 1} ({when:%d %b %H:%M}) "
                f"it wants {SIDES[wanted]} of all candles, and {then} of {reach}"
            )
    return ""


def _disagreements(run: StrategyTest, candles: Sequence[Candle], whole: NDArray[Any]) -> Iterator[str]:
    """Play the callbacks: entries are on the side that is wanted, and what is held against it is left at once."""
    wanted = 0
    for nth, (candle, side) in enumerate(zip(candles, whole.tolist(), strict=True), start=1):
        wanted = side or wanted
        before = run.held()
        made = run.candles(candle)
        for entry in (one for one in made if one.kind == "enter"):
            if (1 if entry.side == "BUY" else -1) != wanted:
                yield f"at candle {nth} it enters to {entry.side}, and signals() wants {SIDES[wanted]}"
        is_left = run.host.position_of(run.key).leaving is not None
        if before is not None and before.quantity * wanted < 0 and not is_left:
            yield f"at candle {nth} it goes on holding {before.quantity:+d}, and signals() wants {SIDES[wanted]}"
        run.fill()
