"""Requests reach the paper exchange after its latency, and nothing of the market before that is theirs."""

from decimal import Decimal

import pytest

from trading.models import Order, PaperOrder, PaperRequest
from trading.orders.execution import ticket_of
from trading.orders.requests import request_cancellation
from trading.paper.broker import PaperBroker


@pytest.fixture
def latency(settings):
    assert settings.PAPER_LATENCY.total_seconds() == 0.4
    return settings.PAPER_LATENCY


@pytest.fixture
def resting(watched):
    watched.buy(10, price="1490.00")
    watched.play("1500.00", "1500.00")
    assert Order.objects.get().state == "open"
    return watched


def test_an_order_arrives_its_latency_after_its_signal(watched, latency):
    signal = watched.buy(10)
    watched.quiesce()
    assert PaperRequest.objects.get().arrives_at == signal.market_time + latency
    watched.tick("1501.00", after=0.3)
    watched.quiesce()
    assert not PaperOrder.objects.exists()
    watched.tick("1502.00", after=0.2)
    watched.quiesce()
    assert Order.objects.get().average_price == Decimal("1502.10")


def test_a_cancellation_arrives_its_latency_after_it_was_asked(resting, latency):
    request_cancellation(Order.objects.get(), asked_by="tests")
    resting.quiesce()
    assert PaperRequest.objects.get(kind="cancel").arrives_at == resting.now + latency
    resting.tick("1480.00", after=0.3)  # the market is faster
    resting.quiesce()
    assert (Order.objects.get().state, Order.objects.get().filled_quantity) == ("filled", 10)


def test_a_modification_arrives_its_latency_after_it_was_asked(resting, latency):
    order = Order.objects.get()
    PaperBroker(order.account).request_modify(ticket_of(order), 1, Decimal("1491.00"))
    assert PaperRequest.objects.get(kind="modify").arrives_at == resting.now + latency


def test_a_request_is_one_however_often_it_is_asked(watched):
    watched.buy(10)
    watched.quiesce()
    Order.objects.update(state="unconfirmed")
    watched.quiesce()
    assert (PaperRequest.objects.count(), Order.objects.get().state) == (1, "submitted")
