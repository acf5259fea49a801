"""A half-saved file in a package of strategies: its own strategies are unavailable, and everybody else goes on."""

import pytest
from django.core.exceptions import ValidationError

from portfolio.models import Position
from tests.stories.conftest import OWN, forget_own
from tests.strategies import one_lot
from trading.errors import NotAllowed
from trading.models import Deployment, Strategy
from trading.run.deployments import change_parameters, resume_deployment, start_deployment, stop_deployment
from trading.run.strategy_rows import write_strategy_rows
from trading.tasks import warm_parent

WIDE = {"buy_at": "1500", "sell_at": "1600", "stop_percent": "1"}


def break_file(own) -> None:
    """Save half of it, and let the process be another, that has not read it before."""
    own.write_text(OWN + "    def on_tick(self, ctx,\n")
    forget_own()


def test_the_others_go_on_after_a_restart_and_its_run_only_gets_out(pipeline, own):
    mine, good = pipeline.deploy("own", parameters=WIDE), pipeline.deploy(parameters=WIDE)
    pipeline.start(mine)
    pipeline.start(good)
    pipeline.play("1505.00", "1499.00", "1500.00")
    break_file(own)
    pipeline.restart()
    warm_parent()
    pipeline.play("1490.00")
    mine.refresh_from_db()
    good.refresh_from_db()
    assert (mine.state, good.state) == ("paused", "running")
    assert "own.py, line 7: SyntaxError: '(' was never closed" in mine.state_reason
    pipeline.play("1480.00", "1480.00", "1480.00")
    assert not Position.objects.open().exists()
    own.write_text(OWN)
    resume_deployment(mine, by="tests")
    pipeline.play("1505.00", "1499.00", "1500.00", "1500.00")
    mine.refresh_from_db()
    assert mine.state == "running"


@pytest.mark.parametrize("act", [start_deployment, resume_deployment])
def test_it_is_not_started_or_resumed_in_words(pipeline, own, act):
    deployment = pipeline.deploy("own")
    if act is resume_deployment:
        pipeline.start(deployment)
        pipeline.play("1505.00")
        Deployment.objects.update(state="paused")
    break_file(own)
    with pytest.raises(NotAllowed, match=r"desk_strategies\.own cannot be read: .*own\.py, line 7: SyntaxError"):
        act(deployment, by="tests")
    with pytest.raises((NotAllowed, ValidationError), match=r"own\.py, line 7"):
        change_parameters(deployment, {}, by="tests")


def test_another_is_started_and_its_own_is_stopped_all_the_same(pipeline, own):
    mine, good = pipeline.deploy("own"), pipeline.deploy()
    pipeline.start(mine)
    pipeline.play("1505.00")
    break_file(own)
    stop_deployment(mine, by="tests")
    start_deployment(good, by="tests")
    mine.refresh_from_db()
    good.refresh_from_db()
    assert (mine.state, good.state) == ("stopped", "warming")


def test_migrate_marks_it_as_not_available_and_keeps_the_others(pipeline, own):
    break_file(own)
    write_strategy_rows()
    assert Strategy.objects.get(name="own").is_available is False
    assert Strategy.objects.get(name=one_lot.OneLot.name).is_available is True
