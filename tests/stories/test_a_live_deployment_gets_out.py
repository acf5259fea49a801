"""The platform runs stop, flat-by and the kill switch of a live deployment, at kitesim, whatever state it is in."""

from datetime import timedelta
from decimal import Decimal

import pytest

from alphapanda.core.timezone import IST
from portfolio.models import Position
from tests.stories.oracle import violations
from trading.exits import flat_by
from trading.exits.opening import flatten
from trading.models import Deployment, ExitPlan, Order
from trading.orders import arming
from trading.run import deployments


@pytest.fixture
def held(live):
    """Ten shares bought by a deployment whose stop is 1 % away."""
    last = live.last()
    terms = {"buy_at": str(last + 5), "sell_at": str(last + 900), "stop_percent": "1"}
    live.start(live.deploy(size=Decimal(10), product="MIS", parameters=terms))
    live.look()
    live.until(lambda: Position.objects.filter(quantity=10).exists(), "the entry is booked")
    return live


def sides(live):
    return [call["params"]["transaction_type"] for call in live.sent(accepted=True)]


def test_a_stop_hit_while_paused_and_unarmed_is_left_at_the_exchange(held):
    deployments.pause_deployment(Deployment.objects.get(), by="tests")
    arming.disarm(held.account, by="tests")
    held.shock(-3)
    held.until(lambda: Position.objects.get().quantity == 0, "flat")
    held.until(lambda: not ExitPlan.objects.unfinished().exists(), "the exit is over")
    assert sides(held) == ["BUY", "SELL"]
    assert "stop" in ExitPlan.objects.get().reason
    assert violations(held) == []


def test_flat_by_comes_by_the_clock(held):
    Deployment.objects.update(flat_by=(held.now + timedelta(seconds=30)).astimezone(IST).time())
    held.advance(36)
    flat_by.exit_what_is_due(held.now)
    held.until(lambda: Position.objects.get().quantity == 0, "flat")
    assert sides(held) == ["BUY", "SELL"]
    assert violations(held) == []


def test_flatten_leaves_what_a_live_account_holds(held):
    flatten(held.account, "tests", "enough")
    held.until(lambda: Position.objects.get().quantity == 0, "flat")
    assert violations(held) == []


def test_an_exit_clipped_by_a_gap_is_followed_until_it_is_filled(held):
    held.shock(-6, over=30, thin=1.5)
    for _ in range(40):
        for _ in range(3):
            held.work()
        if not Position.objects.get().quantity:
            break
        held.advance(3)
    assert Position.objects.get().quantity == 0
    held.until(lambda: not ExitPlan.objects.unfinished().exists(), "the exit is over")
    assert violations(held) == []
    assert sum(order.filled_quantity for order in Order.objects.filter(side="SELL")) == 10
