"""What a fill changes of its order, and what it leaves."""

from decimal import Decimal

import pytest

from trading.models import Order
from trading.orders import fills
from trading.orders.broker_port import BrokerTrade
from trading.paper.broker import PaperBroker

D = Decimal


@pytest.fixture
def resting(watched):
    """A limit to buy 10 at 1490 that rests at the exchange."""
    watched.buy(10, price="1490.00")
    watched.play("1500.00", "1500.00")
    order = Order.objects.get()
    assert (order.state, order.reserved) == ("open", D(14_900))
    return watched


def fill(pipeline, name: str, quantity: int, price: str = "1490.00") -> Order:
    order = Order.objects.get()
    traded = BrokerTrade(order.tag, name, order.broker_order_id, quantity, D(price), pipeline.now)
    fills.record_fill(pipeline.account, traded, PaperBroker(pipeline.account))
    return Order.objects.get()


def test_a_part_filled_order_reserves_only_what_is_left(resting):
    assert fill(resting, "T1", 4).reserved == D(8_940)
    assert fill(resting, "T2", 3).reserved == D(4_470)
    assert fill(resting, "T3", 3).reserved == 0


def test_an_order_is_filled_when_all_of_it_is_and_not_before(resting):
    assert [fill(resting, name, n).state for name, n in (("T1", 4), ("T2", 5), ("T3", 1))] == ["open", "open", "filled"]


def test_the_average_weighs_each_fill_by_its_quantity(resting):
    fill(resting, "T1", 1, "1480.00")
    assert fill(resting, "T2", 3, "1488.00").average_price == D("1486.00")


def test_a_fill_reported_twice_is_counted_once(resting):
    fill(resting, "T1", 4)
    assert fill(resting, "T1", 4).filled_quantity == 4


def test_trades_of_one_number_and_two_orders_are_two(resting):
    """Trade numbers are unique only within an order: nothing else is promised by the broker."""
    fill(resting, "T1", 10)
    resting.buy(5, price="1491.00")
    resting.play("1500.00", "1500.00")
    second = Order.objects.latest("id")
    traded = BrokerTrade(second.tag, "T1", second.broker_order_id, 5, D("1491.00"), resting.now)
    fills.record_fill(resting.account, traded, PaperBroker(resting.account))
    assert list(Order.objects.order_by("id").values_list("filled_quantity", flat=True)) == [10, 5]
