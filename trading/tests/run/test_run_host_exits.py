"""Getting out: stops, targets, flat-by, and asking again until flat."""

from datetime import timedelta
from itertools import pairwise

import pytest

from alphapanda.core.timezone import IST
from trading.run.faults import StrategyFault
from trading.tests.run.run_cases import HostedRun, buy, codes, leave, said, sell, stop_to
from trading.tests.strategies.market_day import INFY, D, at, candle, tick


def test_a_stop_touched_by_a_tick_is_left_at_market():
    [made] = HostedRun().entered(stop="95").tick("94.90", "10:05")
    assert (made.kind, made.side, made.quantity, made.order_type) == ("exit", "SELL", 10, "MARKET")
    assert made.reason.text == "stop 95.00 touched: last 94.90"


def test_a_short_is_stopped_above():
    hosted = HostedRun()
    hosted.tick("100", "10:00", sell("105"))
    hosted.fill(-10, "100", "10:00:01")
    [made] = hosted.tick("105", "10:05")
    assert (made.kind, made.side, made.quantity) == ("exit", "BUY", 10)


def test_a_target_is_left_at_too():
    hosted = HostedRun().entered(target="110")
    assert codes(hosted.tick("109.95", "10:05")) == []
    assert codes(hosted.tick("110", "10:06")) == ["target"]


def test_a_stop_is_watched_on_closes_where_no_tick_came():
    hosted = HostedRun().entered(stop="95")
    assert codes(hosted.host.on_candles([candle("94", at("10:02"))], at("10:03:02"))) == ["stop"]


def test_a_close_older_than_the_newest_tick_stops_nothing():
    hosted = HostedRun().entered(stop="95")
    hosted.tick("99", "10:03:01")
    assert hosted.host.on_candles([candle("94", at("10:02"))], at("10:03:02")) == []


def test_the_stop_comes_before_what_the_strategy_wants():
    hosted = HostedRun().entered(stop="95")
    assert codes(hosted.tick("94", "10:05", leave(), stop_to("90", may_loosen=True))) == ["stop"]


def test_the_stop_of_an_unfilled_entry_does_nothing():
    hosted = HostedRun()
    hosted.tick("100", "10:00", buy("95"))
    assert hosted.tick("94", "10:00:05") == []


def test_everything_is_left_at_flat_by_and_nothing_entered_until_tomorrow():
    hosted = HostedRun().entered()
    assert said(hosted.time("15:10")) == [("exit", 10)]
    hosted.fill(-10, "100", "15:10:01")
    assert codes(hosted.tick("100", "15:10:02", buy())) == ["after_flat_by"]
    tomorrow = at("10:00") + timedelta(days=3)
    hosted.puppet.says = [buy()]
    assert said(hosted.host.on_ticks([tick("100", tomorrow)], tomorrow)) == [("enter", 10)]


def test_an_intraday_run_is_flat_before_a_session_that_ends_early():
    hosted = HostedRun(flat_by=None).entered()
    assert hosted.time("15:19:59") == []
    assert codes(hosted.time("15:20")) == ["flat_by"]


def test_delivery_is_kept_overnight():
    hosted = HostedRun(product="CNC", flat_by=None).entered()
    assert hosted.time(at("10:00") + timedelta(days=3)) == []


def test_an_intraday_position_of_an_earlier_day_is_left_as_soon_as_the_market_is_open():
    hosted = HostedRun().entered()
    monday = timedelta(days=3)
    assert hosted.time(at("09:00") + monday) == []
    assert codes(hosted.time(at("09:15") + monday)) == ["left_over"]


def test_an_exit_that_ended_unfilled_is_asked_again_later_each_time_and_never_given_up():
    hosted = HostedRun().entered()
    hosted.tick("94", "10:05")
    asked, now = [], at("10:05")
    for _ in range(20):
        hosted.ended("rejected")
        while not (again := hosted.time(now)):
            now += timedelta(seconds=1)
        asked.append((again[0].attempt, now))
    waits = [(later - sooner).total_seconds() for (_, sooner), (_, later) in pairwise(asked)]
    assert [attempt for attempt, _ in asked] == list(range(2, 22))
    assert (waits[:4], waits[-1]) == ([4, 8, 16, 30], 30)


def test_an_exit_is_not_asked_twice_while_in_flight():
    hosted = HostedRun().entered()
    hosted.tick("94", "10:05")
    assert hosted.tick("93", "10:05:01", leave()) == []


def test_an_exit_filled_in_part_and_cancelled_is_asked_for_the_rest():
    hosted = HostedRun().entered()
    [made] = hosted.tick("94", "10:05")
    hosted.fill(-6, "94", "10:05:01", made.number)
    hosted.ended("cancelled", made.number)
    assert said(hosted.time("10:05:03")) == [("exit", 4)]


