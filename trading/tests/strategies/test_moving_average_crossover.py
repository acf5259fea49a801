"""The crossover goes with the fast average and leaves on the opposite cross."""

import pytest

from trading.strategies.moving_average_crossover import MovingAverageCrossover
from trading.testing import StrategyTest, summary
from trading.tests.strategies.market_day import INFY, D

FALLING = [110 - number for number in range(10)]


def crossover(closes=FALLING, product="MIS", **changes):
    settings = {"interval": 1, "kind": "SMA", "fast": 2, "slow": 4, "stop_percent": "5"}
    run = StrategyTest(MovingAverageCrossover, settings | changes, product=product)
    run.warm(closes, reach="0.5")
    return run


def test_a_cross_upwards_is_bought():
    run = crossover()
    assert summary(run.candles("102")) == [("wait", "no_cross_below")]
    [made] = run.candle("106")
    assert (made.kind, made.side, made.stop) == ("enter", "BUY", D("100.70"))
    assert made.reason.text == "SMA 2 104.00 crossed above SMA 4 102.75"


def test_a_cross_downwards_is_sold_first_where_allowed():
    run = crossover(closes=[100 + number for number in range(10)])
    run.candle("108")
    [made] = run.candle("104")
    assert (made.kind, made.side, made.stop) == ("enter", "SELL", D("109.20"))


@pytest.mark.parametrize("change", [{"long_only": True}, {"product": "CNC"}])
def test_nothing_is_sold_first_where_it_is_not_allowed(change):
    run = crossover(closes=[100 + number for number in range(10)], **change)
    assert summary(run.candles("108", "104")) == [("wait", "no_cross_above"), ("wait", "no_cross_below")]


def test_a_tie_of_the_averages_is_no_cross():
    run = crossover(closes=[110, 108, 106, 104, 102])
    [made] = run.candle("108")
    assert made.reason.text == "SMA 2 105.00 level with SMA 4 105.00 by 0.00; no new cross"
    assert made.nearness == 1.0


def test_a_trend_that_began_before_the_history_is_not_entered():
    assert summary(crossover(closes=[100 + number for number in range(9)]).candle("109"))[0][0] == "wait"


def test_an_entry_is_still_made_so_many_candles_after_the_cross():
    run = crossover(enter_within=1)
    run.host.exits_only = True
    run.candles("102", "106")
    run.host.exits_only = False
    [made] = run.candle("107")
    assert made.reason.text == "SMA 2 106.50 crossed above SMA 4 104.00, 1 candle ago"


def test_an_entry_later_than_that_is_not():
    run = crossover(enter_within=0)
    run.host.exits_only = True
    run.candles("102", "106")
    run.host.exits_only = False
    assert summary(run.candle("107")) == [("wait", "no_cross_above")]


def test_the_opposite_cross_is_left_and_then_followed():
    run = crossover()
    run.candles("102")
    run.fill(run.candle("106")[0], "106")
    assert summary(run.candle("105")) == [("wait", "holding")]
    [left] = run.candle("101")
    assert (left.kind, left.side, left.reason.code) == ("exit", "SELL", "crossed")
    run.fill(left, "101")
    [turned] = run.candle("100")
    assert (turned.kind, turned.side) == ("enter", "SELL")


def test_exponential_averages_work_the_same_way():
    run = crossover(kind="EMA")
    made = run.candles("102", "106")
    assert summary(made)[-1] == ("enter", "crossed")
    assert run.host.position_of(INFY).stop == D("100.70")


def test_it_waits_until_it_has_seen_enough():
    [made] = crossover(closes=[100]).candle("100")
    assert made.reason.text == "2 of 4 candles seen that the rule needs"
