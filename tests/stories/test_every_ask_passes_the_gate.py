"""Gate, flag file, age and deployment are looked at before every ask, also of an order whose worker died unsent."""

from datetime import timedelta

import pytest

from alphapanda.core.clock.market_time import wall_now
from alphapanda.core.clock.services import set_market_time
from portfolio.models import Position
from trading.models import Order, PaperRequest
from trading.orders import execution, gates, kill_switch
from trading.orders.life_cycle import DeploymentState
from trading.risk import assessment
from trading.run.deployments import move_deployment

WIDE = {"buy_at": "1500", "sell_at": "1600", "stop_percent": "1"}


class Killed(BaseException):
    """What a worker's death looks like from inside."""


def at_crashpoint(monkeypatch, point, act):
    """Let ``act`` happen where execution passes ``point``."""
    monkeypatch.setattr(execution, "crashpoint", lambda name: act() if name == point else None)


def die():
    raise Killed


def halt(_pipeline):
    gates.set_gate("halted", by="tests")


def raise_flag(_pipeline):
    kill_switch.raise_flag("tests", "")


def grow_old(pipeline):
    pipeline.now += timedelta(minutes=30)
    set_market_time(pipeline.now, 0)


def pause(_pipeline):
    order = Order.objects.get()
    assert move_deployment(order.deployment_id, DeploymentState.PAUSED, "by a test")


STOPPERS = [(halt, "not_placed"), (raise_flag, "not_placed"), (grow_old, "expired"), (pause, "not_placed")]


@pytest.fixture
def entry(pipeline):
    """An approved entry of a deployment, not yet claimed."""
    pipeline.start(pipeline.deploy(parameters=WIDE))
    pipeline.play("1505.00")
    pipeline.tick("1499.00")
    pipeline.drain()
    assessment.assess_signals(pipeline.account.pk)
    assert Order.objects.get().state == "created"
    return pipeline


@pytest.mark.parametrize(("stop", "state"), STOPPERS)
def test_what_forbids_an_entry_holds_one_that_waits_to_be_claimed(entry, stop, state):
    stop(entry)
    execution.execute_orders(entry.account.pk)
    assert (Order.objects.get().state, PaperRequest.objects.count()) == (state, 0)


@pytest.mark.parametrize(("stop", "state"), STOPPERS)
def test_what_forbids_an_entry_holds_one_that_was_just_claimed(entry, monkeypatch, stop, state):
    at_crashpoint(monkeypatch, "execute.after_claim", lambda: stop(entry))
    execution.execute_orders(entry.account.pk)
    assert (Order.objects.get().state, PaperRequest.objects.count()) == (state, 0)


@pytest.mark.parametrize(("stop", "state"), STOPPERS)
def test_what_forbids_an_entry_holds_one_whose_worker_died_unsent(entry, monkeypatch, stop, state):
    with monkeypatch.context() as patched:
        at_crashpoint(patched, "execute.after_claim", die)
        with pytest.raises(Killed):
            execution.execute_orders(entry.account.pk)
    stop(entry)
    execution.execute_orders(entry.account.pk)
    assert (Order.objects.get().state, PaperRequest.objects.count()) == ("unconfirmed", 0)
    # Its worker is proven dead only after the longest time a task may take.
    Order.objects.update(claimed_at=wall_now() - execution.LONGEST_ASK - timedelta(seconds=1))
    execution.execute_orders(entry.account.pk)
    assert (Order.objects.get().state, PaperRequest.objects.count()) == (state, 0)


def test_one_whose_worker_died_unsent_is_sent_where_nothing_forbids_it(entry, monkeypatch):
    with monkeypatch.context() as patched:
        at_crashpoint(patched, "execute.after_claim", die)
        with pytest.raises(Killed):
            execution.execute_orders(entry.account.pk)
    execution.execute_orders(entry.account.pk)
    assert (Order.objects.get().state, PaperRequest.objects.count()) == ("submitted", 1)


def test_one_that_was_sent_is_not_held_by_a_later_halt(entry, monkeypatch):
    with monkeypatch.context() as patched:
        at_crashpoint(patched, "execute.after_place", die)
        with pytest.raises(Killed):
            execution.execute_orders(entry.account.pk)
    halt(entry)
    execution.execute_orders(entry.account.pk)
    assert (Order.objects.get().state, PaperRequest.objects.count()) == ("submitted", 1)


def test_what_a_sleeping_worker_sends_after_all_is_taken_back(entry, monkeypatch):
    def give_up():
        order = Order.objects.get()
        execution.move_order(order, execution.OrderState.NOT_PLACED, actor="tests", reason="its worker is dead")

    at_crashpoint(monkeypatch, "execute.after_place", give_up)
    execution.execute_orders(entry.account.pk)
    assert list(PaperRequest.objects.order_by("id").values_list("kind", flat=True)) == ["place", "cancel"]


def test_an_exit_is_not_sent_for_more_than_is_held_by_then(watched):
    watched.play("1500.00")
    watched.buy(10)
    watched.play("1500.00", "1500.00")
    watched.buy(10, side="SELL")
    assessment.assess_signals(watched.account.pk)
    Position.objects.update(quantity=4)
    execution.execute_orders(watched.account.pk)
    order = Order.objects.latest("id")
    assert (order.is_exit, order.state, order.state_reason) == (True, "not_placed", "4 may be closed now, not 10")
