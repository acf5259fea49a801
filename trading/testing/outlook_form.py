"""Holds a strategy's outlook against its callbacks: whatever they answer but waits, it must have been foreseen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Any

import numpy as np

from alphapanda.core.timezone import IST, day_of
from trading.run.context import RunContext
from trading.run.decisions import Decision
from trading.strategies.outlook import Moments
from trading.strategies.values import Candle, PastCandles, Strategy
from trading.testing.harness import StrategyTest
from trading.testing.market import candle_end, session_of
from trading.testing.vector_form import PAISE, Columns, made_up_candles

BY_THE_RUN = frozenset({"stop", "target", "flat_by", "left_over", "backwards"})  # exits, by their code
TICK_AFTER = timedelta(seconds=10)  # of a candle's beginning: what ended before it has been heard


@dataclass(frozen=True)
class Asked:
    """One moment at which the strategy is asked: of a candle that closed, or of a tick at a price."""

    candle: Candle
    at: datetime
    price: Decimal
    heard: int
    is_tick: bool = False


def has_outlook(strategy: type[Strategy[Any]]) -> bool:
    return strategy.outlook is not Strategy.outlook


def outlook_problems(
    strategy: type[Strategy[Any]],
    parameters: Mapping[str, Any] | None = None,
    candles: Sequence[Candle] | None = None,
) -> list[str]:
    """Return in words what is wrong with a strategy's outlook and its ``learn_all``; an empty list means nothing.

    ``candles`` are of NSE:INFY and of the strategy's first interval; without them four days are made up. One that wants
    ticks is asked at each candle's high and low, before it closes.
    """
    interval = StrategyTest(strategy, parameters).interval
    given = made_up_candles(interval) if candles is None else candles
    begins = given[0].start.astimezone(IST)
    run = StrategyTest(strategy, parameters, now=f"{begins:%H:%M}", day=begins.date())
    found = [next(_overlooked(run, given), ""), _forgotten(strategy, parameters, given)]
    return [words for words in found if words]


def _overlooked(run: StrategyTest, given: Sequence[Candle]) -> Iterator[str]:
    """Play the callbacks, and say where they answer what the outlook has not foreseen."""
    strategy, context = run.host.strategy, RunContext(run.terms, session_of, {}, run.now)
    series = [one for nth, candle in enumerate(given) for one in _asked(candle, nth, wants_ticks=strategy.wants_ticks)]
    moments = [one for one in series if one.is_tick == strategy.wants_ticks]
    outlook = strategy.outlook(context, run.key, _moments_of(given, moments))
    if outlook is None:
        yield "it has no outlook: outlook() answers None"
        return
    nth = 0
    for one in series:
        is_asked = one.is_tick == strategy.wants_ticks
        foreseen = is_asked and bool(outlook.may_act(run.held(), slice(nth, nth + 1))[0])
        nth += is_asked
        refused = _refused(run)
        made = run.tick(one.price, one.at) if one.is_tick else run.candles(one.candle)
        if not foreseen and (words := _acted(made) or ("enter" if _refused(run) > refused else "")):
            yield f"at {one.at.astimezone(IST):%d %b %H:%M:%S} it wants to {words}, which its outlook has not foreseen"
        run.fill()


def _asked(candle: Candle, heard: int, *, wants_ticks: bool) -> Iterator[Asked]:
    if wants_ticks:
        yield Asked(candle, candle.start + TICK_AFTER, candle.high, heard, is_tick=True)
        yield Asked(candle, candle.start + 2 * TICK_AFTER, candle.low, heard, is_tick=True)
    yield Asked(candle, candle_end(candle.start, candle.interval), candle.close, heard + 1)


def _moments_of(given: Sequence[Candle], asked: Sequence[Asked]) -> Moments:
    sessions = [session_of(one.instrument, day_of(one.start)) for one in given]
    opened = [int(session.opens_at.timestamp()) if session else -1 for session in sessions]
    rows = [(int(one.at.timestamp()), int(one.price * PAISE), one.heard) for one in asked]
    at, price, heard = np.array(rows, np.int64).reshape(-1, 3).T
    return Moments(Columns.of(given), np.array(opened), at, price, heard, PAISE)


def _acted(made: Sequence[Decision]) -> str:
    return next((one.kind for one in made if one.kind != "wait" and one.reason.code not in BY_THE_RUN), "")


def _refused(run: StrategyTest) -> int:
    return sum(times for times, _ in run.host.refused_entries.values())


def _forgotten(strategy: type[Strategy[Any]], parameters: Mapping[str, Any] | None, given: Sequence[Candle]) -> str:
    """Say on which day ``learn_all`` leaves another memory than ``learn``."""
    at_once, one_by_one = (StrategyTest(strategy, parameters) for _ in range(2))
    for day, each in groupby(given, key=lambda candle: day_of(candle.start)):
        candles = list(each)
        context = RunContext(at_once.terms, session_of, {}, candles[-1].start)
        past = PastCandles(at_once.key, at_once.interval, Columns.of(candles), lambda paise: Decimal(paise) / PAISE)
        at_once.host.strategy.learn_all(context, past)
        for candle in past:
            one_by_one.host.strategy.learn(context, candle)
        if at_once.host.strategy.save() != one_by_one.host.strategy.save():
            return f"on {day:%d %b} learn_all() leaves something else behind than learn() of each candle"
    return ""
