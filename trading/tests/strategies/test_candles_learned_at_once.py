"""Candles of which none asks for a decision may be learned all at once: what is left behind is the same."""

from dataclasses import asdict
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading.run.context import RunContext
from trading.strategies.registry import find_strategies
from trading.strategies.values import PastCandles
from trading.testing.market import FRIDAY, at, session_of
from trading.testing.vector_form import Columns, made_up_candles
from trading.tests.strategies.market_day import INFY, terms

SHIPPED = ("mean_reversion", "momentum", "moving_average_crossover", "opening_range_breakout")
PARAMETERS = {
    "moving_average_crossover": [{"kind": "SMA", "fast": 3, "slow": 7}, {"kind": "EMA", "fast": 2, "slow": 5}],
    "mean_reversion": [{"period": 5, "rsi_period": 4}],
    "momentum": [{"lookback": 6, "exit_lookback": 4}, {"lookback": 6, "exit_lookback": 0, "stop_kind": "ATR"}],
    "opening_range_breakout": [{"minutes": 30}],
}
CASES = [(name, changes) for name in SHIPPED for changes in ({}, *PARAMETERS[name])]


def past_of(candles):
    columns = Columns.of(candles)
    return PastCandles(INFY, candles[0].interval, columns, lambda paise: Decimal(paise) / 100)


def days_of(candles):
    days = sorted({candle.start.date() for candle in candles})
    return [[candle for candle in candles if candle.start.date() == day] for day in days]


def state_of(strategy):
    """As saved; total and squares, which a restore adds up anew, beside it."""
    sums = [getattr(track, "bands", None) for track in strategy.tracks.values()]
    return strategy.save(), [(one.total, one._squares) for one in sums if one]


@pytest.mark.parametrize(("name", "changes"), CASES)
@settings(max_examples=3, deadline=None)
@given(cuts=st.sets(st.integers(1, 374), max_size=4), idle=st.integers(0, 90))
def test_what_is_left_behind_is_the_same(name, changes, cuts, idle):
    made = find_strategies()[name]
    given_terms = terms()
    one_by_one, at_once = (made(made.Parameters(**changes), given_terms.specs) for _ in range(2))
    interval = one_by_one.parameters.interval
    for strategy in (one_by_one, at_once):
        strategy.tracks[INFY].idle = idle
    context = RunContext(given_terms, session_of, {}, at("09:15", FRIDAY))
    for day in days_of(made_up_candles(interval)):
        context.move_to(day[-1].start)
        places = [0, *sorted(cut for cut in cuts if cut < len(day)), len(day)]
        for first, behind in pairwise(places):
            past = past_of(day[first:behind])
            for candle in past:
                one_by_one.learn(context, candle)
            at_once.learn_all(context, past)
            assert state_of(at_once) == state_of(one_by_one)


def test_each_candle_is_made_as_it_was():
    candles = made_up_candles(5)[:20]
    assert list(map(asdict, past_of(candles))) == list(map(asdict, candles))
    assert list(past_of(candles).between(candles[3].start, candles[7].start)) == candles[3:7]
