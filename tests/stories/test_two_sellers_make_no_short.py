"""A minute before the broker squares off, our intraday exits are taken back: two sellers would make a short."""

from datetime import time, timedelta
from decimal import Decimal

import pytest

from alphapanda.core.timezone import IST
from portfolio.models import Position
from tests.stories.oracle import violations
from trading.exits.opening import flatten
from trading.models import ExitPlan, Order
from trading.orders import readings


@pytest.fixture
def resting_exit(live, settings, monkeypatch):
    """Ten shares whose stop is hit in a market that takes none of them; the broker squares off two minutes later."""
    monkeypatch.setattr(readings, "_comparison_due", lambda account: True)
    last = live.last()
    terms = {"buy_at": str(last + 5), "sell_at": str(last + 900), "stop_percent": "1"}
    live.start(live.deploy(size=Decimal(10), product="MIS", parameters=terms))
    live.look()
    live.until(lambda: Position.objects.filter(quantity=10).exists(), "the entry is booked")
    settings.SQUARE_OFF_SHARES = (live.now + timedelta(minutes=2)).astimezone(IST).time()
    live.sim.fault("pending", seconds=600)
    live.shock(-3)
    live.until(lambda: Order.objects.filter(side="SELL").exclude(broker_order_id="").exists(), "the exit is out")
    return live


def test_what_is_out_is_taken_back_nothing_is_sent_and_a_person_is_told(resting_exit):
    live = resting_exit
    live.advance(30)
    live.work()
    assert live.sent("cancel") == []
    live.advance(25)
    live.until(lambda: live.sent("cancel"), "its cancellation has reached the broker")
    plan = ExitPlan.objects.get()
    assert (plan.needs_person, plan.state_reason.partition(":")[0]) == (True, "the broker squares off now")
    flatten(live.account, "tests")
    for _ in range(3):
        live.advance(3)
        live.work()
    assert len(live.sent("place")) == 2


def test_what_the_broker_then_sells_is_booked_and_no_short_is_made(resting_exit):
    live = resting_exit
    live.advance(65)
    live.work()
    live.sim.clear_faults()
    live.sim.ask("POST", "/sim/square_off", json={})
    live.until(lambda: Position.objects.get().quantity == 0, "the broker's sale is booked")
    live.advance(60)
    live.until(lambda: not ExitPlan.objects.unfinished().exists(), "the exit is over")
    assert violations(live) == []


def test_what_was_approved_before_is_not_sent_after(live, settings):
    live.buy(3, product="MIS")
    live.until(lambda: Position.objects.filter(quantity=3).exists(), "bought")
    settings.SQUARE_OFF_SHARES = time(15, 20)
    live.buy(3, side="SELL", product="MIS")
    settings.SQUARE_OFF_SHARES = (live.now + timedelta(seconds=59)).astimezone(IST).time()
    live.work()
    order = Order.objects.get(side="SELL")
    assert (order.state, order.state_reason.partition(":")[0]) == ("not_placed", "the broker squares off now")
    assert len(live.sent("place")) == 1
