"""Whole days: the same market gives the same decisions, uninterrupted or saved and restored anywhere."""

import json
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading.run.host import RunHost
from trading.strategies.registry import find_strategies
from trading.tests.strategies.market_day import (
    Execution,
    Step,
    at,
    fingerprint,
    only,
    play,
    sessions,
    terms,
    walk,
)

KEYS = ("NSE:INFY", "NSE:ITC")
# Short, so that a day has many trades.
SETTINGS: dict[str, dict[str, Any]] = {
    "momentum": {"interval": 1, "lookback": 10, "exit_lookback": 5, "min_rate": "0.05", "cooldown": 1},
    "mean_reversion": {"interval": 1, "period": 10, "rsi_period": 5, "width": "1.5", "cooldown": 1},
    "moving_average_crossover": {"interval": 1, "fast": 3, "slow": 8, "stop_kind": "ATR"},
    "opening_range_breakout": {"interval": 1, "minutes": 15, "stop_at": "distance"},
}
# What each decided on the market of seed 7. A new hash is a changed strategy: say so in the commit.
GOLDEN = {
    "mean_reversion": "33e9c3fca0c4d71a37d050430ce761f463c3b34fbbe28730c3755ebbe5c57a05",
    "momentum": "31a1b5bbea3f9376a1cdf09860f92516e3c1214b07a4a5fe936e85700e0c5489",
    "moving_average_crossover": "e35f8d84fd3bd23820d8d27a52fcee36ef1cb89a25ffbf7bcdf182c8c4d69502",
    "opening_range_breakout": "b138ad9f3124c98008460ec2f7aeb41c0da9810c850a10aed459f7210f8eb7a2",
}

names = pytest.mark.parametrize("name", SETTINGS)


@cache
def day(seed: int, minutes: int = 375) -> list[Step]:
    return walk(seed, KEYS, 1, minutes)


def run_of(name: str, *, keeps_waits: bool = True) -> RunHost:
    cls = find_strategies()[name]
    run_terms = terms(*KEYS)
    strategy = cls(cls.Parameters.from_json(SETTINGS[name]), run_terms.specs)
    return RunHost(strategy, run_terms, sessions, at("09:15"), keeps_waits=keeps_waits)


def decided(name: str, seed: int) -> str:
    return fingerprint(play(run_of(name), day(seed)))


@names
def test_a_day_gives_what_it_always_gave(name):
    assert decided(name, 7) == GOLDEN[name]


@names
def test_another_day_gives_something_else(name):
    assert decided(name, 8) != GOLDEN[name]


@names
def test_a_day_has_entries_exits_and_waits_and_ends_flat(name):
    host = run_of(name)
    made = play(host, day(7))
    assert {"enter", "exit", "wait"} <= {decision.kind for decision in made}
    assert len(only(made, "enter")) == len(only(made, "exit"))
    assert host.positions == {}


@names
def test_decisions_and_their_numbers_are_the_same_without_waits(name):
    kept, quiet = play(run_of(name), day(7)), play(run_of(name, keeps_waits=False), day(7))
    assert [decision for decision in kept if decision.kind != "wait"] == quiet
    for numbers in ([made.number for made in quiet], [made.number for made in only(kept, "wait")]):
        assert numbers == list(range(1, len(numbers) + 1))


@names
def test_words_of_a_wait_that_nobody_keeps_are_not_built(name, monkeypatch):
    """Those said at every candle or tick; the others are rare, or built once."""
    host, said = run_of(name, keeps_waits=False), set[str]()
    monkeypatch.setattr(host._positions, "keep_wait", lambda wait: said.add(wait.reason.code))
    play(host, day(7))
    assert [code for code in said if code.startswith(("no_cross", "inside", "above", "holding"))] == []


@names
def test_the_history_of_the_morning_makes_the_afternoon_the_same(name):
    """Indicators learned from history equal those learned live."""
    learned, live = run_of(name), run_of(name)
    morning, afternoon = day(7)[:1200], day(7)[1200:]
    learned.warm_up(bar for step in morning for bar in step.candles)
    for step in morning:
        live.on_candles(step.candles, step.now)
    assert learned.save()["strategy"] == live.save()["strategy"]
    assert play(learned, afternoon)


def interrupted(name: str, seed: int, cuts: set[int], execution: Execution) -> tuple[str, dict[str, Any]]:
    """Play 90 minutes; at each cut the run goes to JSON and a new one takes over."""
    host, made = run_of(name), []
    for number, step in enumerate(day(seed, 90)):
        if number in cuts:
            saved = json.loads(json.dumps(host.save()))
            host = run_of(name)
            host.restore(saved)
        made += play(host, [step], execution)
    return fingerprint(made), host.save()


@names
@given(seed=st.integers(0, 5), dice=st.integers(0, 3), cuts=st.sets(st.integers(0, 539), max_size=6))
@settings(max_examples=20, deadline=None)
def test_saved_and_restored_anywhere_it_decides_the_same(name, seed, dice, cuts):
    whole = interrupted(name, seed, set(), Execution(dice, refuse=0.2, partial=0.4))
    assert interrupted(name, seed, cuts, Execution(dice, refuse=0.2, partial=0.4)) == whole


@names
@given(seed=st.integers(0, 50), dice=st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_whatever_the_execution_does_a_position_has_a_stop_and_never_grows_past_its_size(name, seed, dice):
    host, execution = run_of(name), Execution(dice, refuse=0.3, partial=0.5)
    for step in walk(seed, KEYS, 1, 60):
        play(host, [step], execution)
        for key in KEYS:
            book = host.position_of(key)
            assert abs(book.quantity) <= 10
            assert not book.quantity or book.stop is not None
            assert not (book.entry and book.entry.filled == book.entry.signed_quantity)


@names
@given(dice=st.integers(0, 1000))
@settings(max_examples=10, deadline=None)
def test_after_flat_by_everything_is_out_however_exits_fail_or_fill_late(name, dice):
    host, execution = run_of(name), Execution(dice, refuse=0.4, partial=0.5, late=0.3)
    play(host, day(7), execution)
    assert host.positions == {}
