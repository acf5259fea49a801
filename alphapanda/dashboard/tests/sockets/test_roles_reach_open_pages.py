"""A socket shows what the reader's role reaches, and closes within seconds after the role is taken away."""

import asyncio
from typing import Any

import pytest
from channels.db import database_sync_to_async
from django.contrib.auth.models import User

from alphapanda.core.roles import SOCKET_TOPICS
from alphapanda.dashboard import broadcast
from alphapanda.dashboard.broadcast import NO_ROLE, Hub
from alphapanda.dashboard.tests.sockets.conftest import Browser, open_browser


def take_roles() -> None:
    User.objects.get().groups.clear()


async def test_who_has_no_role_is_closed_out_with_the_code_that_says_so(cookie: str, desk_hub: Hub) -> None:
    await database_sync_to_async(take_roles)()
    stranger = open_browser(cookie)
    await stranger.connect(5)
    assert await stranger.closed_with() == NO_ROLE
    assert not desk_hub.sockets


async def test_a_role_taken_away_closes_what_is_open_and_shows_nothing_more(
    cookie: str, desk_hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broadcast, "ROLE_SECONDS", 0.1)
    screen = open_browser(cookie)
    await screen.connect(5)
    await asyncio.sleep(0.3)  # it is asked anew, and stays
    assert len(desk_hub.sockets) == 1
    await database_sync_to_async(take_roles)()
    assert await screen.closed_with() == NO_ROLE
    assert not desk_hub.sockets


async def test_a_viewer_gets_every_topic_but_the_logs(screen: Browser, valkey: Any) -> None:
    for topic in set(SOCKET_TOPICS) - {"logs"}:
        await screen.say("subscribe", topic)
        assert (await screen.on_announcement("snapshot"))["topic"] == topic
    await screen.say("subscribe", "logs")
    assert "Your role does not let you watch" in (await screen.on_announcement("error"))["words"]
