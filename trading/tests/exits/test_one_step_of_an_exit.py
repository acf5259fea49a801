"""exits.md 3: one step of getting out, by what is held, out and quoted."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from instruments.tests.protections import SHARES
from trading.exits.prices import ExitQuote, price_at_step
from trading.exits.step import Budget, Hours, Phase, Place, PlanState, Reprice, Slice, Withdraw, next_step

D = Decimal
NOW = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)
OPEN, PLENTY = Hours(True), Budget(4, 4)
QUOTE = ExitQuote(SHARES, D("0.10"), last=D(1480), bid=D(1470), ask=D("1480.10"), at=NOW)
LONG_10 = PlanState(sign=-1, held=10, closable=10, opened_at=NOW)
WORKING = Slice("K1", 10, Phase.WORKING, price=D("1472.60"), asked_at=NOW - timedelta(seconds=5))
OUT = replace(LONG_10, closable=0, slices=(WORKING,), stepped_at=NOW - timedelta(seconds=5))


def acts(plan: PlanState, quote=QUOTE, hours=OPEN, budget=PLENTY, now=NOW):
    return list(next_step(plan, quote, hours, budget, now).acts)


def test_all_that_is_held_is_asked_at_market_first():
    assert acts(LONG_10) == [Place(10, None)]


def test_no_more_is_asked_than_is_neither_out_nor_held_back():
    part = replace(OUT, slices=(replace(WORKING, quantity=6, phase=Phase.DOUBT),))
    assert acts(replace(part, closable=10)) == [Place(4, None)]
    assert acts(replace(part, closable=3)) == [Place(3, None)]
    assert acts(replace(part, closable=0)) == []


def test_no_more_is_asked_than_was_wanted_and_only_whole_lots():
    assert acts(replace(LONG_10, wanted=4)) == [Place(4, None)]
    assert acts(replace(LONG_10, held=100, closable=100, lot_size=35)) == [Place(70, None)]
    assert acts(replace(LONG_10, held=5, closable=5, lot_size=35)) == []


def test_what_is_not_taken_is_asked_at_a_price_that_is_sooner_taken():
    assert acts(OUT) == [Reprice("K1", D("1465.20"))]  # twice the slab of 0.5 %, under the bid


def test_the_price_only_goes_further_and_not_before_its_time():
    assert acts(replace(OUT, slices=(replace(WORKING, price=D(1400)),))) == []
    assert acts(replace(OUT, stepped_at=NOW - timedelta(seconds=1))) == []


@pytest.mark.parametrize("phase", [Phase.DOUBT, Phase.CHANGING, Phase.ENDING])
def test_one_with_a_request_out_is_left_alone(phase):
    assert acts(replace(OUT, slices=(replace(WORKING, phase=phase),))) == []


@pytest.mark.parametrize("worn", [{"modifies": 20}, {"refusals": 2}])
def test_one_changed_or_refused_too_often_is_replaced_once_it_has_ended(worn):
    plan = replace(OUT, slices=(replace(WORKING, **worn),))
    assert acts(plan) == [Withdraw("K1")]
    assert acts(replace(plan, slices=(replace(WORKING, phase=Phase.ENDING, **worn),))) == []


@pytest.mark.parametrize("phase", [Phase.WORKING, Phase.DOUBT])
def test_what_is_out_beyond_the_holding_is_taken_back_also_while_nobody_has_answered(phase):
    out = replace(OUT, slices=(replace(WORKING, phase=phase),))
    assert Withdraw("K1") in acts(replace(out, held=4))
    assert acts(replace(out, held=0)) == [Withdraw("K1")]


def test_what_the_broker_squares_off_is_taken_back_and_not_asked_again():
    made = next_step(replace(OUT, is_the_brokers=True), QUOTE, OPEN, PLENTY, NOW)
    assert (made.acts, made.needs_person, made.is_finished) == ((Withdraw("K1"),), True, False)
    made = next_step(replace(LONG_10, is_the_brokers=True), QUOTE, OPEN, PLENTY, NOW)
    assert (made.acts, made.needs_person) == ((), True)


def test_it_is_finished_only_when_nothing_is_held_out_or_may_still_come():
    flat = replace(LONG_10, held=0, closable=0)
    assert next_step(flat, QUOTE, OPEN, PLENTY, NOW).is_finished
    still_out = next_step(replace(OUT, held=0), QUOTE, OPEN, PLENTY, NOW)
    assert (still_out.is_finished, still_out.acts) == (False, (Withdraw("K1"),))
    assert not next_step(replace(flat, entries_ending=5), QUOTE, OPEN, PLENTY, NOW).is_finished


def test_nothing_is_asked_while_the_market_is_closed_or_the_budget_is_spent():
    assert acts(LONG_10, hours=Hours(False, NOW + timedelta(hours=1))) == []
    assert acts(LONG_10, budget=Budget(0, 0)) == []
    assert acts(LONG_10, budget=Budget(4, 0)) == []


def test_after_a_refusal_it_is_asked_again_later_and_later():
    refused = replace(LONG_10, refused=2, refused_at=NOW - timedelta(seconds=3), refusal="no")
    assert acts(refused) == []
    assert acts(refused, now=NOW + timedelta(seconds=1)) == [Place(10, None)]


@pytest.mark.parametrize(
    ("step", "sell", "buy"),
    [(0, "1472.60", "1487.40"), (1, "1465.20", "1494.80"), (2, "1469.80", "1480.30"), (9, "1469.80", "1480.30")],
)
def test_each_step_goes_further_by_slab_book_and_two_ticks(step, sell, buy):
    assert (price_at_step(QUOTE, -1, step, False), price_at_step(QUOTE, 1, step, False)) == (D(sell), D(buy))


def test_no_step_goes_beyond_five_slabs_or_the_band():
    far = replace(QUOTE, bid=D(1300))
    assert price_at_step(far, -1, 2, False) == D(1443)
    assert price_at_step(replace(far, band_low=D(1450)), -1, 2, False) == D(1450)
    assert price_at_step(replace(far, band_low=D(1332)), -1, 0, True) == D(1332)
