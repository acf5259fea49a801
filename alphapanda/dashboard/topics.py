"""The snapshot behind each topic, made once for all browsers that show it."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import redis
from channels.db import database_sync_to_async
from django.db import connections

from alphapanda.core.clock.market_time import wall_now
from alphapanda.core.telemetry.heartbeats import silent_names
from alphapanda.dashboard import panels
from alphapanda.dashboard.outbox import encode_json
from alphapanda.dashboard.panels.shell import CommonFacts
from trading.wakeups import valkey_client

PAGES: dict[str, Callable[[Any], CommonFacts]] = {
    "live": panels.live_snapshot,
    "strategies": panels.strategies_snapshot,
    "orders": lambda user: panels.orders_snapshot(),
    "portfolio": panels.portfolio_snapshot,
    "lab": panels.lab_snapshot,
    "system": panels.system_snapshot,
}


@dataclass(frozen=True, slots=True)
class Kind:
    """What a snapshot depends on: its topic, and whether its reader is staff."""

    topic: str
    is_staff: bool


class Page:
    """The newest snapshot of one kind, as a whole message, and when it was made (the loop's clock)."""

    def __init__(self, kind: Kind, user: Any) -> None:
        self.kind, self.user = kind, user
        self.text = ""
        self.version = 0
        self.made_at = float("-inf")
        self.is_dirty = True
        self.making = asyncio.Lock()

    def is_due(self, now: float, shortest: float, longest: float) -> bool:
        age = now - self.made_at
        return age >= longest or (self.is_dirty and age >= shortest)


class ReadingThread:
    """The one thread that reads the database for browsers: a page waits its turn, the loop never waits."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, "browsers")

    async def read(self, question: Callable[..., Any], *arguments: Any) -> Any:
        asked = database_sync_to_async(question, thread_sensitive=False, executor=self._pool)
        return await asked(*arguments)

    async def make(self, page: Page) -> None:
        """Read a page's snapshot anew. What changes meanwhile makes it dirty again."""
        page.is_dirty = False
        page.made_at = asyncio.get_running_loop().time()
        data = await self.read(snapshot_text, page.kind.topic, page.user)
        page.version += 1
        page.text = f'{{"type":"snapshot","topic":"{page.kind.topic}","version":{page.version},"data":{data}}}'

    async def close(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._pool, connections.close_all)
        self._pool.shutdown()


def silent_now() -> list[str] | None:
    """Return who is silent; None where Valkey cannot be asked, which the line itself tells."""
    try:
        return silent_names(valkey_client(), wall_now())
    except redis.RedisError:
        return None


def snapshot_text(topic: str, user: Any) -> str:
    return encode_json(PAGES[topic](user))
