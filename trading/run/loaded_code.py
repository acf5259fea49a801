"""Which code of the strategies each tick worker has in memory: it says so when it starts, and starts anew when told.

A run's ``code_hash`` is of the code that is on the disk when it starts; a worker that began before keeps what it had.
"""

from dataclasses import dataclass
from typing import Any

import orjson
import redis
import structlog
from django.conf import settings

from alphapanda.celery import app
from alphapanda.core.telemetry.heartbeats import keep_saying
from market.models import Shard
from trading import wakeups
from trading.errors import NotAllowed
from trading.strategies.registry import code_hash, find_strategies
from trading.strategies.sources import keep_loaded

KEY = "loaded_code"
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class LoadedCode:
    """What one worker has loaded: hashes by the name of the strategy."""

    worker: str
    hashes: dict[str, str]


def announce_code(worker: str, queues: list[str]) -> None:
    """Keep the code loaded from here on, and say which it is; for workers whose runs live in memory."""
    shards = [queue for queue in queues if queue.startswith("ticks.")]
    if not shards:
        return
    keep_loaded()
    hashes = {name: code_hash(strategy) for name, strategy in find_strategies(settings.STRATEGY_PACKAGES).items()}
    said = orjson.dumps({"worker": worker, "hashes": hashes}).decode()
    for shard in shards:
        keep_saying(KEY, shard, said)
    try:
        wakeups.valkey_client().hset(KEY, mapping=dict.fromkeys(shards, said))
    except redis.RedisError as away:
        # A run of other code is paused by the worker itself when it begins.
        log.warning("code_not_announced", worker=worker, error=repr(away))


def code_of_worker(shard: Shard) -> LoadedCode | None:
    """Return what the shard's worker said; None if it has said nothing, or Valkey does not answer."""
    try:
        said: Any = wakeups.valkey_client().hget(KEY, f"ticks.{shard.name}")
    except redis.RedisError:
        return None
    return LoadedCode(**orjson.loads(said)) if said else None


def has_other_code(shard: Shard, strategy: str, code: str) -> bool:
    """Whether the shard's worker is known to have other code of this strategy, or none."""
    loaded = code_of_worker(shard)
    return loaded is not None and loaded.hashes.get(strategy) != code


def insist_on_code(shard: Shard, strategy: str, code: str) -> None:
    """Raise NotAllowed if the shard's worker would run other code than ``code``."""
    if has_other_code(shard, strategy, code):
        raise NotAllowed(
            f"its code was changed since the worker of {shard.name} read it: reload that worker, and nothing is lost"
        )


def reload_worker(shard: Shard) -> None:
    """Let the shard's worker end after what it is doing; whoever looks after it starts it anew, with today's code.

    Nothing is lost: ticks wait in the stream, and memory comes back from the checkpoint. Raises NotAllowed.
    """
    loaded = code_of_worker(shard)
    if loaded is None:
        raise NotAllowed(f"no worker of {shard.name} has said that it runs")
    try:
        app.control.shutdown(destination=[loaded.worker])
    except app.connection_for_write().connection_errors as away:
        raise NotAllowed(f"the worker could not be told: {away!r}") from away
