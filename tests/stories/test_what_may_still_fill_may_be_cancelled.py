"""An order that may still fill can be asked back, by its run, by a person, and whatever is known of it."""

import pytest

from alphapanda.core.journal.models import Event
from trading.models import Order
from trading.orders.life_cycle import OrderState
from trading.orders.requests import ask_cancellation, cancel_all

WIDE = {"buy_at": "1500", "sell_at": "1600", "stop_percent": "1"}


@pytest.fixture
def half_filled(pipeline):
    """A market order for 10 of which five levels of one share gave 5."""
    deployment = pipeline.deploy(parameters=WIDE)
    pipeline.start(deployment)
    pipeline.play("1505.00", "1499.00")
    pipeline.play("1499.00", depth=1)
    order = Order.objects.get()
    assert (order.state, order.filled_quantity) == (OrderState.OPEN, 5)
    return order


def test_a_stop_asks_the_resting_entry_back_and_says_so(pipeline, half_filled):
    pipeline.tick("1480.00", depth=0)
    pipeline.drain()
    half_filled.refresh_from_db()
    assert half_filled.cancel_requested_by == str(half_filled.deployment)
    asked = Event.objects.get(kind="order.cancel_requested")
    assert (asked.key, asked.payload) == (half_filled.tag, {"by": str(half_filled.deployment)})


def test_of_an_entry_nobody_knows_about_the_cancellation_is_asked_and_done(pipeline, half_filled):
    Order.objects.update(state=OrderState.NEEDS_HUMAN)
    pipeline.play("1480.00", "1480.00", "1480.00", depth=0)
    pipeline.play("1480.00", "1480.00", "1480.00")
    half_filled.refresh_from_db()
    assert (half_filled.state, half_filled.filled_quantity) == (OrderState.CANCELLED, 5)
    assert Order.objects.get(is_exit=True).filled_quantity == 5


def test_cancelling_all_reaches_an_order_nobody_knows_about(pipeline, half_filled):
    Order.objects.update(state=OrderState.NEEDS_HUMAN)
    assert cancel_all(None, "tests") == 1
    half_filled.refresh_from_db()
    assert half_filled.cancel_requested_by == "tests"


def test_an_order_that_ended_since_it_was_read_does_not_stop_the_cancelling_of_others(half_filled):
    Order.objects.update(state=OrderState.CANCELLED)
    assert ask_cancellation(half_filled, "tests", half_filled.market_time) is False
    half_filled.refresh_from_db()
    assert half_filled.cancel_requested_at is None
