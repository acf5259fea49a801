"""What readings of a broker's books prove of an order, and what differs between its holdings and ours."""

from collections import namedtuple
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.orders.broker_port import BrokerPositionRow
from trading.orders.differences import Compared, Key, compare_books
from trading.orders.proof import LOOK_AFTER, next_look, proves_absence

Reading = namedtuple("Reading", "began_at newest_placed_at")
CLAIMED = datetime(2026, 11, 23, 4, 30, tzinfo=UTC)
ASKED = datetime(2026, 11, 23, 4, 31, tzinfo=UTC)
INFY = Key("NSE", "INFY", "MIS")


def reading(after, newest=5.0):
    return Reading(CLAIMED + timedelta(seconds=after), None if newest is None else ASKED + timedelta(seconds=newest))


@pytest.mark.parametrize(
    ("readings", "proven"),
    [
        ([reading(1), reading(60), reading(121)], True),
        ([reading(1), reading(121)], False),
        ([reading(1), reading(60), reading(120)], False),
        ([reading(1), reading(60), reading(121, newest=0)], False),
        ([reading(1), reading(60), reading(121, newest=None)], False),
        ([reading(-30), reading(1), reading(121)], False),
    ],
)
def test_absence_is_proven_by_three_readings_over_two_minutes_that_show_later_orders(readings, proven):
    assert proves_absence(CLAIMED, ASKED, readings) is proven


def test_an_unanswered_order_is_looked_for_at_1_2_4_8_15_30_seconds_and_then_each_minute():
    looks, last = [], None
    for _ in range(8):
        last = next_look(CLAIMED, last)
        looks.append((last - CLAIMED).total_seconds())
    assert looks == [*(after.total_seconds() for after in LOOK_AFTER), 90, 150]


def test_a_look_before_it_was_asked_for_is_none():
    assert next_look(CLAIMED, CLAIMED - timedelta(seconds=5)) == CLAIMED + timedelta(seconds=1)


def row(quantity, product="MIS"):
    return BrokerPositionRow("NSE", "INFY", product, quantity)


@pytest.mark.parametrize(
    ("theirs", "booked", "unbooked", "found"),
    [
        ([row(10)], [(INFY, 10)], [], Compared(10, 10, 0)),
        ([row(0)], [(INFY, 10)], [], Compared(10, 0, -10)),
        ([], [(INFY, 10)], [], Compared(10, 0, -10)),
        ([row(10)], [(INFY, 20)], [(INFY, -10)], Compared(20, 10, 0)),
        ([row(7)], [(INFY, 10), (INFY, -5)], [], Compared(5, 7, 2)),
    ],
)
def test_the_difference_is_the_brokers_less_ours_less_what_is_not_booked_yet(theirs, booked, unbooked, found):
    assert compare_books(theirs, booked, unbooked) == {INFY: found}


def test_delivery_is_the_sum_of_the_demat_account_and_the_day():
    rows = [row(30, "CNC"), row(-10, "CNC")]
    assert compare_books(rows, [(INFY._replace(product="CNC"), 20)], [])[Key("NSE", "INFY", "CNC")].difference == 0


keys = st.sampled_from([INFY, Key("NSE", "TCS", "CNC"), Key("NFO", "NIFTY26NOVFUT", "NRML")])
pairs = st.lists(st.tuples(keys, st.integers(-500, 500)), max_size=12)


@given(pairs, pairs)
def test_books_equal_to_the_brokers_never_differ_in_whatever_pieces_they_come(booked, unbooked):
    theirs = [BrokerPositionRow(*key, quantity) for key, quantity in booked + unbooked]
    assert all(found.difference == 0 for found in compare_books(theirs, booked, unbooked).values())
