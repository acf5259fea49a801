import sys

import pytest

from market import board
from market.subscriptions import subscribe_instrument
from tests.stories.live import LivePipeline, running_sim
from tests.stories.pipeline import Pipeline
from trading import wakeups
from trading.run.sessions import forget_calendar
from trading.run.strategy_rows import write_strategy_rows
from trading.ticks import drain

OWN = """
from tests.strategies.one_lot import OneLot


class Own(OneLot):
    name = "own"
"""


@pytest.fixture
def stage(transactional_db, settings, tmp_path, monkeypatch):
    """Real PostgreSQL and Valkey; tasks are not sent, since the story runs each stage itself."""
    settings.STRATEGY_PACKAGES = ["tests.strategies"]
    settings.STATE_DIR = tmp_path
    monkeypatch.setattr(wakeups.app, "send_task", lambda *args, **kwargs: None)
    forget_calendar()
    drain._memories.clear()
    board._board = None
    yield
    drain._memories.clear()


@pytest.fixture
def pipeline(stage):
    return Pipeline.open()


@pytest.fixture(scope="module")
def sim():
    with running_sim() as running:
        yield running


@pytest.fixture
def rehearsal(stage, sim, settings):
    """A live account at kitesim, logged in, with limits and not armed."""
    sim.clear_faults()
    settings.KITE_ROOT, settings.KITE_LOGIN_ROOT = sim.url, f"{sim.url}/connect/login"
    with pytest.MonkeyPatch.context() as patched:
        for name in ("KITE_API_KEY_ZERODHA_A", "KITE_API_SECRET_ZERODHA_A", "BROKER_KEY_ZERODHA_A"):
            patched.setenv(name, "set by the story")
        yield LivePipeline.rehearse(sim)


@pytest.fixture
def live(rehearsal):
    """The same, armed."""
    rehearsal.arm()
    return rehearsal


@pytest.fixture
def watched(pipeline):
    """The desk with INFY's prices coming in and nothing deployed."""
    subscribe_instrument(pipeline.feed, pipeline.infy, "full", ref="watchlist")
    return pipeline


@pytest.fixture
def own(pipeline, settings, tmp_path, monkeypatch):
    """A file with a strategy of one's own, and the rows written with it whole."""
    folder = tmp_path / "desk_strategies"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "own.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    settings.STRATEGY_PACKAGES = [*settings.STRATEGY_PACKAGES, "desk_strategies"]
    write_strategy_rows()
    yield folder / "own.py"
    forget_own()


def forget_own() -> None:
    for name in [name for name in sys.modules if name.startswith("desk_strategies")]:
        del sys.modules[name]
