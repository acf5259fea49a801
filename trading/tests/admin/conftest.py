import pytest

from tests.stories.desk import Desk
from trading.services import marks, tick_drain, wakeups
from trading.services.sessions import schedule_on


@pytest.fixture
def desk(db, settings, tmp_path, monkeypatch) -> Desk:
    """A small desk with real rows; nothing is sent to workers."""
    settings.STRATEGY_PACKAGES = ["tests.strategies"]
    settings.STATE_DIR = tmp_path
    monkeypatch.setattr(wakeups.app, "send_task", lambda *args, **kwargs: None)
    schedule_on.cache_clear()
    tick_drain._memories.clear()
    marks._board = None
    yield Desk.open()
    tick_drain._memories.clear()


@pytest.fixture
def traded(desk: Desk) -> Desk:
    """The desk after one paper order was bought and sold."""
    desk.start(desk.deploy(parameters={"buy_at": "1500", "sell_at": "1510"}))
    desk.play("1505", "1499", "1499", "1499", "1511", "1511", "1511")
    return desk
