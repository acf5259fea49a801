"""What a person places goes through the gate like everything else, once however often it is asked."""

from datetime import timedelta
from decimal import Decimal

import pytest

from tests.stories.pipeline import at
from trading.errors import NotAllowed
from trading.models import Order, Signal
from trading.orders import requests
from trading.orders.life_cycle import OrderState


@pytest.fixture
def market(pipeline):
    from market.subscriptions import subscribe_instrument

    subscribe_instrument(pipeline.feed, pipeline.infy, "full", ref="watchlist")
    pipeline.play("1500.00")
    return pipeline


def place(pipeline, quantity=5, **changes):
    values = {"side": "BUY", "quantity": quantity, "order_type": "MARKET", "product": "CNC", "by": "V. Mehta"} | changes
    return requests.place_manual(pipeline.account, pipeline.infy, **values)


def test_an_order_by_hand_is_judged_and_filled(market):
    place(market)
    market.play("1500.00", "1501.00", "1501.00")
    assert Order.objects.get().state == OrderState.FILLED


def test_a_day_order_expires_with_its_day_and_is_sent_within_seconds(market):
    place(market, order_type="LIMIT", price=Decimal("1490.00"))
    market.play("1500.00")
    order = Order.objects.get()
    # INFY has futures: its day ends with the closing auction.
    assert (order.expires_at, order.send_by) == (at("15:35:00"), order.market_time + timedelta(seconds=10))


def test_an_order_that_ends_at_once_expires_at_no_time_of_day(market):
    place(market, order_type="LIMIT", price=Decimal("1500.00"), validity="IOC")
    market.play("1500.00")
    assert Order.objects.get().expires_at is None


def test_every_change_of_an_order_moves_its_updated_at(market):
    place(market, order_type="LIMIT", price=Decimal("1490.00"))
    market.play("1500.00")
    order = Order.objects.get()
    before = order.updated_at
    requests.request_cancellation(order, asked_by="V. Mehta")
    asked = Order.objects.get().updated_at
    assert asked > before
    Order.objects.filter(pk=order.pk).update(state=order.state)  # changes nothing
    assert Order.objects.get().updated_at == asked


def test_asking_twice_with_one_key_is_one_order(market):
    assert place(market, key="k1") == place(market, key="k1")
    market.quiesce()
    assert Signal.objects.count() == 1


def test_a_refusal_says_the_rule_and_the_numbers(market):
    signal = place(market, order_type="LIMIT", price=Decimal("1600.00"))
    market.quiesce()
    signal.refresh_from_db()
    assert signal.state == "denied"
    assert "PRICE_COLLAR" in signal.decision.refusal_codes
    assert "2.0\N{NO-BREAK SPACE}% allowed" in " ".join(
        check["words"] for check in signal.decision.checks if not check["passed"]
    )


def test_a_stop_further_from_last_than_the_collar_is_taken_and_one_far_from_its_trigger_is_not(market):
    waits = place(market, order_type="SL", trigger_price=Decimal("1531.50"), price=Decimal("1532.00"))
    slips = place(market, order_type="SL", trigger_price=Decimal("1531.50"), price=Decimal("1580.00"))
    market.quiesce()
    waits.refresh_from_db()
    slips.refresh_from_db()
    assert waits.state == "ordered"
    assert slips.decision.refusal_codes == ["PRICE_COLLAR"]


def test_a_resting_order_is_cancelled_when_asked(market):
    place(market, order_type="LIMIT", price=Decimal("1490.00"))
    market.play("1500.00", "1500.00", "1500.00")
    order = Order.objects.get()
    assert order.state == OrderState.OPEN
    requests.request_cancellation(order, asked_by="V. Mehta")
    market.play("1500.00", "1500.00", "1500.00")
    order.refresh_from_db()
    assert (order.state, order.reserved) == (OrderState.CANCELLED, Decimal(0))
    with pytest.raises(NotAllowed, match="cancelled already"):
        requests.request_cancellation(order, asked_by="V. Mehta")
