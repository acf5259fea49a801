"""exits.md 4: an end that counts more than is booked is kept, and only what it counts is out until it is booked."""

from datetime import timedelta
from decimal import Decimal

import pytest

from portfolio.models import Position, Trade
from trading.models import Order, PaperOrder, RunInput
from trading.orders import execution, fills
from trading.orders.broker_port import BrokerOrder, BrokerTrade
from trading.orders.requests import request_cancellation
from trading.paper.broker import PaperBroker


def report(order: Order, status: str, filled: int | None) -> BrokerOrder:
    return BrokerOrder(order.tag, order.broker_order_id, status, filled, "as told", None)


def trade(order: Order, name: str, quantity: int, at) -> BrokerTrade:
    return BrokerTrade(order.tag, name, order.broker_order_id, quantity, Decimal("1490.00"), at)


@pytest.fixture
def resting(watched):
    """A limit to buy 10 that rests at the exchange."""
    watched.play("1500.00")
    watched.buy(10, price="1490.00")
    watched.play("1500.00", "1500.00")
    return Order.objects.get()


def told(order: Order, status: str, filled: int | None) -> Order:
    fills.apply_report(report(order, status, filled), PaperBroker(order.account))
    return Order.objects.get(pk=order.pk)


def book(order: Order, name: str, quantity: int, at) -> Order:
    fills.record_fill(order.account, trade(order, name, quantity, at), PaperBroker(order.account))
    return Order.objects.get(pk=order.pk)


@pytest.mark.parametrize("status", ["cancelled", "rejected", "expired"])
def test_an_end_with_more_filled_than_booked_leaves_only_that_out(watched, resting, status):
    order = told(resting, status, 4)
    assert (order.state, order.ended_as, order.out_quantity) == ("open", status, 4)
    assert order.reserved == resting.reserved * 4 / 10
    assert not Order.objects.cancellable().exists()  # there is nothing left to cancel
    assert Order.objects.awaiting_trades().count() == 1


def test_the_end_comes_with_the_last_trade_it_counts(watched, resting):
    told(resting, "cancelled", 4)
    assert book(resting, "T1", 3, watched.now).state == "open"
    order = book(resting, "T2", 1, watched.now)
    assert (order.state, order.filled_quantity, order.out_quantity, order.reserved) == ("cancelled", 4, 0, 0)


def test_the_highest_count_wins(watched, resting):
    told(resting, "cancelled", 4)
    assert told(resting, "cancelled", 2).out_quantity == 4
    assert told(resting, "cancelled", 6).out_quantity == 6


def test_a_filled_report_before_its_trades_waits_for_them(watched, resting):
    order = told(resting, "filled", 10)
    assert (order.state, order.filled_quantity, order.out_quantity) == ("open", 0, 10)
    assert book(resting, "T1", 10, watched.now).state == "filled"


def test_a_report_without_a_count_is_a_failed_read(watched, resting):
    order = told(resting, "cancelled", None)
    assert (order.state, order.ended_as, order.out_quantity) == ("open", "", 10)


def test_a_late_count_of_an_ended_order_is_out_again(watched, resting):
    assert told(resting, "cancelled", 0).state == "cancelled"
    assert told(resting, "cancelled", 3).out_quantity == 3
    assert book(resting, "T1", 3, watched.now).out_quantity == 0


def test_the_run_hears_of_the_end_after_the_fills(pipeline):
    pipeline.trade("1505.00", "1499.00", parameters={"buy_at": "1500", "sell_at": "1600", "stop_percent": "1"})
    order = Order.objects.get()
    fills.apply_report(report(order, "cancelled", 4), PaperBroker(order.account))
    assert not RunInput.objects.filter(kind="ended").exists()
    book(order, "T1", 4, pipeline.now)
    kinds = list(RunInput.objects.exclude(kind="begin").order_by("id").values_list("kind", flat=True))
    assert kinds == ["fill", "ended"]


def test_a_report_does_not_overtake_the_trades_it_counts(watched, monkeypatch):
    watched.play("1500.00")
    watched.buy(price="1500.10")
    watched.quiesce()
    watched.tick("1500.00", depth=2)
    real, raced = PaperBroker.changed_orders, []

    def trade_and_cancel_first(broker):
        if not raced:
            raced.append(True)
            watched.drain()
            request_cancellation(Order.objects.get(), asked_by="tests")
            execution.execute_orders(watched.account.pk)
            watched.now += timedelta(seconds=2)
            watched.watermark()
            watched.drain()
        return real(broker)

    monkeypatch.setattr(PaperBroker, "changed_orders", trade_and_cancel_first)
    fills.book_trades(watched.account.pk)
    at_exchange, order = PaperOrder.objects.get(), Order.objects.get()
    assert (at_exchange.filled_quantity, at_exchange.status) == (2, "cancelled")
    assert (order.state, order.filled_quantity) != ("cancelled", 0)
    assert (order.ended_as, order.out_quantity) == ("cancelled", 2)
    fills.book_trades(watched.account.pk)
    order.refresh_from_db()
    assert (order.state, order.filled_quantity, Position.objects.get().quantity) == ("cancelled", 2, 2)


def test_an_overfill_is_booked(watched):
    watched.play("1500.00")
    watched.buy()
    watched.play("1500.00", "1500.00", "1500.00")
    order = Order.objects.get()
    assert order.state == "filled"
    more = BrokerTrade(
        tag=order.tag,
        trade_id="T-9",
        broker_order_id=order.broker_order_id,
        signed_quantity=1,
        price=Decimal("1500.00"),
        traded_at=watched.now,
    )
    fills.record_fill(watched.account, more, PaperBroker(watched.account))
    assert (Trade.objects.count(), Position.objects.get().quantity) == (2, 6)

    order.refresh_from_db()
    assert (order.state, order.filled_quantity, order.is_overfilled, order.reserved) == ("filled", 6, True, 0)
