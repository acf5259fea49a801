"""When a run may enter, and with how much."""

from datetime import time, timedelta

import pytest

from trading.run.sizing import ByLots, ByRisk
from trading.run.terms import RunTerms
from trading.tests.run.run_cases import HostedRun, buy, codes, said, sell
from trading.tests.strategies.market_day import INFY, D, at, spec, terms, tick


def test_an_entry_becomes_a_decision_with_size_stop_and_words():
    [made] = HostedRun().tick("100", "10:00", buy("95", "110"))
    assert (made.kind, made.side, made.quantity, made.order_type) == ("enter", "BUY", 10, "MARKET")
    assert (made.stop, made.target, made.reason.text) == (D(95), D(110), "because the test says so")


def test_a_stop_is_rounded_to_the_tick_away_from_the_position():
    [long] = HostedRun().tick("100", "10:00", buy("95.04"))
    [short] = HostedRun().tick("100", "10:00", sell("104.96"))
    assert (long.stop, short.stop) == (D("95.00"), D("105.00"))


@pytest.mark.parametrize(
    ("clock", "code"),
    [
        ("09:16", "before_window"),
        ("14:30", "after_window"),
        ("15:10", "after_flat_by"),
        ("15:29", "after_flat_by"),
        ("09:10", "closed"),
    ],
)
def test_no_entry_outside_its_times(clock, code):
    until = None if code == "after_flat_by" else time(14, 30)
    hosted = HostedRun(enter_from=time(9, 20), enter_until=until)
    assert codes(hosted.tick("100", clock, buy())) == [code]


def test_no_entry_on_a_day_without_a_known_session():
    hosted = HostedRun()
    sunday = at("10:00") + timedelta(days=2)
    hosted.puppet.says = [buy()]
    assert codes(hosted.host.on_ticks([tick("100", sunday)], sunday)) == ["no_session"]


def test_no_second_entry_while_one_is_in_flight_or_held():
    hosted = HostedRun()
    hosted.tick("100", "10:00", buy())
    assert codes(hosted.tick("100", "10:00:10", buy())) == ["in_flight"]
    hosted.fill(10, "100", "10:00:11")
    assert codes(hosted.tick("100", "10:00:12", buy())) == ["already_held"]


def test_no_entry_on_a_tick_that_is_too_old():
    hosted = HostedRun()
    hosted.puppet.says = [buy()]
    [made] = hosted.host.on_ticks([tick("100", "10:00")], at("10:01"))
    assert (made.kind, made.reason.text) == ("wait", "decided on data 60 s old; 30 s allowed")


def test_delivery_is_not_sold_before_it_is_bought():
    [made] = HostedRun(product="CNC", flat_by=None).tick("100", "10:00", sell())
    assert (made.kind, made.reason.text) == ("wait", "CNC cannot be sold before it is bought")


def test_an_entry_whose_stop_is_on_the_wrong_side_is_a_wait_with_the_numbers():
    [made] = HostedRun().tick("100", "10:00", buy("100"))
    assert (made.kind, made.reason.text) == ("wait", "stop 100.00 is not below the price 100.00; not entered")


def test_an_entry_too_small_for_one_lot_is_a_wait_that_says_why():
    [made] = HostedRun(sizing=ByRisk(D(4))).tick("100", "10:00", buy("95"))
    assert made.reason.text == "one lot risks 1 × 5.00 = ₹5.00 to its stop, ₹4.00 allowed"


def test_an_entry_is_cut_to_what_one_order_may_be_worth():
    [bought] = HostedRun(sizing=ByLots(1_000), largest_order=D(10_000)).tick("100", "10:00", buy("95"))
    assert bought.quantity == 97  # the gate values a market buy at what its protection lets it pay
    [sold] = HostedRun(sizing=ByLots(1_000), largest_order=D(10_000)).tick("100", "10:00", sell())
    assert sold.quantity == 100


def test_after_a_refused_entry_the_next_waits_longer_each_time():
    hosted = HostedRun()
    [first] = hosted.tick("100", "10:00", buy())
    hosted.ended("denied", first.number)
    assert codes(hosted.tick("100", "10:00:29", buy())) == ["entry_barred"]
    [second] = hosted.tick("100", "10:00:30", buy())
    hosted.ended("rejected", second.number)
    assert codes(hosted.tick("100", "10:01:29", buy())) == ["entry_barred"]
    assert said(hosted.tick("100", "10:01:30", buy())) == [("enter", 10)]


def test_a_filled_entry_ends_the_longer_waits():
    hosted = HostedRun()
    hosted.tick("100", "10:00", buy())
    hosted.ended("denied")
    hosted.tick("100", "10:00:30", buy())
    hosted.fill(10, "100", "10:00:31")
    assert (hosted.host.position_of(INFY).refused_entries, hosted.host.position_of(INFY).entry_barred_until) == (
        0,
        None,
    )


def test_an_entry_that_rests_too_long_is_cancelled_once():
    hosted = HostedRun(entry_lives=timedelta(seconds=60))
    [made] = hosted.tick("100", "10:00", buy(limit="99.50"))
    assert (made.order_type, made.price) == ("LIMIT", D("99.50"))
    assert hosted.time("10:00:59") == []
    [cancel] = hosted.time("10:01:00")
    assert (cancel.kind, cancel.cancels) == ("cancel", made.number)
    assert hosted.time("10:01:10") == []


def test_a_partly_filled_then_cancelled_entry_keeps_what_was_filled_and_its_stop():
    hosted = HostedRun()
    [made] = hosted.tick("100", "10:00", buy("95"))
    hosted.fill(4, "100", "10:00:01", made.number)
    hosted.ended("cancelled", made.number)
    assert hosted.quantity == 4
    assert said(hosted.tick("95", "10:05")) == [("exit", 4)]


def test_a_limit_order_style_prices_entries_off_the_last_price():
    hosted = HostedRun(order_type="LIMIT", limit_offset_ticks=2)
    [made] = hosted.tick("100", "10:00", buy())
    assert (made.order_type, made.price) == ("LIMIT", D("100.10"))


def test_terms_that_contradict_themselves_say_so():
    with pytest.raises(ValueError, match="entries open 10:00, but end 09:30"):
        terms(enter_from=time(10), enter_until=time(9, 30))
    with pytest.raises(ValueError, match="NSE:NIFTY is an index; it can be watched, not traded"):
        RunTerms((spec("NSE:NIFTY", is_index=True),), "MIS", ByRisk(D(1)))
