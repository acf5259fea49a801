"""The opening range: whole, once a side and day, not too late."""

from datetime import timedelta

from trading.strategies.opening_range_breakout import OpeningRangeBreakout
from trading.testing import StrategyTest, summary
from trading.tests.strategies.market_day import D, at, candle

OPENING = [100, 101, 100, 99, 100]


def opening_range(closes=OPENING, until="09:20", **changes):
    settings = {"interval": 1, "minutes": 5, "buffer": "0", "cooldown": 0}
    run = StrategyTest(OpeningRangeBreakout, settings | changes, now=until)
    run.warm(closes, reach="0.5")
    return run


def test_a_tick_above_the_range_is_bought_with_stop_and_target_from_the_range():
    [made] = opening_range().tick("101.55")
    assert (made.kind, made.side, made.stop, made.target) == ("enter", "BUY", D("98.50"), D("107.50"))
    assert made.reason.text == "101.55 is above 101.50, the first 5 min and buffer"


def test_a_tick_below_it_is_sold_first():
    [made] = opening_range().tick("98.45")
    assert (made.side, made.stop, made.target) == ("SELL", D("101.50"), D("92.50"))


def test_the_stop_can_be_a_distance_and_the_target_none():
    [made] = opening_range(stop_at="distance", target_ranges="0").tick("101.55")
    assert (made.stop, made.target) == (D("100.50"), None)


def test_the_buffer_widens_the_range():
    [made] = opening_range(buffer="0.1").tick("101.60")
    assert (made.kind, made.reason.text) == ("wait", "101.60 inside the opening range 98.50 to 101.50")


def test_no_entry_while_the_range_forms():
    [made] = opening_range(closes=[100, 101], until="09:17").tick("150", "10:00:10")
    assert made.reason.code == "range_incomplete"
    [made] = opening_range(closes=[100, 101], until="09:17").tick("150", "09:17:10")
    assert made.reason.text == "opening range until 09:20: 2 of 5 candles seen"


def test_a_range_with_a_hole_is_not_traded_that_day():
    run = opening_range(closes=OPENING[:4], until="09:19")
    [made] = run.tick("150", "09:21:10")
    assert made.reason.text == "4 of 5 candles of the opening range seen; not traded today"


def test_candles_before_and_after_the_range_do_not_count():
    run = opening_range(closes=[50, 50, *OPENING, 300], until="09:21")
    assert [made.kind for made in run.tick("101.55")] == ["enter"]


def test_one_entry_a_side_and_day():
    run = opening_range()
    run.fill(run.tick("101.55")[0], "101.55")
    run.fill(run.tick("98.50", "10:01")[0], "98.50")
    [again] = run.tick("101.60", "10:02")
    assert again.reason.text == "bought once today; one entry a side and day"
    assert summary(run.tick("98.45", "10:03")) == [("enter", "breakout")]


def test_an_entry_that_was_refused_does_not_use_up_the_side():
    run = opening_range()
    run.host.apply_order_ended("NSE:INFY", "denied", run.tick("101.55")[0].number)
    assert summary(run.tick("101.60", "10:01")) == [("enter", "breakout")]


def test_no_entry_after_its_hour():
    [made] = opening_range(no_entry_after="11:00").tick("150", "11:00")
    assert made.reason.text == "no entry after 11:00"


def test_a_new_day_forgets_the_old_range_and_what_was_entered():
    run = opening_range()
    run.fill(run.tick("101.55")[0], "101.55")
    run.fill(run.tick("98.50", "10:01")[0], "98.50")
    monday = timedelta(days=3)
    assert summary(run.tick("150", at("09:16") + monday)) == [("wait", "range_forming")]
    for minute in range(5):
        run.candles(candle("200", at("09:15") + monday + timedelta(minutes=minute)))
    [made] = run.tick("201", at("09:20:05") + monday)
    assert (made.kind, made.side, made.stop) == ("enter", "BUY", D("200"))
