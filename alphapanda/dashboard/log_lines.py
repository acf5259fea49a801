"""Sends the processes' log lines to the browsers that watch them; read only while one does."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import redis

from alphapanda.core.outages import outage_behind
from alphapanda.core.telemetry.live_lines import Line, read_after, read_newest
from alphapanda.dashboard.outbox import LOGS, Outbox
from alphapanda.dashboard.topics import ReadingThread
from trading.wakeups import valkey_client

ROUND_SECONDS, RETRY_SECONDS = 0.2, 1.0
FIRST_LINES, ROUND_LINES = 200, 200
START = "0-0"


class Watcher(Protocol):
    user: Any
    outbox: Outbox


class LogLines:
    """Who watches, and how far has been read. A new watcher first gets the last lines, then what all get."""

    def __init__(self, thread: ReadingThread, drop_if_slow: Callable[[Any], None]) -> None:
        self._thread, self._drop_if_slow = thread, drop_if_slow
        self.watchers: set[Any] = set()
        self._fresh: set[Any] = set()
        self._place = ""
        self._trouble = ""

    def join(self, watcher: Watcher) -> None:
        self.watchers.add(watcher)
        self._fresh.add(watcher)
        if self._trouble:
            watcher.outbox.put_line_trouble(self._trouble)

    def leave(self, watcher: Watcher) -> None:
        self.watchers.discard(watcher)
        self._fresh.discard(watcher)
        watcher.outbox.forget(LOGS)

    def keep_only(self, allowed: set[Any]) -> None:
        """Let go of whoever may not watch any more, by user id."""
        for watcher in [each for each in self.watchers if each.user.pk not in allowed]:
            self.leave(watcher)

    async def follow(self) -> None:
        while True:
            await asyncio.sleep(RETRY_SECONDS if self._trouble else ROUND_SECONDS)
            if self.watchers:
                await self.send_round()
            else:
                self._place = ""  # what is written while nobody watches is not made up for

    async def send_round(self) -> None:
        """Send what is new, at most five times a second; a Valkey that does not answer is said once."""
        try:
            if self._fresh:
                await self._begin()
            if self._place:
                await self._go_on()
        except redis.RedisError as error:
            outage = outage_behind(error)
            self._say(f"Log lines cannot be read: {outage.words if outage else type(error).__name__}.")
        else:
            self._say("")

    async def _begin(self) -> None:
        lines = await self._thread.read(read_lines, "")
        for watcher in self._fresh:
            watcher.outbox.put_first_lines(texts_of(lines))
        self._fresh.clear()
        self._place = self._place or (lines[-1][0] if lines else START)

    async def _go_on(self) -> None:
        lines = await self._thread.read(read_lines, self._place)
        if not lines:
            return
        self._place = lines[-1][0]
        for watcher in list(self.watchers):
            watcher.outbox.put_lines(texts_of(lines))
            self._drop_if_slow(watcher)

    def _say(self, trouble: str) -> None:
        if trouble == self._trouble:
            return
        self._trouble = trouble
        for watcher in self.watchers:
            watcher.outbox.put_line_trouble(trouble)


def read_lines(place: str) -> list[Line]:
    client = valkey_client()
    return read_after(client, place, ROUND_LINES) if place else read_newest(client, FIRST_LINES)


def texts_of(lines: Sequence[Line]) -> list[str]:
    """Return each line's JSON with its place as its key."""
    return [f'{{"key":"{place}",{text[1:]}' for place, text in lines]
