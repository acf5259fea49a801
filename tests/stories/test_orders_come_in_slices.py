"""What is larger than the exchange takes at once goes in slices: each an order of its own, one decision for all."""

from decimal import Decimal

import pytest

from instruments.models import FreezeQuantity
from market.subscriptions import subscribe_instrument
from portfolio.models import Position
from tests.stories.pipeline import DAY, make_instrument
from trading.models import Order, RiskDecision, RunInput, Signal
from trading.orders import execution
from trading.orders.requests import request_cancellation
from trading.risk import assessment

NIFTY = 222 * 256 + 2


@pytest.fixture
def nifty(pipeline):
    """A future in lots of 65 of which the exchange takes 1,800 at once."""
    future = make_instrument(
        token=NIFTY, symbol="NIFTY26NOVFUT", exchange="NFO", segment="NFO-FUT", instrument_type="FUT", lot_size=65
    )
    FreezeQuantity.objects.create(
        exchange="NFO", underlying=future.name, quantity=1800, effective_from=DAY, source="tests"
    )
    subscribe_instrument(pipeline.feed, future, "full", ref="watchlist")
    return future


def play(pipeline, *prices):
    for price in prices:
        pipeline.tick(price, token=NIFTY, depth=5000)
        pipeline.quiesce()


def test_a_quantity_above_the_freeze_is_sent_as_orders_the_exchange_takes(pipeline, nifty):
    play(pipeline, "100.00")
    pipeline.buy(1950, instrument=nifty, product="NRML")
    play(pipeline, "100.00", "100.00", "100.00")
    signal = Signal.objects.get()
    assert RiskDecision.objects.get().slices == [1755, 195]
    assert list(signal.orders.order_by("slice").values_list("quantity", "state")) == [(1755, "filled"), (195, "filled")]
    assert Position.objects.get().quantity == 1950
    assert len(set(signal.orders.values_list("tag", flat=True))) == 2


def test_the_slices_reserve_together_what_the_whole_would(pipeline, nifty):
    play(pipeline, "100.00")
    pipeline.buy(1950, instrument=nifty, product="NRML", price="100.00")
    assessment.assess_signals(pipeline.account.pk)
    assert sum(Order.objects.values_list("reserved", flat=True)) == Decimal(195000)


def test_a_slice_that_is_not_as_decided_is_not_sent(pipeline, nifty):
    play(pipeline, "100.00")
    pipeline.buy(1950, instrument=nifty, product="NRML")
    assessment.assess_signals(pipeline.account.pk)
    Order.objects.filter(slice=2).update(quantity=260)
    execution.execute_orders(pipeline.account.pk)
    assert list(Order.objects.order_by("slice").values_list("state", flat=True)) == ["submitted", "not_placed"]


def test_more_slices_than_anybody_means_are_refused(pipeline, nifty):
    play(pipeline, "100.00")
    pipeline.buy(65 * 27 * 21, instrument=nifty, product="NRML")
    pipeline.quiesce()
    assert "FREEZE" in RiskDecision.objects.get().refusal_codes


def test_the_run_hears_an_end_once_all_slices_have_ended(pipeline, nifty):
    parameters = {"buy_at": "100", "sell_at": "200", "stop_percent": "1"}
    deployment = pipeline.deploy(parameters=parameters, product="NRML", size=Decimal(30))
    deployment.instruments.set([nifty])
    pipeline.start(deployment)
    play(pipeline, "101.00")
    pipeline.tick("100.00", token=NIFTY, depth=0)
    pipeline.quiesce()
    first, second = Order.objects.order_by("slice")
    assert (first.quantity, second.quantity) == (1755, 195)
    for order in (first, second):
        assert not RunInput.objects.filter(kind="ended").exists()
        request_cancellation(order, asked_by="tests")
        execution.execute_orders(pipeline.account.pk)
        for _ in range(2):
            pipeline.watermark()
            pipeline.quiesce()
    assert RunInput.objects.filter(kind="ended").count() == 1
