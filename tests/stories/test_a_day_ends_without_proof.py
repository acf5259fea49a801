"""exits.md 4: what has no proof at the day's end is a person's, in words; a trade that comes later is booked."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from alphapanda.dashboard import panels
from portfolio.booking import open_account
from tests.stories.pipeline import at
from tests.stories.test_a_report_never_overtakes_its_fills import book, told
from trading.models import Order, OrderTransition
from trading.orders.day_end import call_for_people

EVENING = at("16:30:00")


@pytest.fixture
def resting(watched):
    watched.play("1500.00")
    watched.buy(10, price="1490.00")
    watched.play("1500.00", "1500.00")
    return Order.objects.get()


def after(moment: datetime) -> Order:
    call_for_people(moment)
    return Order.objects.get()


def test_trades_that_never_came_are_a_persons_once_the_day_is_over(watched, resting):
    told(resting, "cancelled", 4)
    assert after(watched.now + timedelta(minutes=20)).state == "open"  # the day goes on: they may come
    order = after(EVENING)
    words = "cancelled with 4 filled; 4 of them never came as trades until the day's end"
    assert (order.state, order.state_reason, order.out_quantity) == ("needs_human", words, 4)
    assert call_for_people(EVENING) == 0
    assert OrderTransition.objects.filter(order=order, after="needs_human").count() == 1


def test_the_page_says_what_is_not_known(watched, resting):
    told(resting, "cancelled", 4)
    after(EVENING)
    lines = [line["text"] for line in panels.live_snapshot(None)["verdict"]["lines"]]
    assert [line for line in lines if "4 of them never came as trades" in line]


def test_a_trade_that_comes_the_next_morning_is_booked_and_proves_the_end(watched, resting):
    told(resting, "cancelled", 4)
    after(EVENING)
    assert book(resting, "T1", 3, EVENING).state == "needs_human"
    order = book(resting, "T2", 1, EVENING)
    assert (order.state, order.filled_quantity, order.out_quantity) == ("cancelled", 4, 0)


def test_a_report_a_minute_before_the_end_has_a_quarter_of_an_hour(watched, resting):
    told(resting, "cancelled", 4)
    Order.objects.update(ended_at=EVENING)
    assert after(EVENING + timedelta(minutes=14)).state == "open"
    assert after(EVENING + timedelta(minutes=15)).state == "needs_human"


def test_an_order_that_was_never_answered_is_a_persons_and_on_paper_is_asked_again(watched, resting):
    Order.objects.update(state="unconfirmed")
    assert after(EVENING).state == "unconfirmed"
    Order.objects.update(account=open_account("Live A", "live", "zerodha", Decimal(0)))
    order = after(EVENING)
    assert order.state == "needs_human"
    assert order.state_reason.endswith("and not answered until the day's end")


def test_what_has_proof_is_left_alone(watched, resting):
    assert after(EVENING).state == "open"  # its exchange says when it expires
    assert told(resting, "cancelled", 0).state == "cancelled"
    assert after(EVENING).state == "cancelled"
    assert Decimal(0) == Order.objects.get().reserved
