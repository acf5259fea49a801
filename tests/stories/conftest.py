import pytest

from market import board
from market.subscriptions import subscribe_instrument
from tests.stories.pipeline import Pipeline
from trading import wakeups
from trading.run.sessions import forget_calendar
from trading.ticks import drain


@pytest.fixture
def pipeline(transactional_db, settings, tmp_path, monkeypatch):
    """Real PostgreSQL and Valkey; tasks are not sent, since the story runs each stage itself."""
    settings.STRATEGY_PACKAGES = ["tests.strategies"]
    settings.STATE_DIR = tmp_path
    monkeypatch.setattr(wakeups.app, "send_task", lambda *args, **kwargs: None)
    forget_calendar()
    drain._memories.clear()
    board._board = None
    yield Pipeline.open()
    drain._memories.clear()


@pytest.fixture
def watched(pipeline):
    """The desk with INFY's prices coming in and nothing deployed."""
    subscribe_instrument(pipeline.feed, pipeline.infy, "full", ref="watchlist")
    return pipeline
