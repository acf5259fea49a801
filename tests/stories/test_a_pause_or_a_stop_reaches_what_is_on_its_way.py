"""Pausing or stopping a deployment withdraws the entries nobody has judged yet; a pause while warming is kept."""

import pytest

from market.domain.entries import StreamPosition
from portfolio.models import Position
from trading.brokers import warm_up
from trading.errors import NotAllowed
from trading.models import Order, RunInput, Signal
from trading.risk import assessment
from trading.run.deployments import notify_run, pause_deployment, resume_deployment, start_deployment, stop_deployment
from trading.ticks import sweeping
from trading.ticks.quiesced import is_quiesced

WIDE = {"buy_at": "1500", "sell_at": "1600", "stop_percent": "1"}


def test_stopping_does_not_orphan_a_signal_on_its_way(pipeline):
    deployment = pipeline.deploy(parameters=WIDE)
    pipeline.start(deployment)
    pipeline.play("1505.00")
    pipeline.tick("1499.00")
    pipeline.drain()
    assert Signal.objects.get().state == "new"
    deployment.refresh_from_db()
    stop_deployment(deployment, by="tests")
    pipeline.quiesce()
    pipeline.play("1500.00", "1500.00", "1480.00", "1480.00", "1480.00")
    deployment.refresh_from_db()
    assert (deployment.state, sum(Position.objects.values_list("quantity", flat=True))) == ("stopped", 0)


def test_pausing_denies_an_entry_that_waits_to_be_judged(pipeline):
    deployment = pipeline.deploy(parameters=WIDE)
    pipeline.start(deployment)
    pipeline.play("1505.00")
    pipeline.tick("1499.00")
    pipeline.drain()
    deployment.refresh_from_db()
    pause_deployment(deployment, by="tests")
    pipeline.quiesce()
    pipeline.play("1500.00", "1500.00")
    assert not Order.objects.filter(deployment=deployment).exclude(state="not_placed").exists()


def test_a_run_paused_while_warming_can_be_resumed(pipeline):
    deployment = pipeline.deploy()
    start_deployment(deployment, by="tests")
    deployment.refresh_from_db()
    pause_deployment(deployment, by="tests")
    pipeline.play("1505.00")
    deployment.refresh_from_db()
    resume_deployment(deployment, by="tests")
    pipeline.play("1505.00", "1505.00")
    deployment.refresh_from_db()
    assert deployment.state in ("running", "warming")


def entering(pipeline, **changes):
    """A deployment whose entry waits to be judged."""
    deployment = pipeline.deploy(parameters=WIDE, **changes)
    pipeline.start(deployment)
    pipeline.play("1505.00")
    pipeline.tick("1499.00")
    pipeline.drain()
    deployment.refresh_from_db()
    assert Signal.objects.get().state == "new"
    return deployment


def test_a_withdrawn_entry_says_why_and_its_run_hears_of_it(pipeline):
    deployment = entering(pipeline)
    pause_deployment(deployment, by="mehta")
    signal = Signal.objects.get()
    assert (signal.state, signal.state_reason) == ("superseded", "paused by mehta")
    deployment.refresh_from_db()
    resume_deployment(deployment, by="mehta")
    pipeline.play("1505.00", "1505.00")
    pipeline.play("1499.00", "1500.00", after=31)
    assert Position.objects.get().quantity == 10


def test_an_entry_decided_before_its_run_heard_of_the_pause_is_not_judged(pipeline):
    deployment = pipeline.deploy(parameters=WIDE)
    pipeline.start(deployment)
    pipeline.play("1505.00")
    deployment.refresh_from_db()
    pause_deployment(deployment, by="tests")
    RunInput.objects.filter(kind="exits_only").delete()  # as if the drain had read its inputs just before
    pipeline.play("1499.00", "1500.00")
    assert Signal.objects.get().state == "superseded"
    assert not Order.objects.exists()


def test_a_pause_leaves_an_exit_that_waits_to_be_judged(pipeline):
    deployment = pipeline.trade("1505.00", "1499.00", "1500.00", parameters=WIDE)
    pipeline.tick("1480.00")
    pipeline.drain()
    deployment.refresh_from_db()
    pause_deployment(deployment, by="tests")
    pipeline.quiesce()
    pipeline.play("1480.00", "1480.00")
    assert Position.objects.get().quantity == 0


def test_a_fault_withdraws_the_entries_of_its_run(pipeline):
    deployment = entering(pipeline)
    RunInput.objects.create(run=deployment.runs.get(), kind="fill", ref="x", payload={"instrument": "NSE:INFY"})
    pipeline.tick("1500.00")
    pipeline.drain()
    deployment.refresh_from_db()
    assert (deployment.state, Signal.objects.get().state) == ("paused", "superseded")


def test_a_stop_that_is_refused_withdraws_nothing(pipeline):
    deployment = entering(pipeline)
    assessment.assess_signals(pipeline.account.pk)
    with pytest.raises(NotAllowed, match=r"1 of its orders may still fill"):
        stop_deployment(deployment, by="tests")
    deployment.refresh_from_db()
    assert (deployment.state, Signal.objects.get().state) == ("running", "ordered")


class NoMarketData:
    """A broker that is asked while somebody pauses the deployment."""

    def __init__(self, meanwhile) -> None:
        self.meanwhile = meanwhile

    def fetch_history(self, *_args):
        return []

    def fetch_bands(self, _keys):
        self.meanwhile()
        return {}


def test_a_pause_that_comes_while_history_is_fetched_is_kept(pipeline, monkeypatch):
    deployment = pipeline.deploy()
    run = start_deployment(deployment, by="tests")
    broker = NoMarketData(lambda: pause_deployment(deployment, by="tests"))
    monkeypatch.setattr(warm_up, "market_data_of", lambda _account: broker)
    warm_up.warm_up(run.pk)
    pipeline.play("1505.00")
    deployment.refresh_from_db()
    assert (deployment.state, RunInput.objects.filter(kind="begin").count()) == ("paused", 0)
    resume_deployment(deployment, by="tests")
    broker.meanwhile = lambda: None
    warm_up.warm_up(run.pk)
    pipeline.play("1505.00", "1499.00", "1500.00")
    deployment.refresh_from_db()
    assert (deployment.state, Position.objects.get().quantity) == ("running", 10)


def test_the_sweeper_asks_again_for_the_history_of_a_run_that_was_paused_while_warming(pipeline, monkeypatch):
    deployment = pipeline.deploy()
    run = start_deployment(deployment, by="tests")
    pause_deployment(deployment, by="tests")
    resume_deployment(deployment, by="tests")
    asked = []
    monkeypatch.setattr(sweeping.deployments, "ask_warm_up", asked.append)
    sweeping.sweep_partitions()
    assert asked == [run]


def test_a_lockstep_replay_waits_for_the_history_of_a_run_that_was_paused_while_warming(pipeline):
    deployment = pipeline.deploy()
    run = start_deployment(deployment, by="tests")
    pause_deployment(deployment, by="tests")
    pipeline.play("1505.00")
    assert is_quiesced(pipeline.feed.pk, StreamPosition(1, 1))
    resume_deployment(deployment, by="tests")
    assert not is_quiesced(pipeline.feed.pk, StreamPosition(1, 1))
    notify_run(run, "begin", "begin", {"until": pipeline.now.isoformat()})
    assert is_quiesced(pipeline.feed.pk, StreamPosition(1, 1))
