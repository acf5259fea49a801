"""Requests whose outcome nobody told, half of them done: none is lost, none is doubled, each ends in a known state."""

import random
from datetime import timedelta
from decimal import Decimal

from alphapanda.core.clock.market_time import wall_now
from tests.scale import by_night
from tests.stories.oracle import violations
from trading.brokers import reading
from trading.models import Order
from trading.orders import readings
from trading.orders.requests import request_cancellation

MANY = by_night(200, otherwise=24)
SILENCES = (
    ("drop_before_accept", {}),
    ("drop_after_accept", {}),
    ("html502", {"accept": True}),
    ("html502", {"accept": False}),
    ("no_content_type", {}),
    ("http", {"status": 503, "error_type": "NetworkException", "message": "Gateway timed out", "accept": True}),
    (
        "http",
        {
            "status": 400,
            "error_type": "OrderException",
            "message": "Order request timed out. Please check the order book and confirm before placing again.",
            "accept": False,
        },
    ),
)


def silence(live, draw, method):
    kind, terms = draw.choice(SILENCES)
    live.sim.fault(kind, count=1, method=method, **terms)


def test_placed_and_cancelled_without_an_answer_each_order_is_where_the_exchange_has_it(live, monkeypatch):
    draw, low = random.Random(9), live.last() * Decimal("0.99")
    for nth in range(MANY):
        silence(live, draw, "POST")
        # No two alike, or the gate refuses the second; none further off than the price collar lets it be.
        live.buy(1 + nth // 100, price=f"{low - Decimal(nth % 100) / 10:.1f}", product="MIS")
        live.work()
    assert {order.state for order in Order.objects.all()} <= {"unconfirmed", "open"}
    live.advance(5)
    live.by_their_hand("BUY", 1)
    for seconds in (1, 70, 130):
        monkeypatch.setattr(reading, "wall_now", lambda after=seconds: wall_now() + timedelta(seconds=after))
        live.work()
    accepted = {call["params"]["tag"] for call in live.sent(accepted=True)}
    assert 0 < len(accepted) < MANY == len(live.sent())
    states = {order.tag: order.state for order in Order.objects.all()}
    assert {tag for tag, state in states.items() if state == "open"} == accepted
    assert {state for tag, state in states.items() if tag not in accepted} == {"not_placed"}

    monkeypatch.setattr(readings, "SHOWS_AFTER", timedelta(0))
    for order in Order.objects.filter(state="open"):
        request_cancellation(order, "tests")
    for _ in range(12):
        silence(live, draw, "DELETE")
        live.work()
    live.sim.clear_faults()
    live.until(lambda: not Order.objects.filter(state="open").exists(), "all are cancelled")
    assert {order.state for order in Order.objects.filter(tag__in=accepted)} == {"cancelled"}
    assert [one for one in violations(live) if "INFY', 'MIS" not in one] == []
