"""An entry that is still filling is asked back before the run leaves what it got of it."""

import pytest

from alphapanda.core.journal.models import Event
from trading.models import Order
from trading.orders.life_cycle import OrderState

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


def test_an_entry_that_needs_a_person_is_not_asked_back(pipeline, half_filled):
    Order.objects.update(state=OrderState.NEEDS_HUMAN)
    pipeline.tick("1480.00", depth=0)
    pipeline.drain()
    half_filled.refresh_from_db()
    assert half_filled.cancel_requested_at is None
