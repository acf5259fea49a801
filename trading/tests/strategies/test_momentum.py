"""Momentum follows a live price out of the range."""

import pytest

from trading.strategies.momentum import Momentum
from trading.testing import StrategyTest, summary
from trading.tests.strategies.market_day import INFY, D

FLAT = [100, 101, 100, 99, 100, 100]


def momentum(closes=FLAT, product="MIS", **changes):
    settings = {"interval": 1, "lookback": 5, "exit_lookback": 2, "min_rate": "0.5", "trail_percent": "0"}
    run = StrategyTest(Momentum, settings | changes, product=product)
    run.warm(closes, reach="0.5")
    return run


def test_a_tick_above_the_range_is_bought_with_a_stop_below():
    [made] = momentum().tick("101.55")
    assert (made.kind, made.side, made.stop) == ("enter", "BUY", D("100.50"))
    assert made.reason.text == "101.55 is above 101.50, the range of 5 candles; change +1.55\u00a0%"


def test_a_tick_at_the_high_is_still_inside():
    [made] = momentum().tick("101.50")
    assert made.reason.text == "101.50 inside 98.50 to 101.50, the range of 5 candles"
    assert made.nearness == 1.0


@pytest.mark.parametrize(("price", "nearness"), [("100", 0.0), ("100.75", 0.5), ("99.25", 0.5)])
def test_nearness_grows_towards_either_side(price, nearness):
    assert momentum().tick(price)[0].nearness == nearness


def test_nearness_counts_only_upwards_when_it_may_only_buy():
    assert momentum(long_only=True).tick("99.25")[0].nearness == 0.0


def test_a_break_that_is_too_slow_waits_and_says_the_rate():
    [made] = momentum(min_rate="2").tick("101.55")
    assert (made.kind, made.nearness) == ("wait", 0.775)
    assert made.reason.text.endswith("but change +1.55\u00a0%, under 2.00\u00a0%")


def test_a_tick_below_the_range_is_sold_first_where_allowed():
    [made] = momentum().tick("98.45")
    assert (made.kind, made.side, made.stop) == ("enter", "SELL", D("99.45"))


@pytest.mark.parametrize("change", [{"long_only": True}, {"product": "CNC"}])
def test_nothing_is_sold_first_where_it_is_not_allowed(change):
    assert summary(momentum(**change).tick("98.45")) == [("wait", "inside_range")]


def test_it_waits_until_it_has_seen_enough():
    [made] = momentum(closes=[100, 101]).tick("150")
    assert made.reason.text == "2 of 6 candles seen that the rule needs"


def test_a_break_of_the_shorter_range_the_other_way_is_left():
    run = momentum()
    run.fill(run.tick("101.55")[0], "101.55")
    run.candles("101.60", "101.80")
    assert summary(run.tick("101.05", "10:02:10")) == [("exit", "turned")]


def test_the_stop_trails_the_price_and_never_goes_back():
    run = momentum(trail_percent="1", exit_lookback=0)
    run.fill(run.tick("101.55")[0])
    assert [made.stop for made in run.tick("103.00", "10:00:20") if made.kind == "change_stop"] == [D("101.95")]
    assert [made for made in run.tick("102.50", "10:00:30") if made.kind == "change_stop"] == []
    assert run.host.position_of(INFY).stop == D("101.95")


def test_a_trailing_stop_of_a_short_follows_down():
    run = momentum(trail_percent="1", exit_lookback=0)
    run.fill(run.tick("98.45")[0], "98.45")
    run.tick("96.00", "10:00:20")
    assert run.host.position_of(INFY).stop == D("97.00")


def test_after_a_position_closes_it_cools_down():
    run = momentum(cooldown=2)
    run.fill(run.tick("101.55")[0], "101.55")
    run.fill(run.tick("100.50", "10:00:20")[0], "100.50")
    [made] = run.tick("102", "10:00:30")
    assert made.reason.text == "cooling down: 2 candles to go before the next entry"
    run.candles("100", "100")
    assert summary(run.tick("102", "10:02:10")) == [("enter", "breakout")]


def test_a_stop_by_true_range_is_multiples_of_it():
    run = momentum(closes=[100] * 20, stop_kind="ATR", stop_atr="3", atr_period=2, min_rate="0")
    [made] = run.tick("100.55")
    assert made.stop == D("97.55")
