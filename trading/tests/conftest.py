from collections.abc import Iterator
from typing import Any

import pytest

from instruments.models import TradingSession
from market import board
from market.subscriptions import subscribe_instrument
from tests.stories.pipeline import DAY, Pipeline, load_sessions
from trading import wakeups
from trading.run.sessions import forget_calendar
from trading.ticks import drain

# The calendar's rows these tests look at, kept between tests: loading a whole year each time is most of their time.
_sessions: list[dict[str, Any]] = []


def load_few_sessions() -> None:
    """The story's day, and the year's last one, by which the calendar's reach is told."""
    if not _sessions:
        load_sessions()
        _sessions.extend(TradingSession.objects.filter(day__in=[DAY, DAY.replace(month=12, day=31)]).values())
        TradingSession.objects.all().delete()
    TradingSession.objects.bulk_create(TradingSession(**row) for row in _sessions)


@pytest.fixture
def pipeline(db, settings, tmp_path, monkeypatch) -> Iterator[Pipeline]:
    """A small desk with real rows; nothing is sent to workers."""
    settings.STRATEGY_PACKAGES = ["tests.strategies"]
    settings.STATE_DIR = tmp_path
    monkeypatch.setattr(wakeups.app, "send_task", lambda *args, **kwargs: None)
    forget_calendar()
    drain._memories.clear()
    board._board = None
    load_few_sessions()
    yield Pipeline.open()
    drain._memories.clear()


@pytest.fixture
def watched(pipeline: Pipeline) -> Pipeline:
    """INFY's prices come in, last at 1500, and nothing is deployed."""
    subscribe_instrument(pipeline.feed, pipeline.infy, "full", ref="watchlist")
    pipeline.play("1500.00")
    return pipeline
