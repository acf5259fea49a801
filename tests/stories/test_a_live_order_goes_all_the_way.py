"""A live order from its signal to the books, at kitesim: whose own list of accepted orders is the judge."""

from datetime import timedelta
from decimal import Decimal

import pytest

from alphapanda.core.clock.market_time import wall_now
from portfolio.models import Position, Trade
from trading.brokers.choice import broker_for
from trading.errors import NotAllowed
from trading.models import BookDifference, BookReading, RiskLimit, SeenOrder
from trading.orders import arming, readings
from trading.orders.requests import request_cancellation
from trading.risk import assessment


def test_a_market_order_is_sent_once_filled_booked_and_reconciled(live):
    live.buy(3, product="MIS")
    order = live.until_state("filled")
    assert [call["params"]["tag"] for call in live.sent()] == [order.tag]
    seen = SeenOrder.objects.get(tag=order.tag)
    assert (seen.broker_order_id, seen.state) == (order.broker_order_id, "filled")
    assert sum(trade.signed_quantity for trade in Trade.objects.all()) == 3 == Position.objects.get().quantity
    live.until(lambda: BookReading.objects.filter(is_compared=True, trades__gt=0).exists(), "positions are compared")
    assert not BookDifference.objects.exclude(quantity=0).exists()


def test_a_resting_limit_is_cancelled_and_leaves_nothing(live):
    price = live.last() * Decimal("0.99")
    live.buy(2, price=f"{price:.1f}", product="MIS")
    order = live.until_state("open")
    assert order.working_price == order.price
    request_cancellation(order, "tests")
    ended = live.until_state("cancelled")
    assert (ended.filled_quantity, ended.reserved) == (0, 0)
    assert [len(live.sent(verb)) for verb in ("place", "cancel")] == [1, 1]
    assert not Trade.objects.exists()


def test_an_order_refused_by_the_broker_is_rejected_in_its_words(live):
    live.sim.fault("http", count=1, status=400, error_type="MarginException", message="Insufficient funds.")
    live.buy(1, product="MIS")
    order = live.until_state("rejected")
    assert (order.state_reason, order.reserved) == (
        "Insufficient funds: not enough margin: a smaller order, or funds added first",
        0,
    )
    assert live.sent(accepted=True) == []


def test_a_rejection_after_acceptance_moves_no_position(live):
    live.sim.fault("reject", count=1, message="RMS:Blocked for INFY MIS TRADING NOT ALLOWED")
    live.buy(1, product="MIS")
    order = live.until_state("rejected")
    assert order.state_reason.startswith("RMS:Blocked for INFY MIS TRADING NOT ALLOWED: this instrument is not traded")
    assert (Position.objects.exists(), order.broker_order_id != "") == (False, True)


def test_an_unarmed_account_opens_nothing_and_still_gets_out(live):
    live.buy(4, product="MIS")
    live.until_state("filled")
    arming.disarm(live.account, by="tests")
    refused = live.buy(4, product="MIS")
    live.work()
    refused.refresh_from_db()
    assert (refused.state, refused.decision.refusal_codes) == ("denied", ["ARMED"])
    live.look()
    live.buy(4, side="SELL", product="MIS")
    live.until(lambda: Position.objects.get().quantity == 0, "flat")
    assert len(live.sent(accepted=True)) == 2


def test_disarmed_between_the_gate_and_the_claim_an_entry_does_not_leave(live):
    live.buy(1, product="MIS")
    assessment.assess_signals(live.account.pk)
    arming.disarm(live.account, by="tests")
    order = live.until_state("not_placed")
    assert order.state_reason == "no new risk: it is not armed for today"
    assert live.sent() == []


def test_real_money_is_refused_until_all_of_this_is_proven(live, settings):
    settings.KIND = "live"
    with pytest.raises(NotAllowed, match="not part of this version"):
        live.buy(1, product="MIS")
    with pytest.raises(NotAllowed, match="not part of this version"):
        broker_for(live.account)
    later = wall_now() + timedelta(minutes=5)
    before = BookReading.objects.count()
    readings.read_and_book(live.account.pk)
    assert (readings.wake_for_readings(later), BookReading.objects.count()) == (0, before)
    settings.KIND = "practice"
    assert readings.wake_for_readings(later) == 1


def test_what_keeps_an_account_from_being_armed_is_said_all_at_once(rehearsal):
    RiskLimit.objects.all().delete()
    with pytest.raises(NotAllowed) as refused:
        arming.arm(rehearsal.account, by="tests")
    assert str(refused.value) == (
        "Zerodha A cannot be armed: its books have not been read yet; no limit on order value; no limit on position; "
        "no limit on daily loss; positions have not been compared today"
    )
