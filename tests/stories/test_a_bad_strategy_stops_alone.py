"""A strategy that raises, loops or answers nonsense is paused with its reason; the others go on."""

from datetime import timedelta

import pytest

from portfolio.models import Position
from tests.strategies.one_lot import SlowOnce
from trading.models import Deployment, Evaluation, Order, RunInput, Signal
from trading.run import deployments


@pytest.mark.parametrize(
    ("strategy", "words"),
    [
        ("test-raises", "ZeroDivisionError: one by nothing, at one_lot.py, line "),
        ("test-loops", "took more than 500 ms of CPU time, at one_lot.py, line "),
        ("test-nonsense", "not enter, exit, change stop or wait"),
    ],
)
def test_a_faulty_run_is_paused_in_words_and_the_other_trades(pipeline, strategy, words):
    bad, good = pipeline.deploy(strategy), pipeline.deploy()
    pipeline.start(bad)
    pipeline.start(good)
    pipeline.play("1505.00", "1499.00", "1500.00")
    bad.refresh_from_db()
    good.refresh_from_db()
    assert (bad.state, good.state) == ("paused", "running")
    assert words in bad.state_reason
    assert RunInput.objects.get(kind="exits_only").payload["traceback"].startswith("Traceback")
    assert Order.objects.get().deployment == good


def test_a_paused_run_still_gets_out_by_its_stop(pipeline):
    deployment = pipeline.trade(
        "1505.00", "1499.00", "1500.00", parameters={"buy_at": "1500", "sell_at": "1600", "stop_percent": "1"}
    )
    deployments.pause_deployment(deployment, by="tests")
    pipeline.play("1490.00", "1480.00", "1480.00", "1480.00")
    assert Position.objects.get().quantity == 0


def test_a_slow_callback_is_a_strike_and_only_the_third_of_a_day_pauses_the_run(pipeline):
    slow = pipeline.trade("1505.00", "1504.00", strategy="test-loops")
    slow.refresh_from_db()
    assert slow.state == "running"
    words = Evaluation.objects.order_by("id").last().text
    assert words.startswith("on a tick it took more than 500 ms of CPU time, at one_lot.py, line ")
    assert words.endswith("; strike 1 of 3 today, no answer taken")
    pipeline.restart()
    pipeline.play("1503.00")
    slow.refresh_from_db()
    assert slow.state == "paused"
    assert RunInput.objects.get(kind="exits_only").payload["traceback"].endswith("ms of CPU time\n")


def test_a_strike_of_an_earlier_day_does_not_count(pipeline):
    slow = pipeline.trade("1505.00", "1504.00", strategy="test-loops")
    pipeline.now += timedelta(days=2)
    pipeline.epoch, pipeline.n = 2, 0
    pipeline.play("1503.00")
    slow.refresh_from_db()
    assert slow.state == "running"


def test_what_followed_a_missed_answer_is_decided_alike_after_a_restart(pipeline, monkeypatch):
    """The missed answer was an entry. A rebuild, whose callback is quick, must not believe it was asked."""
    monkeypatch.setattr(SlowOnce, "is_slow", True)
    pipeline.trade("1505.00", "1499.00", strategy="test-slow-once")
    assert not Signal.objects.exists()
    monkeypatch.setattr(SlowOnce, "is_slow", False)
    pipeline.restart()
    pipeline.play("1499.00", "1499.00", "1499.00")
    assert Position.objects.get().quantity == 10


def test_a_run_whose_fault_paused_it_stays_paused_after_a_restart(pipeline, settings):
    settings.STRATEGY_STRIKES = 1
    bad = pipeline.trade("1505.00", strategy="test-loops")
    pipeline.restart()
    pipeline.play("1504.00")
    bad.refresh_from_db()
    assert bad.state == "paused"


def test_a_resumed_run_decides_again(pipeline):
    deployment = pipeline.trade("1505.00")
    deployments.pause_deployment(deployment, by="tests")
    pipeline.play("1499.00", "1499.00")
    assert not Order.objects.exists()
    deployments.resume_deployment(Deployment.objects.get(pk=deployment.pk), by="tests")
    pipeline.play("1499.00", "1500.00")
    assert Order.objects.get().state == "filled"


def test_a_deployment_that_holds_something_is_not_stopped(pipeline):
    deployment = pipeline.trade("1505.00", "1499.00", "1500.00")
    with pytest.raises(deployments.NotAllowed, match=r"\+10 INFY"):
        deployments.stop_deployment(deployment, by="tests")
