"""A run's code hash is of what its worker has in memory: a worker says what it loaded, and starts anew when told."""

import pytest

from alphapanda.core.telemetry import heartbeats
from tests.stories.conftest import OWN
from trading import wakeups
from trading.errors import NotAllowed
from trading.models import Deployment
from trading.run import loaded_code
from trading.run.deployments import needs_reload, reload_deployment, resume_deployment, start_deployment
from trading.run.hosts import strategy_class
from trading.strategies import sources
from trading.strategies.registry import code_hash

SLOWER = OWN + "    title = 'Another'\n"


@pytest.fixture(autouse=True)
def no_worker_has_said_anything(pipeline, monkeypatch):
    monkeypatch.setattr(heartbeats, "_standing", [])
    monkeypatch.setattr(sources, "_is_kept", False)  # put back after the test, whatever it announced
    wakeups.valkey_client().delete(loaded_code.KEY)


@pytest.fixture
def announced(pipeline, own, monkeypatch) -> Deployment:
    """A deployment of one's own strategy; its worker has said what it loaded, and this process is another."""
    deployment = pipeline.deploy("own")
    loaded_code.announce_code("ticks@desk", ["celery", f"ticks.{pipeline.shard.name}"])
    monkeypatch.setattr(sources, "_is_kept", False)
    return deployment


def test_it_starts_while_its_worker_has_the_code_of_the_disk(pipeline, announced):
    run = start_deployment(announced, by="tests")
    assert run.code_hash == code_hash(strategy_class("own"))
    assert not needs_reload(announced)


@pytest.mark.parametrize("act", [start_deployment, resume_deployment])
def test_it_is_refused_once_its_file_was_saved_anew_and_a_reload_is_offered(pipeline, own, announced, act):
    if act is resume_deployment:
        pipeline.start(announced)
        pipeline.play("1505.00")
        Deployment.objects.update(state="paused")
    own.write_text(SLOWER)
    with pytest.raises(NotAllowed, match=r"changed since the worker of kite-0 read it: reload that worker"):
        act(announced, by="tests")
    assert needs_reload(announced)
    loaded_code.announce_code("ticks@desk", [f"ticks.{pipeline.shard.name}"])  # by the worker that was started anew
    assert not needs_reload(announced)


def test_what_a_worker_said_comes_back_after_valkey_was_emptied(pipeline, own, announced):
    own.write_text(SLOWER)
    wakeups.valkey_client().delete(loaded_code.KEY)
    assert not needs_reload(announced)  # nobody says which code the worker has
    heartbeats.Heartbeat("ticks@desk", "ticks.kite-0", wakeups.valkey_client()).beat()
    assert needs_reload(announced)
    with pytest.raises(NotAllowed, match="reload that worker"):
        start_deployment(announced, by="tests")


def test_another_strategy_of_the_same_worker_starts_all_the_same(pipeline, own, announced):
    own.write_text(SLOWER)
    start_deployment(pipeline.deploy(), by="tests")


def test_a_reload_is_asked_of_the_worker_that_has_the_shard(pipeline, announced, monkeypatch):
    told = []
    monkeypatch.setattr(loaded_code.app.control, "shutdown", lambda destination: told.append(destination))
    reload_deployment(announced, by="tests")
    assert told == [["ticks@desk"]]


def test_a_worker_that_has_said_nothing_cannot_be_told(pipeline, own):
    with pytest.raises(NotAllowed, match=r"no worker of kite-0 has said that it runs"):
        reload_deployment(pipeline.deploy("own"), by="tests")


def test_a_worker_pauses_a_run_that_was_started_with_other_code(pipeline, own, monkeypatch):
    """Nobody had heard from the worker when the run was started: it looks for itself when the run begins."""
    deployment = pipeline.deploy("own")
    pipeline.start(deployment)
    deployment.runs.update(code_hash="what is on the disk by now")
    pipeline.play("1505.00", "1499.00", "1500.00")
    deployment.refresh_from_db()
    assert deployment.state == "paused"
    assert "its code has changed since the run began" in deployment.state_reason
