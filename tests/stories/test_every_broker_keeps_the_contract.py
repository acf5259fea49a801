"""What the product may count on at any broker: paper, and Zerodha's own client at kitesim, by the same tests."""

import dataclasses
import time
from decimal import Decimal

import pytest

from market.subscriptions import subscribe_instrument
from tests.stories.pipeline import Pipeline
from trading.brokers.choice import broker_for
from trading.brokers.reading import read_books
from trading.models import Order
from trading.orders.broker_port import OrderRefused, RepeatingBroker
from trading.orders.execution import ticket_of
from trading.risk import assessment


class AtPaper:
    """Orders meet the book our own ticks show."""

    def __init__(self, request):
        self.pipeline = Pipeline.open()
        subscribe_instrument(self.pipeline.feed, self.pipeline.infy, "full", ref="watchlist")
        self.pipeline.play("1500.00")

    def last(self):
        return Decimal("1500.00")

    def pass_on(self, broker):
        self.pipeline.tick("1500.00")
        self.pipeline.drain()


class AtKitesim:
    """Orders go to another program, and come back with a reading of its books."""

    def __init__(self, request):
        self.pipeline = request.getfixturevalue("live")

    def last(self):
        return self.pipeline.last()

    def pass_on(self, broker):
        time.sleep(0.02)
        read_books(broker)


@pytest.fixture(params=[AtPaper, AtKitesim])
def at(stage, request):
    return request.param(request)


@pytest.fixture
def broker(at):
    return broker_for(at.pipeline.account)


def approved(at, quantity=3, away=None, **changes):
    """An order the gate has let pass and nobody has sent; ``away`` times last is its limit."""
    price = None if away is None else f"{at.last() * Decimal(away):.1f}"
    at.pipeline.buy(quantity, price=price, product="MIS", **changes)
    assessment.assess_signals(at.pipeline.account.pk)
    return Order.objects.latest("id")


def placed(at, broker, **terms):
    order = approved(at, **terms)
    Order.objects.filter(pk=order.pk).update(broker_order_id=broker.place_order(ticket_of(order)))
    order.refresh_from_db()
    return order


def reported(at, broker, order, until):
    """The newest report of an order that is as wanted; others of it are taken on the way."""
    for _ in range(100):
        for report in list(broker.changed_orders()):
            if report.tag == order.tag and until(report):
                return report
            broker.note_report_taken(report)
        at.pass_on(broker)
    pytest.fail("it was never reported so")


def test_a_market_order_fills_and_its_trades_carry_its_tag_and_add_up(at, broker):
    order = placed(at, broker)
    report = reported(at, broker, order, lambda one: one.status == "filled")
    trades = list(broker.new_trades())
    assert {trade.tag for trade in trades} == {order.tag}
    assert sum(trade.signed_quantity for trade in trades) == report.filled_quantity == 3
    assert {trade.broker_order_id for trade in trades} == {report.broker_order_id} == {order.broker_order_id}
    assert all(trade.traded_at.tzinfo and trade.price > 0 for trade in trades)


def test_what_is_booked_and_taken_does_not_come_again(at, broker):
    order = placed(at, broker)
    report = reported(at, broker, order, lambda one: one.status == "filled")
    for trade in list(broker.new_trades()):
        broker.note_trade_booked(trade)
    broker.note_report_taken(report)
    at.pass_on(broker)
    assert (list(broker.new_trades()), list(broker.changed_orders())) == ([], [])


def test_a_report_that_changed_while_it_was_taken_comes_again(at, broker):
    order = placed(at, broker, away="0.99")
    early = reported(at, broker, order, lambda one: one.status == "open")
    broker.request_cancel(ticket_of(order))
    reported(at, broker, order, lambda one: one.status == "cancelled")
    broker.note_report_taken(early)
    assert [one.status for one in broker.changed_orders()] == ["cancelled"]


def test_a_limit_away_from_the_market_rests_at_its_price_and_is_cancelled_when_asked(at, broker):
    order = placed(at, broker, away="0.99")
    resting = reported(at, broker, order, lambda one: one.status == "open")
    assert (resting.working_price, resting.filled_quantity) == (order.price, 0)
    broker.request_cancel(ticket_of(order))
    assert reported(at, broker, order, lambda one: one.status == "cancelled").filled_quantity == 0


def test_a_resting_order_works_at_the_price_asked_next(at, broker):
    order = placed(at, broker, away="0.99")
    reported(at, broker, order, lambda one: one.status == "open")
    price = order.price + Decimal("1.00")
    broker.request_modify(ticket_of(order), 1, price)
    changed = reported(at, broker, order, lambda one: one.working_price == price)
    assert (changed.status, changed.filled_quantity) == ("open", 0)


def test_one_that_may_not_be_is_refused_or_rejected_in_words_and_never_trades(at, broker):
    order = approved(at)
    ticket = dataclasses.replace(ticket_of(order), order_type="LIMIT", price=Decimal("1485.03"))
    try:
        broker.place_order(ticket)
        words = reported(at, broker, order, lambda one: one.status == "rejected").message
    except OrderRefused as refused:
        words = str(refused)
    assert "tick" in words.lower()
    assert list(broker.new_trades()) == []


def test_asking_twice_for_one_tag_is_one_order_where_it_says_so(at, broker):
    order = approved(at, away="0.99")
    assert isinstance(broker, RepeatingBroker) is (order.account.mode == "paper")
    if not isinstance(broker, RepeatingBroker):
        return
    assert not broker.has_request(ticket_of(order))
    assert len({broker.place_order(ticket_of(order)) for _ in range(2)}) == 1
    assert broker.has_request(ticket_of(order))
