"""The browser's one socket: it asks for topics and is told what they show. It can do nothing; acts go over HTTP."""

import asyncio
from collections import deque
from typing import Any
from urllib.parse import urlsplit

import orjson
import structlog
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings

from alphapanda.core import roles
from alphapanda.dashboard.backpressure import Line
from alphapanda.dashboard.broadcast import NO_ROLE, running_hub
from alphapanda.dashboard.listening import loop_time
from alphapanda.dashboard.outbox import Outbox, encode_json

log = structlog.get_logger()
MOST_BYTES = 4096
MOST_A_SECOND = 20
# Autobahn sends 1000 and what stands from 3000 on, and nothing else: the private code for 1008, policy violation.
POLICY = 4008
CLOSING_SECONDS = 2.0


class PageSocket(AsyncWebsocketConsumer):
    # No channel of its own: the process has one subscription for all its browsers.
    channel_layer_alias = ""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._asked: deque[float] = deque(maxlen=MOST_A_SECOND)
        self._sending: asyncio.Task[None] | None = None
        self._closing: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        self.user = self.scope["user"]
        if not self.user.is_authenticated or not is_same_origin(self.scope):
            await self.close()
            return
        await self.accept()
        self.session_key = self.scope["session"].session_key
        self.hub = running_hub()
        if not await self.hub.may(self.user, roles.Right.LOOK):
            await self.close(NO_ROLE)
            return
        self.outbox = Outbox(self.hub.epoch)
        self.hub.join(self)
        self._sending = asyncio.create_task(self._send_on())

    async def disconnect(self, code: int) -> None:
        if self._sending:
            self.hub.leave(self)
            self._sending.cancel()

    async def _send_on(self) -> None:
        line = Line(self.base_send)
        while True:
            await line.free()
            text = await self.outbox.next_text()
            await self.send(text_data=text)
            self.outbox.note_sent()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if text_data is None or len(text_data.encode()) > MOST_BYTES or self._asks_too_often():
            self.drop(POLICY)
            return
        kind, topic = read_message(text_data)
        if topic not in roles.SOCKET_TOPICS:
            known = ", ".join(roles.SOCKET_TOPICS)
            self.complain(f"There is no topic {topic!r}. Topics: {known}.")
        elif not await self.hub.may(self.user, right := roles.SOCKET_TOPICS[topic]):
            self.complain(f"Your role does not let you {roles.WORDS[right]}.")
        elif kind == "subscribe":
            await self.hub.subscribe(self, topic)
        elif kind == "unsubscribe":
            self.hub.unsubscribe(self, topic)
        else:
            self.complain('Say {"type":"subscribe","topic":"live"}, or "unsubscribe".')

    def complain(self, words: str) -> None:
        self.outbox.put("error", encode_json({"type": "error", "words": words[:300]}))

    def _asks_too_often(self) -> bool:
        """Whether this is the 21st message within a second."""
        moment, oldest = loop_time(), self._asked[0] if len(self._asked) == MOST_A_SECOND else float("-inf")
        self._asked.append(moment)
        return moment - oldest < 1.0

    def drop(self, code: int) -> None:
        """Close without waiting for a reader that may never read."""
        if self._closing is None:
            self.hub.leave(self)
            if self._sending:
                self._sending.cancel()
            self._closing = asyncio.create_task(self._close(code))

    async def _close(self, code: int) -> None:
        try:
            async with asyncio.timeout(CLOSING_SECONDS):
                await self.close(code)
        except TimeoutError:
            log.info("browser_not_closed_in_time", user=str(self.user))


def read_message(text: str) -> tuple[str, str]:
    """Return a message's type and topic; empty where it is not a message of ours."""
    try:
        message = orjson.loads(text)
    except orjson.JSONDecodeError:
        return "", ""
    if not isinstance(message, dict):
        return "", ""
    return str(message.get("type", "")), str(message.get("topic", ""))


def is_same_origin(scope: Any) -> bool:
    """Whether the page that opens the socket came from this very host and port, or from a trusted origin."""
    headers = dict(scope["headers"])
    origin = headers.get(b"origin", b"").decode("latin1")
    if origin in settings.CSRF_TRUSTED_ORIGINS:
        return True
    parts = urlsplit(origin)
    return parts.scheme in ("http", "https") and parts.netloc == headers.get(b"host", b"").decode("latin1")
