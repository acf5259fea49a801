"""exits.md 3: one step of an exit, pure. What is out never exceeds what is held, and nothing in doubt is asked anew."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instruments.tests.protections import FUTURES, SHARES
from trading.exits.prices import ExitQuote, price_at_step
from trading.exits.step import (
    MOST_MODIFIES,
    Budget,
    Hours,
    Phase,
    Place,
    PlanState,
    Reprice,
    Slice,
    Withdraw,
    next_step,
)

D = Decimal
NOW = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)
OPEN, FREE = Hours(True), Budget(4, 4)
QUOTE = ExitQuote(SHARES, D("0.10"), D(1400), D(1399), D("1400.10"), NOW)
HELD_10 = PlanState(sign=-1, held=10, closable=10, opened_at=NOW)


def working(quantity=10, price="1393", **changes):
    return Slice("O1", quantity, Phase.WORKING, D(price), NOW, **changes)


def resting(since=timedelta(seconds=2), step=0, one=None, **changes):
    one = one or working()
    state = replace(HELD_10, closable=0, slices=(one,), step=step, stepped_at=NOW - since)
    return replace(state, **changes)


def acts(plan, quote=QUOTE, hours=OPEN, budget=FREE, now=NOW):
    return next_step(plan, quote, hours, budget, now).acts


def test_the_first_step_asks_all_that_may_be_closed_at_market():
    assert acts(HELD_10) == (Place(10, None),)
    assert acts(replace(HELD_10, closable=4)) == (Place(4, None),)


def test_it_asks_no_more_than_is_wanted():
    assert acts(replace(HELD_10, wanted=3)) == (Place(3, None),)


@pytest.mark.parametrize("phase", list(Phase))
def test_what_is_out_is_not_asked_again(phase):
    plan = replace(HELD_10, closable=10, slices=(Slice("O1", 10, phase, D(1), NOW),), stepped_at=NOW)
    assert not any(isinstance(act, Place) for act in acts(plan))


@pytest.mark.parametrize("phase", [Phase.DOUBT, Phase.CHANGING, Phase.ENDING])
def test_one_request_is_out_at_a_time(phase):
    plan = resting(timedelta(minutes=5), one=Slice("O1", 10, phase, D("1499"), NOW))
    assert acts(plan) == ()


def test_what_is_not_taken_is_repriced_after_its_pace_and_not_before():
    assert acts(resting(timedelta(seconds=1))) == ()
    assert acts(resting(timedelta(seconds=2))) == (Reprice("O1", D("1386.00")),)


def test_it_waits_longer_where_nothing_trades_and_where_many_share():
    silent = replace(QUOTE, at=NOW - timedelta(seconds=9))
    assert acts(resting(timedelta(seconds=8)), silent) == ()
    assert acts(resting(timedelta(seconds=9)), silent) != ()
    assert acts(resting(timedelta(seconds=4)), budget=Budget(4, 4, plans=20)) == ()


def test_an_unchanged_price_is_no_request():
    assert acts(resting(step=1, one=working(price="1398.80"))) == ()


def test_a_price_never_goes_back():
    assert acts(resting(one=working(price="1300"))) == ()


@pytest.mark.parametrize("worn", [{"modifies": MOST_MODIFIES}, {"refusals": 2}])
def test_one_changed_or_refused_too_often_is_replaced_only_once_it_has_ended(worn):
    assert acts(resting(one=working(**worn))) == (Withdraw("O1"),)


def test_a_more_urgent_plan_takes_over_what_rests():
    adopted = replace(resting(one=working(price="1500")), step=0, stepped_at=None)
    assert acts(adopted) == (Reprice("O1", D("1393.00")),)


def test_what_is_out_beyond_the_holding_is_taken_back_newest_first():
    two = (replace(working(6), order="O1"), replace(working(6), order="O2"))
    plan = replace(HELD_10, closable=0, slices=two, stepped_at=NOW)
    assert acts(plan) == (Withdraw("O2"),)


def test_flat_takes_back_what_is_out_and_is_over_only_when_it_has_ended():
    flat = replace(HELD_10, held=0, closable=0, slices=(working(),))
    made = next_step(flat, QUOTE, OPEN, FREE, NOW)
    assert (made.acts, made.is_finished) == ((Withdraw("O1"),), False)
    assert next_step(replace(flat, slices=()), QUOTE, OPEN, FREE, NOW).is_finished
    assert not next_step(replace(flat, slices=(), entries_ending=5), QUOTE, OPEN, FREE, NOW).is_finished


def test_doubt_of_half_a_minute_needs_a_person():
    doubted = resting(one=replace(working(), phase=Phase.DOUBT))
    assert not next_step(doubted, QUOTE, OPEN, FREE, NOW + timedelta(seconds=29)).needs_person
    assert next_step(doubted, QUOTE, OPEN, FREE, NOW + timedelta(seconds=30)).needs_person


def test_a_closed_market_is_slept_through():
    opens = NOW + timedelta(hours=20)
    made = next_step(HELD_10, QUOTE, Hours(False, opens), FREE, NOW)
    assert (made.acts, made.look_at, made.needs_person) == ((), opens, False)
    late = replace(HELD_10, deadline=NOW)
    assert next_step(late, QUOTE, Hours(False, opens), FREE, NOW).needs_person


def test_an_odd_rest_is_left_and_said():
    plan = replace(HELD_10, held=600, closable=600, lot_size=35)
    assert acts(plan) == (Place(595, None),)
    made = next_step(replace(plan, held=5, closable=5), QUOTE, OPEN, FREE, NOW)
    assert (made.acts, made.needs_person, made.words) == ((), True, "5 left: less than a lot of 35, which nobody takes")


def test_refusals_are_not_stormed():
    refused = replace(HELD_10, refused=3, refused_at=NOW, refusal="RMS: margin")
    made = next_step(refused, QUOTE, OPEN, FREE, NOW + timedelta(seconds=7))
    assert (made.acts, made.needs_person, made.words) == ((), True, "refused: RMS: margin")
    assert acts(refused, now=NOW + timedelta(seconds=8)) == (Place(10, None),)


def test_without_budget_nothing_is_asked():
    assert acts(HELD_10, budget=Budget(0, 0)) == ()
    assert acts(HELD_10, budget=Budget(4, 0)) == ()


def test_a_limit_by_hand_stays_at_its_price():
    plan = replace(resting(timedelta(minutes=1), one=working(price="1410")), limit=D(1410))
    assert acts(plan) == ()
    assert acts(replace(HELD_10, limit=D(1410))) == (Place(10, D(1410)),)


@pytest.mark.parametrize(
    ("step", "sign", "quote", "price"),
    [
        (0, -1, {}, "1393.00"),
        (1, -1, {}, "1386.00"),
        (1, -1, {"bid": D(1358)}, "1358"),
        (2, -1, {}, "1398.80"),
        (2, -1, {"bid": D(1358)}, "1365.00"),  # no further than five slabs
        (0, 1, {}, "1407.00"),
        (2, 1, {}, "1400.30"),
        (2, -1, {"bid": None}, "1365.00"),
        (2, -1, {"band_low": D(1390)}, "1398.80"),
        (1, -1, {"band_low": D(1390)}, "1390"),
        (0, -1, {"bid": None, "last": D(1260), "band_low": D(1260)}, "1260"),  # locked
    ],
)
def test_each_step_asks_more(step, sign, quote, price):
    assert price_at_step(replace(QUOTE, **quote), sign, step, False) == D(price)


def test_the_last_minute_asks_as_far_as_anything_allows():
    assert price_at_step(replace(QUOTE, band_low=D(1260)), -1, 0, True) == D(1260)
    future = replace(QUOTE, protection=FUTURES)
    assert price_at_step(future, -1, 0, True) == D(1358)
    assert price_at_step(replace(future, band_low=D(1260)), -1, 0, True) == D(1358)
    deadline = NOW + timedelta(seconds=60)
    assert acts(resting(deadline=deadline), replace(QUOTE, band_low=D(1260))) == (Reprice("O1", D(1260)),)


@pytest.mark.parametrize(("sign", "price"), [(-1, "970.10"), (1, "1030.00")])
def test_a_bound_between_two_ticks_is_kept_from_the_inside(sign, price):
    future = replace(QUOTE, protection=FUTURES, tick_size=D("0.10"), last=D("1000.05"))
    assert price_at_step(future, sign, 0, True) == D(price)  # 3 % is 970.0485 and 1030.0515


def test_an_unknown_price_prices_nothing():
    assert price_at_step(replace(QUOTE, last=None), -1, 1, False) is None
    assert acts(resting(), replace(QUOTE, last=None)) == ()


phases = st.sampled_from(list(Phase))
slices = st.lists(st.builds(Slice, st.uuids(), st.integers(1, 20), phases, st.just(D(1390)), st.just(NOW)), max_size=4)


@given(slices, st.integers(0, 60), st.integers(0, 60), st.integers(0, 5), st.integers(1, 7))
def test_a_step_never_has_more_out_than_is_held(out, held, closable, step, lot):
    plan = PlanState(-1, held, min(closable, max(0, held - sum(s.quantity for s in out))), NOW, tuple(out), step=step)
    asked = sum(act.quantity for act in acts(replace(plan, lot_size=lot)) if isinstance(act, Place))
    assert asked == 0 or asked + plan.out <= held


@given(slices, st.integers(1, 60))
def test_a_step_acts_on_each_order_once_and_of_one_in_doubt_takes_back_only_what_is_too_much(out, held):
    plan = PlanState(-1, held, 0, NOW, tuple(out), stepped_at=NOW - timedelta(minutes=1))
    made = acts(plan, budget=Budget(99, 99))
    phases = {one.order: one.phase for one in out}
    touched = [act.order for act in made if isinstance(act, Reprice | Withdraw)]
    assert len(set(touched)) == len(touched)
    assert {phases[act.order] for act in made if isinstance(act, Reprice)} <= {Phase.WORKING}
    may_go = {Phase.WORKING, Phase.DOUBT} if plan.out > held else {Phase.WORKING}
    assert {phases[act.order] for act in made if isinstance(act, Withdraw)} <= may_go


def test_what_is_not_credited_yet_keeps_the_exit_open_until_it_can_be_sold():
    made = next_step(replace(HELD_10, held=8, closable=0, receivable=8), QUOTE, OPEN, FREE, NOW)
    assert (made.acts, made.is_finished, made.words) == ((), False, "8 not credited yet: sold once they are")
    assert not made.needs_person
