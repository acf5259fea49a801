"""A run goes to JSON and comes back as it was."""

import json

import pytest

from trading.run.faults import StrategyFault
from trading.run.host import RunHost
from trading.run.terms import RunTerms
from trading.strategies.values import Fill
from trading.tests.run.run_cases import HostedRun, Puppet, buy, codes, said, sell
from trading.tests.strategies.market_day import INFY, D, at, candle, sessions, spec, terms


def reborn(hosted: HostedRun, run_terms: RunTerms | None = None) -> HostedRun:
    saved = json.loads(json.dumps(hosted.host.save()))
    again = HostedRun(run_terms or hosted.terms)
    again.host.restore(saved)
    return again


def test_what_is_held_and_protected_comes_back():
    again = reborn(HostedRun().entered("95", "110"))
    held = again.host.position_of(INFY).held()
    assert (held.quantity, held.average_price, held.stop, held.target) == (10, D(100), D(95), D(110))
    assert codes(again.tick("94", "10:05")) == ["stop"]


def test_what_is_in_flight_comes_back():
    hosted = HostedRun()
    [made] = hosted.tick("100", "10:00", buy())
    again = reborn(hosted)
    assert codes(again.tick("100", "10:00:10", buy())) == ["in_flight"]
    again.fill(10, "100", "10:00:11", made.number)
    assert codes(again.tick("100", "10:00:12", buy())) == ["already_held"]


def test_the_wish_to_leave_and_its_backing_off_come_back():
    hosted = HostedRun().entered()
    hosted.tick("94", "10:05")
    hosted.ended("rejected")
    again = reborn(hosted)
    assert again.time("10:05:01") == []
    [made] = again.time("10:05:02")
    assert (made.kind, made.attempt, made.reason.code) == ("exit", 2, "stop")


def test_numbers_go_on_where_they_were():
    hosted = HostedRun().entered()
    assert reborn(hosted).tick("94", "10:05")[0].number == 2


def test_exits_only_and_a_fault_come_back():
    hosted = HostedRun()
    hosted.puppet.says = lambda: 1 / 0
    with pytest.raises(StrategyFault):
        hosted.host.on_candles([candle("100", at("09:59"))], at("10:00:02"))
    again = reborn(hosted)
    assert (again.host.exits_only, again.host.is_faulted) == (True, True)


def test_a_candle_taken_before_is_not_taken_again():
    hosted = HostedRun()
    hosted.host.on_candles([candle("100", at("09:59"))], at("10:00:02"))
    again = reborn(hosted)
    again.host.on_candles([candle("100", at("09:59"))], at("10:00:03"))
    assert again.puppet.heard == []


def test_an_instrument_taken_out_of_the_terms_is_still_left():
    again = reborn(HostedRun().entered("95"), terms("NSE:ITC"))
    assert said(again.tick("94", "10:05")) == [("exit", 10)]


def test_an_instrument_added_to_the_terms_begins_flat():
    run_terms = terms(INFY, "NSE:ITC")
    again = RunHost(Puppet(), run_terms, sessions, at("09:15"))
    again.restore(HostedRun().entered().host.save())
    assert (again.positions, again.position_of("NSE:ITC").quantity) == ({INFY: 10}, 0)


def test_a_fill_of_an_instrument_the_run_never_had_is_an_error():
    hosted = HostedRun(RunTerms((spec("NSE:ITC"),), "MIS", terms().sizing))
    with pytest.raises(KeyError, match=INFY):
        hosted.fill(1, "100", "10:00")


def test_an_expiry_forgets_the_position_and_is_never_taken_for_a_fill_of_an_exit_on_its_way():
    hosted = HostedRun().entered(stop="95")
    [exit_] = hosted.tick("94", "10:05")
    settlement = Fill(INFY, -10, D("93"), at("15:40"))
    assert hosted.host.apply_expiry(settlement) == []
    position = hosted.host.position_of(INFY)
    assert (position.quantity, position.exit, position.stop, position.leaving) == (0, None, None, None)
    assert hosted.puppet.heard[-1] == settlement
    hosted.ended("expired", exit_.number)
    assert hosted.time("15:41") == []


def test_an_expiry_of_what_a_run_does_not_know_changes_nothing():
    hosted = HostedRun().entered(stop="95")
    assert hosted.host.apply_expiry(Fill("NFO:OTHER", -65, D("93"), at("15:40"))) == []
    assert hosted.quantity == 10


def test_a_split_moves_quantity_average_stop_and_target_and_the_strategy_begins_anew():
    hosted = HostedRun().entered("95", "110")
    hosted.host.apply_adjustment(INFY, 1, 5)
    position = hosted.host.position_of(INFY)
    assert (position.quantity, position.average_price, position.stop, position.target) == (50, 20, 19, 22)
    assert (hosted.host.exits_only, hosted.host.is_faulted) == (True, True)
    assert hosted.tick("19.05", "10:05") == []
    assert said(hosted.tick("19", "10:06")) == [("exit", 50)]


def test_a_stop_that_a_bonus_puts_off_the_tick_is_rounded_away_from_the_price():
    hosted = HostedRun().entered("95")
    hosted.host.apply_adjustment(INFY, 2, 3)
    assert hosted.host.position_of(INFY).stop == D("63.30")  # of 63.333…
    short = HostedRun()
    short.tick("100", "10:00", sell("105"))
    short.fill(-10, "100", "10:00:01")
    short.host.apply_adjustment(INFY, 2, 3)
    assert (short.quantity, short.host.position_of(INFY).stop) == (-15, D("70"))


def test_a_split_of_what_a_run_does_not_know_adjusts_nothing():
    hosted = HostedRun().entered("95")
    hosted.host.apply_adjustment("NSE:OTHER", 1, 5)
    assert hosted.quantity == 10
