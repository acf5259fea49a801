"""Whatever raises while a run is made, told something or kept pauses that run; what stops a whole shard is said."""

import pytest
from django.db import OperationalError

from portfolio.models import Position
from tests.stories.pipeline import make_instrument
from tests.strategies.one_lot import GoesWrong
from trading.models import Checkpoint, Deployment, Order, RunInput
from trading.run import deployments, sessions
from trading.ticks import drain, troubles

WIDE = {"buy_at": "1500", "sell_at": "1600", "stop_percent": "1"}


@pytest.fixture
def two(pipeline, monkeypatch) -> tuple[Deployment, Deployment]:
    """One deployment whose strategy can be told to go wrong, and a good one; both hold ten of INFY, stop 1,484."""
    monkeypatch.setattr(GoesWrong, "how", None)
    bad = pipeline.deploy("test-goes-wrong", parameters=WIDE, name="bad")
    good = pipeline.deploy(parameters=WIDE, name="good")
    pipeline.start(bad)
    pipeline.start(good)
    pipeline.play("1505.00", "1499.00", "1500.00")
    assert held() == [10, 10]
    return bad, good


def held() -> list[int]:
    return list(Position.objects.order_by("id").values_list("quantity", flat=True))


def states(*deployments: Deployment) -> list[str]:
    for deployment in deployments:
        deployment.refresh_from_db()
    return [deployment.state for deployment in deployments]


def touch_stops(pipeline) -> None:
    pipeline.play("1490.00", "1480.00", "1480.00", "1480.00")


def test_a_run_that_cannot_be_made_again_only_gets_out(pipeline, two, monkeypatch):
    monkeypatch.setattr(GoesWrong, "how", "made")
    pipeline.restart()
    pipeline.play("1500.00")
    assert states(*two) == ["paused", "running"]
    assert "it cannot be run: LookupError: no table for this instrument, at one_lot.py, line " in two[0].state_reason
    touch_stops(pipeline)
    assert held() == [0, 0]


def test_a_run_whose_checkpoint_cannot_be_read_gets_out_by_its_fills(pipeline, two):
    checkpoint = Checkpoint.objects.get()
    run = two[0].runs.get()
    checkpoint.memory["runs"][str(run.pk)] = {"positions": "of another version"}
    checkpoint.save()
    pipeline.restart()
    pipeline.play("1500.00")
    assert states(*two) == ["paused", "running"]
    assert "it cannot be rebuilt: TypeError" in two[0].state_reason
    touch_stops(pipeline)
    assert held() == [0, 0]


def test_a_run_of_which_nothing_can_be_made_says_that_its_exits_are_not_managed(pipeline, two):
    run = two[0].runs.get()
    run.terms |= {"product": "MIS", "instruments": []}
    run.save()
    pipeline.restart()
    touch_stops(pipeline)
    assert states(*two) == ["paused", "running"]
    assert "nobody manages its exits, leave its positions by hand" in two[0].state_reason
    assert held() == [10, 0]


def test_a_fill_of_what_it_does_not_trade_pauses_only_the_run_that_is_told_of_it(pipeline, two):
    fill = RunInput.objects.filter(run__deployment=two[0], kind="fill").first()
    fill.payload |= {"instrument": make_instrument(token=111 * 256 + 1, symbol="TCS").key}
    RunInput.objects.create(run=fill.run, kind="fill", ref="another", payload=fill.payload)
    touch_stops(pipeline)
    assert states(*two) == ["paused", "running"]
    assert "it failed: KeyError: 'NSE:TCS', at " in two[0].state_reason
    assert held() == [0, 0]


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("reason", "the reason's words hold half a surrogate pair"),
        ("saved", "its state holds a NUL"),
    ],
)
def test_what_postgresql_cannot_keep_fails_nobody_elses_commit(pipeline, two, monkeypatch, how, words):
    monkeypatch.setattr(GoesWrong, "how", how)
    pipeline.play("1500.00")
    pipeline.play("1500.00", after=31)
    assert states(*two) == ["paused", "running"]
    assert words in two[0].state_reason
    touch_stops(pipeline)
    assert held() == [0, 0]


@pytest.mark.parametrize("how", ["made", "warmed"])
def test_a_run_that_cannot_begin_is_paused_in_words(pipeline, monkeypatch, how):
    monkeypatch.setattr(GoesWrong, "how", None)
    bad, good = pipeline.deploy("test-goes-wrong"), pipeline.deploy()
    pipeline.start(bad)
    pipeline.start(good)
    monkeypatch.setattr(GoesWrong, "how", how)
    pipeline.play("1505.00", "1499.00", "1500.00")
    assert states(bad, good) == ["paused", "running"]
    assert "LookupError: no table for this instrument, at one_lot.py, line " in bad.state_reason
    assert Order.objects.get().deployment == good
    pipeline.restart()
    pipeline.play("1505.00")
    assert states(bad, good) == ["paused", "running"]


def test_a_run_whose_code_is_back_decides_again_when_it_is_resumed(pipeline, settings):
    deployment = pipeline.trade("1505.00")
    packages, settings.STRATEGY_PACKAGES = settings.STRATEGY_PACKAGES, []
    pipeline.restart()
    pipeline.play("1505.00")
    assert states(deployment) == ["paused"]
    settings.STRATEGY_PACKAGES = packages
    deployments.resume_deployment(deployment, by="tests")
    pipeline.play("1505.00", "1499.00", "1500.00")
    assert (states(deployment), held()) == (["running"], [10])
    pipeline.restart()
    pipeline.play("1505.00")
    assert (states(deployment), held()) == (["running"], [10])


def test_a_database_that_does_not_answer_is_no_fault_of_the_strategy_that_asked(pipeline, two, monkeypatch):
    def down(*_args):
        raise OperationalError("canceling statement due to lock timeout")

    monkeypatch.setattr(GoesWrong, "how", "asked for the hours")
    pipeline.restart()
    with monkeypatch.context() as patched:
        patched.setattr(sessions, "schedule_on", down)
        pipeline.tick("1500.00")
        with pytest.raises(OperationalError):
            pipeline.drain()
    pipeline.play("1500.00")
    assert states(*two) == ["running", "running"]


def test_what_stops_a_whole_shard_is_known_until_it_goes_on(pipeline, two, monkeypatch):
    def broken(*_args):
        raise RuntimeError("no candle today")

    with monkeypatch.context() as patched:
        patched.setattr(drain, "advance_shard", broken)
        for _ in range(2):
            pipeline.tick("1500.00")
            with pytest.raises(RuntimeError):
                pipeline.drain()
        [trouble] = troubles.read_troubles()
        assert trouble.shard == pipeline.shard.name
        assert trouble.words.startswith("RuntimeError: no candle today, at test_a_run_that_fails_fails_alone.py, line ")
    pipeline.play("1500.00")
    assert troubles.read_troubles() == []
