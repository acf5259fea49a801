"""The processes' log lines over the WebSocket: for staff, the last ones first, then as they are written."""

from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
import redis
from channels.db import database_sync_to_async
from django.contrib.auth import get_user_model

from alphapanda.core.telemetry.live_lines import STREAM, line_of
from alphapanda.dashboard import log_lines
from alphapanda.dashboard.broadcast import Hub
from alphapanda.dashboard.outbox import LOGS, MOST_LINES, Outbox
from alphapanda.dashboard.tests.sockets.conftest import Browser, open_browser


@pytest.fixture
async def staff_screen(cookie: str, desk_hub: Hub) -> AsyncIterator[Browser]:
    """A browser of somebody who is staff."""
    await database_sync_to_async(set_staff)(True)
    screen = open_browser(cookie)
    assert (await screen.connect(5))[0]
    yield screen
    await screen.disconnect()


def set_staff(is_staff: bool) -> None:
    get_user_model().objects.update(is_staff=is_staff)


def write(valkey: Any, *events: str) -> None:
    for event in events:
        valkey.xadd(STREAM, {"line": line_of({"event": event}, "worker@desk")})


def events_of(message: dict[str, Any]) -> list[str]:
    assert message["topic"] == LOGS
    return [line["event"] for line in message["data"]["lines"]]


async def test_who_is_not_staff_is_refused_in_words(screen: Browser, desk_hub: Hub, valkey: Any) -> None:
    write(valkey, "secret of the house")
    await screen.say("subscribe", "logs")
    assert "Your role does not let you watch" in (await screen.on_announcement("error"))["words"]
    await desk_hub.lines.send_round()
    assert await screen.receive_nothing(0.3)


async def test_the_last_lines_come_first_and_then_each_as_it_is_written(staff_screen: Browser, valkey: Any) -> None:
    write(valkey, *(f"n{n}" for n in range(log_lines.FIRST_LINES + 5)))
    await staff_screen.say("subscribe", "logs")
    first = await staff_screen.on_announcement("snapshot")
    assert events_of(first) == [f"n{n}" for n in range(5, log_lines.FIRST_LINES + 5)]
    write(valkey, "later")
    later = await staff_screen.on_announcement("delta")
    assert events_of(later) == ["later"]
    assert later["data"]["lines"][0]["key"] > first["data"]["lines"][-1]["key"]


async def test_before_the_first_line_it_is_said_that_there_is_none(staff_screen: Browser, valkey: Any) -> None:
    await staff_screen.say("subscribe", "logs")
    assert (await staff_screen.on_announcement("snapshot"))["data"] == {"lines": [], "missed": 0, "trouble": ""}
    write(valkey, "the first of all")
    assert events_of(await staff_screen.on_announcement("delta")) == ["the first of all"]


async def test_while_nobody_watches_nothing_is_read(
    staff_screen: Browser, desk_hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    await staff_screen.say("subscribe", "logs")
    await staff_screen.on_announcement("snapshot")
    await staff_screen.say("unsubscribe", "logs")
    await staff_screen.say("unsubscribe", "nothing")
    await staff_screen.on_announcement("error")  # so the one before it has been done
    read: list[str] = []
    monkeypatch.setattr(log_lines, "read_lines", lambda place: read.append(place) or [])
    assert await staff_screen.receive_nothing(0.6)
    assert (read, desk_hub.lines.watchers) == ([], set())


async def test_who_is_staff_no_more_sees_no_more(staff_screen: Browser, desk_hub: Hub, valkey: Any) -> None:
    await staff_screen.say("subscribe", "logs")
    await staff_screen.on_announcement("snapshot")
    await desk_hub.check_roles()
    assert len(desk_hub.lines.watchers) == 1
    await database_sync_to_async(set_staff)(False)
    await desk_hub.check_roles()
    write(valkey, "secret of the house")
    assert await staff_screen.receive_nothing(0.6)


async def test_valkey_that_is_away_is_said_once_and_the_lines_follow_when_it_is_back(
    staff_screen: Browser, valkey: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(place: str) -> Any:
        raise redis.ConnectionError("away")

    monkeypatch.setattr(log_lines, "RETRY_SECONDS", 0.05)
    with monkeypatch.context() as away:
        away.setattr(log_lines, "read_lines", fail)
        await staff_screen.say("subscribe", "logs")
        told = await staff_screen.on_announcement("delta")
        assert told["data"]["trouble"] == "Log lines cannot be read: Valkey does not answer."
        assert await staff_screen.receive_nothing(0.3)
    write(valkey, "back")
    back = await staff_screen.on_announcement("snapshot")
    assert (events_of(back), back["data"]["trouble"]) == (["back"], "")


async def test_of_what_a_slow_browser_has_not_read_the_newest_stand_and_the_others_are_counted() -> None:
    outbox = Outbox(epoch=1)
    outbox.put_first_lines(['"first"'])
    for n in range(MOST_LINES + 4):
        outbox.put_lines([str(n)])
    message = orjson.loads(await outbox.next_text())
    outbox.note_sent()
    assert (message["type"], message["data"]["missed"]) == ("snapshot", 5)
    assert message["data"]["lines"] == list(range(4, MOST_LINES + 4))
    assert outbox.unsent == 0


async def test_lines_nobody_wants_any_more_are_not_sent() -> None:
    outbox = Outbox(epoch=1)
    outbox.put_lines(["1"])
    outbox.forget(LOGS)
    outbox.put("live", '"page"')
    assert await outbox.next_text() == '"page"'
    outbox.note_sent()
    assert outbox.unsent == 0
