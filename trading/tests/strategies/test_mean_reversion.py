"""Mean reversion buys a fall out of the bands and leaves at the middle."""

import pytest

from trading.strategies.mean_reversion import MeanReversion
from trading.testing import StrategyTest, summary
from trading.tests.strategies.market_day import D, at, candle

CALM = [100, 101] * 10


def reversion(closes=CALM, product="MIS", **changes):
    settings = {"interval": 1, "period": 10, "rsi_period": 3, "cooldown": 0}
    run = StrategyTest(MeanReversion, settings | changes, product=product)
    run.warm(closes, reach="0.5")
    return run


def bought(**changes):
    run = reversion(**changes)
    run.fill(run.candle("97")[0], "97")
    return run


def test_a_close_below_the_bands_with_a_low_rsi_is_bought_with_stop_and_target():
    [made] = reversion().candle("97")
    assert (made.kind, made.side, made.stop, made.target) == ("enter", "BUY", D("96.00"), D("100.20"))
    assert made.reason.text == "close 97.00 below the band 97.87; RSI 20.0"


def test_a_close_above_the_bands_with_a_high_rsi_is_sold_first():
    [made] = reversion().candle("104")
    assert (made.kind, made.side, made.stop) == ("enter", "SELL", D("105.05"))


def test_a_close_inside_the_bands_waits_and_says_where():
    [made] = reversion().candle("100.50")
    assert (made.kind, made.reason.code) == ("wait", "inside_bands")
    assert made.reason.text == "close 100.50 inside the bands 99.61 to 101.49; RSI 48.0"


def test_a_close_outside_without_an_extreme_rsi_waits_and_says_the_rsi():
    [made] = reversion(oversold=5).candle("97")
    assert made.reason.text == "close 97.00 below the band 97.87, but RSI 20.0, not under 5"
    assert made.nearness == 0.25


@pytest.mark.parametrize("change", [{"long_only": True}, {"product": "CNC"}])
def test_nothing_is_sold_first_where_it_is_not_allowed(change):
    [made] = reversion(**change).candle("104")
    assert (made.kind, made.reason.code, made.nearness) == ("wait", "above_bands", 0.0)


def test_it_leaves_when_a_close_is_back_at_the_middle_band():
    run = bought(leave_at="middle band", use_target=False)
    [made] = run.candle("101", low="97")
    assert (made.kind, made.reason.text) == ("exit", "close 101.00 is back at the middle band 100.20")


def test_it_leaves_when_the_rsi_is_back_at_50():
    [made] = bought(leave_at="RSI 50", use_target=False).candle("99.50")
    assert (made.kind, made.reason.code) == ("exit", "rsi_50")


def test_it_holds_in_between_and_says_how_far_the_stop_is():
    [made] = bought().candle("97.50")
    assert made.reason.text == "holding from 97.00; stop 96.00 is 1.54\u00a0% away"


def test_a_live_price_at_the_target_is_left():
    assert summary(bought().tick("100.20", "10:01:30")) == [("exit", "target")]


def test_a_live_price_at_the_stop_is_left():
    assert summary(bought().tick("96", "10:01:30")) == [("exit", "stop")]


def test_a_price_that_never_moves_waits():
    assert summary(reversion(closes=[100] * 20).candle("100")) == [("wait", "inside_bands")]


def test_an_incomplete_candle_is_neither_learned_nor_acted_on():
    run = reversion()
    assert summary(run.candles(candle("97", at("10:00"), complete=False))) == [("wait", "incomplete_candle")]
    assert summary(run.candle("97"))[0] == ("enter", "outside_bands")
