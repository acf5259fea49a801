"""Restart × deployment state: whatever a run was doing, a restart goes on with it."""

import pytest

from portfolio.models import Position
from trading.models import Deployment, Order, Signal
from trading.run import deployments


def test_candles_heard_before_a_restart_count_after_it(pipeline):
    pipeline.start(pipeline.deploy("test-counts-candles"))
    for price in ("1500.00", "1501.00") * 5:
        pipeline.restart()
        pipeline.play(price, after=30.5)
    assert Signal.objects.filter(numbers__seen=3).count() == 1


@pytest.mark.parametrize("state", ["warming", "running", "paused", "stopped", "holding", "entering"])
def test_a_restart_leaves_the_deployment_as_it_was(pipeline, state):
    deployment = pipeline.deploy()
    if state == "warming":
        deployments.start_deployment(deployment, by="tests")
    elif state != "stopped":
        pipeline.start(deployment)
        pipeline.play("1505.00")
    if state == "paused":
        deployments.pause_deployment(deployment, by="tests")
        pipeline.play("1505.00")
    if state == "holding":
        pipeline.play("1499.00", "1500.00")
    if state == "entering":
        pipeline.play("1499.00")
    before = _standing(deployment)
    pipeline.restart()
    pipeline.play("1505.00")
    after = _standing(deployment)
    if state == "entering":
        assert (before, after) == (("running", 0, "submitted"), ("running", 10, "filled"))
    else:
        assert after == before


def _standing(deployment: Deployment) -> tuple[str, int, str]:
    deployment.refresh_from_db()
    held = sum(Position.objects.values_list("quantity", flat=True))
    order = Order.objects.order_by("id").last()
    return deployment.state, held, order.state if order else ""


def test_a_position_is_left_by_its_stop_after_a_restart(pipeline):
    pipeline.trade(
        "1505.00", "1499.00", "1500.00", parameters={"buy_at": "1500", "sell_at": "1600", "stop_percent": "1"}
    )
    pipeline.restart()
    pipeline.play("1480.00", "1480.00", "1480.00")
    assert Position.objects.get().quantity == 0


def test_a_run_whose_code_changed_only_gets_out(pipeline):
    deployment = pipeline.deploy(parameters={"buy_at": "1500", "sell_at": "1600", "stop_percent": "1"})
    run = pipeline.start(deployment)
    pipeline.play("1505.00", "1499.00", "1500.00")
    type(run).objects.update(code_hash="another")
    pipeline.restart()
    pipeline.play("1505.00")
    deployment.refresh_from_db()
    assert deployment.state == "paused"
    assert "code has changed" in deployment.state_reason
    pipeline.play("1480.00", "1480.00", "1480.00")
    assert Position.objects.get().quantity == 0


def test_a_run_whose_code_is_gone_only_gets_out(pipeline, settings):
    deployment = pipeline.trade(
        "1505.00", "1499.00", "1500.00", parameters={"buy_at": "1500", "sell_at": "1600", "stop_percent": "1"}
    )
    settings.STRATEGY_PACKAGES = []
    pipeline.restart()
    pipeline.play("1480.00", "1480.00", "1480.00")
    deployment.refresh_from_db()
    assert deployment.state == "paused"
    assert Position.objects.get().quantity == 0
