"""What a source of ticks is, and the bounded inbox it puts everything into; the settings choose the source."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import Mapping
from typing import Any, Protocol

from django.conf import settings
from django.utils.module_loading import import_string

# A second of the busiest feed is a few dozen frames; whoever is this far behind is not coming back by waiting.
MOST_FRAMES = 512

Message = dict[str, Any]


class TickSource(Protocol):
    """Delivers raw frames into an inbox, on the feed's event loop. Its callbacks only enqueue."""

    @property
    def connected(self) -> bool: ...

    @property
    def account_id(self) -> str:
        """Whose order updates come along with the ticks; empty: nobody's."""
        ...

    async def start(self) -> None:
        """Begin connecting; return without waiting for the connection."""
        ...

    def want(self, modes: Mapping[int, str]) -> None:
        """Ask for exactly these tokens in these modes (ltp, quote, full), now and after every reconnection."""
        ...

    def pause(self) -> None:
        """Stop reading from the wire: the sender has to wait."""
        ...

    def resume(self) -> None: ...

    async def stop(self) -> None: ...


class Inbox:
    """The bounded queue between a source and the consumer.

    When it is full the oldest frame goes, counted, and what comes next is marked as following a gap. In lockstep
    nothing may be lost, so instead the source is paused.
    """

    def __init__(self, most_frames: int = MOST_FRAMES, *, lossless: bool = False) -> None:
        self.most_frames, self.lossless = most_frames, lossless
        self.dropped: Counter[str] = Counter()
        self.connections = 0
        self.source: TickSource | None = None
        self._messages: deque[Message] = deque()
        self._frames = 0
        self._filled = asyncio.Event()
        self._heard_at: float | None = None

    # ---- what a source says ----------------------------------------------------------------------------------

    def frame(self, payload: bytes, received_at: int, market_time: int | None = None) -> None:
        """A binary frame came at ``received_at`` ms of wall time; recordings also know the market's."""
        self.heard()
        self._put({"type": "feed.frame", "payload": payload, "at": received_at, "market_time": market_time})
        self._frames += 1
        if self._frames > self.most_frames and not self.lossless:
            self._drop_oldest_frame()
        elif self.lossless and self.source is not None:
            self.source.pause()

    def hint(self, text: str) -> None:
        """The broker said something about an order: a reason to go and look, never data to book."""
        self._put({"type": "feed.hint", "text": text})

    def heard(self) -> None:
        """Bytes came, of whatever meaning: the link is alive."""
        self._heard_at = time.monotonic()

    def connection(self) -> None:
        """A connection stands; ticks before it may have been missed."""
        self.connections += 1
        self.heard()
        self._put({"type": "feed.connected", "nth": self.connections})

    def disconnection(self, reason: str) -> None:
        self._put({"type": "feed.disconnected", "reason": reason})

    def refusal(self, reason: str) -> None:
        """The server will not have us: it takes a person to log in again."""
        self._put({"type": "feed.refused", "reason": reason})

    def end(self) -> None:
        """Nothing more will come."""
        self._put({"type": "feed.ended"})

    # ---- what the consumer takes -----------------------------------------------------------------------------

    @property
    def link_age(self) -> float | None:
        """Seconds since the last byte; None before the first."""
        return None if self._heard_at is None else time.monotonic() - self._heard_at

    @property
    def is_empty(self) -> bool:
        return not self._messages

    def put_once(self, message: Message) -> None:
        """Queue the passing of time, unless the last one of its kind still waits."""
        if not any(waiting["type"] == message["type"] for waiting in self._messages):
            self._put(message)

    def put_first(self, message: Message) -> None:
        """Queue something that goes before all that waits: a request to stop."""
        self._messages.appendleft(message)
        self._filled.set()

    async def get(self) -> Message:
        while not self._messages:
            self._filled.clear()
            if self.lossless and self.source is not None:
                self.source.resume()
            await self._filled.wait()
        message = self._messages.popleft()
        if message["type"] == "feed.frame":
            self._frames -= 1
        return message

    def _put(self, message: Message) -> None:
        self._messages.append(message)
        self._filled.set()

    def _drop_oldest_frame(self) -> None:
        oldest = next(at for at, message in enumerate(self._messages) if message["type"] == "feed.frame")
        if oldest and self._messages[oldest - 1]["type"] == "feed.dropped":
            del self._messages[oldest]
        else:
            # What comes after it has to know; the passing of a second there must not claim that all was heard.
            self._messages[oldest] = {"type": "feed.dropped"}
        self._frames -= 1
        self.dropped["inbox_full"] += 1


def source_for(feed: Any, inbox: Inbox) -> TickSource:
    """Return the source a feed names, or the settings', ready to start."""
    source: TickSource = import_string(feed.source or settings.TICK_SOURCE)(feed, inbox)
    inbox.source = source
    return source
