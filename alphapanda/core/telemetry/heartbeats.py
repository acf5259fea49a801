"""Every process says every second that it lives, so that a page can tell which one has fallen silent.

A process that ends in order takes its name off; one that was killed, or died of an error, leaves it, and its silence
is what is seen.
"""

import atexit
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import redis
import structlog
from django.conf import settings

KEY = "processes"
STARTS, STARTS_KEPT = "process_starts", 50
BEAT_SECONDS = 1.0
# A beat may wait so long for Valkey; one that came after the name was taken off would put it on again.
LONGEST_BEAT_SECONDS = 6.0
# Three beats in a row were missed. A page must say so within five seconds, its own reading and way included.
SILENT_AFTER = timedelta(seconds=3)
# A name not heard of for so long belongs to a machine or a set-up that is no more.
FORGOTTEN_AFTER = timedelta(days=1)
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Process:
    """One running program. ``name`` is the same after a restart; times are this machine's, not the market's."""

    name: str
    does: str
    pid: int
    started_at: datetime
    heard_at: datetime
    error: str = ""  # what it died of, where it could still say so

    def silence(self, now: datetime) -> timedelta:
        return max(now - self.heard_at, timedelta(0))

    def is_silent(self, now: datetime) -> bool:
        return self.silence(now) > SILENT_AFTER


@dataclass(frozen=True, slots=True)
class Start:
    """A process began. ``before`` is the one of its name that left its name on: it was killed, or died of an error."""

    process: Process
    before: Process | None


class Heartbeat(threading.Thread):
    """Beats until it is stopped. Valkey being away is logged once, and is no reason to end."""

    def __init__(self, name: str, does: str, client: redis.Redis) -> None:
        super().__init__(name=f"heartbeat of {name}", daemon=True)
        self.role, self.does, self._client = name, does, client
        self._started_at, self._ended, self._is_lost = _now(), threading.Event(), False
        self._first, self._is_noted = threading.Lock(), False

    def run(self) -> None:
        while not self._ended.is_set():
            self.beat()
            self._ended.wait(BEAT_SECONDS)

    def _note_start(self) -> bool:
        """Keep who began, and what the one before left. False: Valkey is away, and it is tried with the next beat."""
        try:
            left: Any = self._client.hget(KEY, self.role)
            before = orjson.loads(left) if left else None
            self._client.lpush(STARTS, orjson.dumps({"process": asdict(self._now()), "before": before}))
            self._client.ltrim(STARTS, 0, STARTS_KEPT - 1)
        except redis.RedisError:
            return False
        return True

    def _now(self, error: str = "") -> Process:
        return Process(self.role, self.does, os.getpid(), self._started_at, _now(), error)

    def beat(self) -> None:
        with self._first:  # its first beat covers what the one before it left
            self._is_noted = self._is_noted or self._note_start()
        try:
            self._client.hset(KEY, self.role, orjson.dumps(asdict(self._now())))
            for key, name, words in _standing:
                self._client.hset(key, name, words)
            self._is_lost = False
        except redis.RedisError as error:
            if not self._is_lost:
                log.warning("heartbeat_lost", process=self.role, error=repr(error))
            self._is_lost = True

    def end(self) -> None:
        """Stop, and take the name off the list; but leave it if it was an error that ended the process."""
        self._ended.set()
        self.join(timeout=LONGEST_BEAT_SECONDS)
        error = sys.exc_info()[1] or getattr(sys, "last_value", None)
        try:
            if error is not None:
                self._client.hset(KEY, self.role, orjson.dumps(asdict(self._now(type(error).__name__))))
            else:
                self._client.hdel(KEY, self.role)
        except redis.RedisError as error:
            log.warning("heartbeat_not_ended", process=self.role, error=repr(error))


_begun: Heartbeat | None = None
# What this process says with every beat: the hash, the name in it, and the words.
_standing: list[tuple[str, str, str]] = []


def keep_saying(key: str, name: str, words: str) -> None:
    """Say something of this process with every beat: after Valkey was emptied it comes back by itself."""
    _standing.append((key, name, words))


def begin_heartbeat(role: str, does: str) -> None:
    """Beat from now on until this process ends; asked again, nothing more happens."""
    global _begun
    if _begun is None:
        _begun = _heartbeat(role, does)
        _begun.start()
        atexit.register(_begun.end)


@contextmanager
def keep_beating(role: str, does: str) -> Iterator[None]:
    """Beat for as long as the block lasts."""
    heartbeat = _heartbeat(role, does)
    heartbeat.start()
    try:
        yield
    finally:
        heartbeat.end()  # sees the error that ended the block, if one did


def _heartbeat(role: str, does: str) -> Heartbeat:
    return Heartbeat(process_name(role), does, redis.Redis.from_url(settings.REDIS_URL, **settings.REDIS_TIMEOUTS))


def process_name(role: str) -> str:
    """Return ``role@host``, as Celery names its workers."""
    return role if "@" in role else f"{role}@{socket.gethostname()}"


def read_processes(client: redis.Redis, now: datetime) -> list[Process]:
    """Return those heard of within a day, by name; forget the others. Raises RedisError."""
    said: Any = client.hvals(KEY)
    found = [_read(orjson.loads(one)) for one in said]
    if gone := [one.name for one in found if one.silence(now) >= FORGOTTEN_AFTER]:
        client.hdel(KEY, *gone)
    return sorted((one for one in found if one.name not in gone), key=lambda one: one.name)


def read_starts(client: redis.Redis) -> list[Start]:
    """Return the last starts that were kept, newest first. Raises RedisError."""
    kept: Any = client.lrange(STARTS, 0, STARTS_KEPT - 1)
    said = [orjson.loads(one) for one in kept]
    return [Start(_read(one["process"]), _read(one["before"]) if one["before"] else None) for one in said]


def silent_names(client: redis.Redis, now: datetime) -> list[str]:
    """Return who was killed, has stopped or crashed, by name. Raises RedisError."""
    return [one.name for one in read_processes(client, now) if one.is_silent(now)]


def _now() -> datetime:
    return datetime.fromtimestamp(time.time(), UTC)


def _read(said: dict[str, Any]) -> Process:
    times = {name: datetime.fromisoformat(said[name]).astimezone(UTC) for name in ("started_at", "heard_at")}
    return Process(**{**said, **times})