def test_getting_out_does_not_wait_for_an_entry_still_filling_and_asks_to_cancel_it():
    hosted = HostedRun()
    [entry] = hosted.tick("100", "10:00", buy("95"))
    hosted.fill(4, "100", "10:00:01", entry.number)
    [made] = hosted.tick("94", "10:00:05")
    assert (made.kind, made.quantity, made.cancels) == ("exit", 4, entry.number)


def test_what_still_fills_while_an_entry_is_cancelled_is_left_too():
    hosted = HostedRun()
    [entry] = hosted.tick("100", "10:00", buy("95"))
    hosted.fill(4, "100", "10:00:01", entry.number)
    [first] = hosted.tick("94", "10:00:05")
    hosted.fill(-4, "94", "10:00:06", first.number)
    hosted.fill(6, "94", "10:00:07", entry.number)
    assert said(hosted.time("10:00:08")) == [("exit", 6)]


def test_leaving_an_unfilled_entry_cancels_it_and_then_forgets():
    hosted = HostedRun()
    [entry] = hosted.tick("100", "10:00", buy())
    [cancel] = hosted.tick("100", "10:00:05", leave())
    assert (cancel.kind, cancel.cancels) == ("cancel", entry.number)
    hosted.ended("cancelled", entry.number)
    assert said(hosted.tick("100", "10:00:06", buy())) == [("enter", 10)]


def test_late_fills_that_turn_the_position_round_are_left():
    hosted = HostedRun().entered()
    [first] = hosted.tick("94", "10:05")
    hosted.ended("cancelled", first.number)
    [second] = hosted.time("10:05:10")
    hosted.fill(-10, "94", "10:05:11", second.number)
    hosted.fill(-10, "94", "10:05:12", first.number)
    [made] = hosted.time("10:05:13")
    assert (made.kind, made.side, made.quantity, made.reason.code) == ("exit", "BUY", 10, "backwards")


def test_an_end_of_another_order_does_not_end_the_one_in_flight():
    hosted = HostedRun().entered()
    [made] = hosted.tick("94", "10:05")
    hosted.ended("cancelled", made.number - 1)
    hosted.ended("filled", made.number)
    assert hosted.host.position_of(INFY).exit is not None


def test_a_stop_moves_only_so_that_it_protects_more():
    hosted = HostedRun().entered(stop="95")
    [made] = hosted.tick("100", "10:05", stop_to("97.02"))
    assert (made.kind, made.stop) == ("change_stop", D("97.00"))
    [stays] = hosted.tick("100", "10:06", stop_to("96"))
    assert (stays.kind, stays.reason.text) == ("wait", "stop stays at 97.00; 96.00 would protect less")
    assert codes(hosted.tick("96.90", "10:07")) == ["stop"]


def test_a_strategy_may_loosen_a_stop_if_it_says_so():
    hosted = HostedRun().entered(stop="95")
    assert hosted.tick("100", "10:05", stop_to("90", may_loosen=True))[0].stop == D(90)


def test_a_stop_moved_onto_the_price_is_left_at_once():
    hosted = HostedRun().entered(stop="95")
    assert [made.kind for made in hosted.tick("100", "10:05", stop_to("100"))] == ["change_stop", "exit"]


def test_exits_only_keeps_stops_and_flat_by_and_does_not_ask_the_strategy():
    hosted = HostedRun().entered(stop="95")
    hosted.host.exits_only = True
    assert hosted.tick("100", "10:04", leave()) == []
    assert codes(hosted.tick("95", "10:05")) == ["stop"]


def test_a_stop_is_decided_even_if_the_strategy_raises_on_the_same_tick():
    hosted = HostedRun().entered(stop="95")
    hosted.puppet.says = lambda: 1 / 0
    with pytest.raises(StrategyFault) as raised:
        hosted.host.on_ticks([tick("94", "10:05")], at("10:05"))
    assert codes(raised.value.decisions) == ["stop"]


def test_average_price_follows_fills_and_partial_exits_leave_it():
    hosted = HostedRun()
    hosted.tick("100", "10:00", buy())
    hosted.fill(4, "100", "10:00:01")
    hosted.fill(6, "105", "10:00:02")
    hosted.fill(-5, "110", "10:00:03")
    assert (hosted.quantity, hosted.host.position_of(INFY).average_price) == (5, D(103))


def test_no_exit_is_asked_on_a_day_without_a_session():
    hosted = HostedRun().entered()
    saturday = at("00:00:30") + timedelta(days=1)
    assert saturday.astimezone(IST).weekday() == 5
    asked = 0
    for second in range(0, 3600, 10):
        for decision in hosted.time(saturday + timedelta(seconds=second)):
            asked += 1
            hosted.ended("denied", decision.number)
    assert asked == 0
