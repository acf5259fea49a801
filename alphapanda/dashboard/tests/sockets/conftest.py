"""A browser for the WebSocket: signed in, with the right origin, on real PostgreSQL and Valkey."""

from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.db import connections
from django.test import Client

from alphapanda.asgi import protocols
from alphapanda.dashboard.broadcast import Hub, running_hub
from alphapanda.tests.people import person

HOST = b"127.0.0.1:8000"


class Browser(WebsocketCommunicator):
    async def say(self, kind: str, topic: str) -> None:
        await self.send_to(text_data=orjson.dumps({"type": kind, "topic": topic}).decode())

    async def on_announcement(self, kind: str, timeout: float = 8.0) -> dict[str, Any]:
        """Return the next message of a kind; others are passed over."""
        while True:
            message: dict[str, Any] = orjson.loads(await self.receive_from(timeout))
            if message["type"] == kind:
                return message

    async def closed_with(self) -> int:
        while (output := await self.receive_output(5))["type"] != "websocket.close":
            pass
        return int(output["code"])


def open_browser(cookie: str = "", origin: bytes | None = b"http://" + HOST) -> Browser:
    headers = [(b"host", HOST)]
    if origin:
        headers.append((b"origin", origin))
    if cookie:
        headers.append((b"cookie", f"{settings.SESSION_COOKIE_NAME}={cookie}".encode()))
    return Browser(protocols, "/ws/v1/", headers=headers)


@pytest.fixture
def cookie(transactional_db: None, valkey: Any) -> str:
    """The session of somebody signed in."""
    client = Client()
    client.force_login(person("mehta", "viewer"))
    return client.cookies[settings.SESSION_COOKIE_NAME].value


@pytest.fixture
async def desk_hub() -> AsyncIterator[Hub]:
    """This test's hub, closed at its end with all it has open."""
    made = running_hub()
    yield made
    await made.close()
    # The thread in which sessions are looked up keeps its connection, as it should; the test database is about to go.
    await sync_to_async(connections.close_all)()


@pytest.fixture
async def screen(cookie: str, desk_hub: Hub) -> AsyncIterator[Browser]:
    """A signed-in browser that has connected and asked for nothing yet."""
    screen = open_browser(cookie)
    assert (await screen.connect(5))[0]
    yield screen
    await screen.disconnect()
