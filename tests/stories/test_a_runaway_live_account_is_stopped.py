"""Many orders that each look right: the breaker closes a live account's gate to new risk, and exits still pass."""

import pytest

from portfolio.models import Position
from trading.models import Gate, RiskLimit
from trading.orders import gates, readings
from trading.orders.breaker import pace_of
from trading.orders.life_cycle import GateState


@pytest.fixture
def limits(live):
    """Two refusals and one round trip a minute."""
    RiskLimit.objects.update(max_refusals_minute=2, max_round_trips_minute=1)


def gate(live):
    return gates.gate_in_force(live.account.pk)


def refused(live, times):
    live.sim.fault("reject", count=times, message="RMS:Blocked for INFY MIS TRADING NOT ALLOWED")
    for quantity in range(1, times + 1):
        before = pace_of(live.account, live.now).refusals
        live.buy(quantity, product="MIS")
        live.until(lambda before=before: pace_of(live.account, live.now).refusals > before, "it is refused")


def round_trip(live, quantity):
    live.buy(quantity, product="MIS")
    live.until(lambda: Position.objects.filter(quantity=quantity).exists(), "bought")
    live.buy(quantity, side="SELL", product="MIS")
    live.until(lambda: not Position.objects.open().exists(), "sold")


def test_refusals_beyond_the_limit_close_the_gate_and_say_how_many(live, limits):
    refused(live, 2)
    assert gate(live) is GateState.ACTIVE
    refused(live, 1)
    row = Gate.objects.get(account=live.account)
    assert (row.state, row.changed_by) == ("reduce_only", "breaker")
    assert row.reason == "3 orders refused within a minute; 2 allowed"


def test_refusals_of_an_earlier_minute_do_not_count(live, limits):
    refused(live, 2)
    live.advance(61)
    refused(live, 1)
    assert gate(live) is GateState.ACTIVE


def test_a_person_opens_it_again_and_the_minute_begins_anew(live, limits):
    refused(live, 3)
    live.advance(1)
    gates.set_gate(GateState.ACTIVE, live.account, by="tests")
    live.advance(1)
    readings.read_and_book(live.account.pk)
    assert gate(live) is GateState.ACTIVE


def test_round_trips_within_the_minute_close_it_and_what_is_held_can_still_be_left(live, limits):
    round_trip(live, 1)
    assert gate(live) is GateState.ACTIVE
    round_trip(live, 2)
    assert gate(live) is GateState.REDUCE_ONLY


def test_what_was_opened_earlier_is_no_round_trip_when_it_is_closed(live, limits):
    live.buy(3, product="MIS")
    live.until(lambda: Position.objects.filter(quantity=3).exists(), "bought")
    live.advance(61)
    assert pace_of(live.account, live.now).round_trips == 0
    live.buy(3, side="SELL", product="MIS")
    live.until(lambda: not Position.objects.open().exists(), "sold")
    assert pace_of(live.account, live.now).round_trips == 0


def test_turnover_beyond_the_days_limit_closes_it(live):
    RiskLimit.objects.update(max_turnover_day=live.last() * 5 / 2)
    live.buy(2, product="MIS")
    live.until(lambda: Position.objects.filter(quantity=2).exists(), "bought")
    assert gate(live) is GateState.ACTIVE
    live.buy(1, product="MIS")
    live.until(lambda: gate(live) is GateState.REDUCE_ONLY, "the turnover closed it")
    assert "traded today" in Gate.objects.get(account=live.account).reason
