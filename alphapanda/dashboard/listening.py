"""One subscription per process to what is announced, proved alive by hearing itself every second."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

import redis
import structlog
from channels.layers import get_channel_layer

from alphapanda.core.journal.announcements import EVENTS_GROUP
from market.updates import GROUP as MARKET_GROUP

log = structlog.get_logger()
BEAT: dict[str, Any] = {"type": "listening.beat"}
BEAT_SECONDS = 1.0
SILENCE_SECONDS = 3.5
ANSWER_SECONDS = 2.0
FIRST_WAIT, LONGEST_WAIT = 0.25, 8.0
UNREACHABLE = (redis.RedisError, OSError, TimeoutError)


class Listener:
    """Calls ``on_message`` for each announcement, and ``on_line`` when the line is found dead or alive.

    A pub/sub connection can die without a word. So the listener sends itself a beat through Valkey each second:
    when none comes back for 3.5 s it lets everything go, waits (longer each time) and subscribes anew.
    """

    def __init__(self, on_message: Callable[[dict[str, Any]], None], on_line: Callable[[bool], None]) -> None:
        self.on_message, self.on_line = on_message, on_line
        self._heard_at = 0.0
        self._wait = FIRST_WAIT

    async def run(self) -> None:
        while True:
            layer = get_channel_layer()
            try:
                channel = await subscribe_events(layer)
                await self._listen(layer, channel)
            except UNREACHABLE as error:
                log.warning("announcements_not_heard", error=repr(error), again_in=self._wait)
            finally:
                await let_go(layer)
            self.on_line(False)
            await asyncio.sleep(self._wait)
            self._wait = min(self._wait * 2, LONGEST_WAIT)

    async def _listen(self, layer: Any, channel: str) -> None:
        """Listen until the line is dead. Raises one of UNREACHABLE."""
        self._heard_at = loop_time()
        receiving = asyncio.create_task(self._receive(layer, channel))
        try:
            while loop_time() - self._heard_at < SILENCE_SECONDS:
                async with asyncio.timeout(ANSWER_SECONDS):
                    await layer.send(channel, BEAT)
                await asyncio.wait([receiving], timeout=BEAT_SECONDS)
                if receiving.done():
                    receiving.result()
        finally:
            # Let go first: a cancelled receive would try to unsubscribe over the dead line.
            await let_go(layer)
            receiving.cancel()
        raise TimeoutError(f"no beat of our own for {SILENCE_SECONDS} s")

    async def _receive(self, layer: Any, channel: str) -> None:
        while True:
            message = await layer.receive(channel)
            self._heard_at, self._wait = loop_time(), FIRST_WAIT
            self.on_line(True)
            if message["type"] != BEAT["type"]:
                self.on_message(message)


async def subscribe_events(layer: Any) -> str:
    async with asyncio.timeout(ANSWER_SECONDS):
        channel: str = await layer.new_channel()
        await layer.group_add(EVENTS_GROUP, channel)
        await layer.group_add(MARKET_GROUP, channel)
    return channel


async def let_go(layer: Any) -> None:
    """Close this loop's connections to the layer; the next use opens new ones."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            await layer.flush()
    except UNREACHABLE as error:
        log.info("line_was_dead_already", error=repr(error))


def loop_time() -> float:
    return asyncio.get_running_loop().time()


async def end_tasks(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel tasks until they have ended: libraries now and then swallow a cancellation."""
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=1)
