"""Each day's end takes what came of it and the account forgets it: the result is the same, and memory stays."""

from datetime import date, timedelta

import numpy as np
import pytest

from trading.lab.bar_path import FillTerms
from trading.lab.bar_player import BarPlayer
from trading.lab.candles import Bars, day_begins
from trading.lab.round_trips import round_trips
from trading.lab.tally import Tally
from trading.strategies.moving_average_crossover import MovingAverageCrossover
from trading.strategies.opening_range_breakout import OpeningRangeBreakout
from trading.tests.lab.plays import make_player

MONDAY, MINUTES, TICK = date(2025, 3, 3), 375, 5


def days_of_walk(seed: int, days: int) -> Bars:
    """Weekdays of minutes at random, in paise on the tick."""
    dice = np.random.default_rng(seed)
    path = 100_000 + TICK * np.cumsum(dice.integers(-12, 13, days * MINUTES * 4)).reshape(-1, 4)
    opens = np.concatenate([[100_000], path[:-1, -1]])
    weekdays = [day for nth in range(days * 2) if (day := MONDAY + timedelta(days=nth)).weekday() < 5][:days]
    begins = [day_begins((day - date(1970, 1, 1)).days) + (9 * 60 + 15) * 60 for day in weekdays]
    starts = (np.array(begins)[:, None] + 60 * np.arange(MINUTES)).reshape(-1)
    prices = (opens, np.maximum(opens, path.max(1)), np.minimum(opens, path.min(1)), path[:, -1])
    return Bars(starts, *(one.astype(np.int32) for one in prices), dice.integers(20, 401, len(starts)) * 100)


def player_of(strategy: type, product: str) -> BarPlayer:
    return make_player(days_of_walk(7, days=6), strategy, FillTerms(), product=product, flat_by=None)


@pytest.mark.parametrize("product", ["MIS", "CNC"])
@pytest.mark.parametrize("strategy", [MovingAverageCrossover, OpeningRangeBreakout])
def test_what_came_of_it_is_the_same_whether_the_past_is_kept_or_not(strategy, product):
    kept, counted = player_of(strategy, product), player_of(strategy, product)
    for _ in kept.play():
        pass
    tally = Tally(counted.engine)
    for day in counted.play():
        tally.note_end(day)
        account = counted.engine.account
        past = (account.signals, account.decisions, account.orders, account.fills, account.plans)
        assert not any((*past, account.holdings.trades, account.holdings.costs))
        assert set(account.by_tag) == {order.tag for order in account.live.values()}
    played = tally.played(counted.days)
    assert played.trips == round_trips(kept.engine.account.fills)
    assert len(played.trips) > 5
    assert sum(played.refusals.values()) == sum(len(one.refusal_codes) for one in kept.engine.account.decisions)
    assert counted.engine.account.holdings.cash == kept.engine.account.holdings.cash
    assert counted.engine.account.holdings.booked == len(kept.engine.account.fills)
