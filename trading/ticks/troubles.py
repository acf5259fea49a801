"""What keeps a whole shard from going on, kept in Valkey while it lasts so that a page can say it.

A run that fails is paused alone and its reason stands in its deployment; this is for what is left: a database that
does not answer, a checkpoint that cannot be read, an error of our own.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
import redis
import structlog

from alphapanda.core.clock.market_time import wall_now
from market.models import Shard
from trading import wakeups
from trading.run.faults import error_words

KEY = "shard_troubles"
log = structlog.get_logger()
# Shards this process knows to be without trouble: a word with Valkey after every drain would be one too many.
_clear: set[UUID] = set()


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a shard does not go on, and since when (this machine's time)."""

    shard: str
    words: str
    since: datetime


def note_trouble(shard: Shard, error: BaseException) -> None:
    """Keep what was raised, with the time it was first. With Valkey away there is nobody to tell."""
    _clear.discard(shard.pk)
    try:
        before: Any = wakeups.valkey_client().hget(KEY, str(shard.pk))
        since = orjson.loads(before)["since"] if before else wall_now().isoformat()
        said = {"shard": shard.name, "words": error_words(error)[:300], "since": since}
        wakeups.valkey_client().hset(KEY, str(shard.pk), orjson.dumps(said).decode())
    except redis.RedisError as away:
        log.warning("trouble_not_told", shard=shard.name, error=repr(away))


def clear_trouble(shard: Shard) -> None:
    """Say that the shard goes on. Raises RedisError."""
    if shard.pk not in _clear:
        wakeups.valkey_client().hdel(KEY, str(shard.pk))
        _clear.add(shard.pk)


def read_troubles() -> list[Trouble]:
    """Return the troubles there are, by the shard's name. Raises RedisError."""
    said: Any = wakeups.valkey_client().hvals(KEY)
    found = [orjson.loads(one) for one in said]
    troubles = [Trouble(one["shard"], one["words"], datetime.fromisoformat(one["since"])) for one in found]
    return sorted(troubles, key=lambda one: one.shard)
