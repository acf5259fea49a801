"""How far each shard is behind its feed, looked at every ten seconds and kept for half an hour.

It stands in Valkey and is no record: lost, it begins anew.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from alphapanda.core.figures import iso
from market.domain.entries import StreamPosition
from market.models import Shard
from market.stream import TickStream
from trading import wakeups

KEPT = 180
FORGOTTEN_AFTER = 86_400


class Sample(NamedTuple):
    """``at`` is this machine's time; ``behind`` are entries, None where they cannot be counted."""

    at: datetime
    behind: int | None


def entries_behind(done: StreamPosition, written: StreamPosition) -> int | None:
    """Return how many entries are written and not yet done; None across epochs, which cannot be subtracted."""
    if done.epoch != written.epoch:
        return None if written > done else 0
    return max(0, written.n - done.n)


def sample_lag(now: datetime) -> None:
    client = wakeups.valkey_client()
    for shard in Shard.objects.filter(feed__is_active=True):
        written = TickStream(client, shard.feed_id).last_position()
        behind = entries_behind(StreamPosition(shard.epoch, shard.n), written)
        key = _key(shard.pk)
        client.lpush(key, orjson.dumps([iso(now), behind]))
        client.ltrim(key, 0, KEPT - 1)
        client.expire(key, FORGOTTEN_AFTER)


def read_lag(shards: Iterable[Shard]) -> dict[Any, list[Sample]]:
    """Return by shard what was seen, oldest first. Raises RedisError."""
    return {shard.pk: _samples(shard.pk) for shard in shards}


def _samples(shard_id: Any) -> list[Sample]:
    kept: Any = wakeups.valkey_client().lrange(_key(shard_id), 0, KEPT - 1)
    pairs = (orjson.loads(one) for one in reversed(kept))
    return [Sample(datetime.fromisoformat(at), behind) for at, behind in pairs]


def _key(shard_id: Any) -> str:
    return f"lag:{shard_id}"
