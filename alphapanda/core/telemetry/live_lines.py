"""Every process's log lines, as they are written, on a short stream of Valkey for whoever watches.

A line is handed over with its secrets already taken out. Logging never waits and never fails for it: what no longer
fits is counted, and the count is said. All lines stand on standard error as well; this stream is for looking on.
"""

import atexit
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, MutableMapping
from datetime import timedelta
from itertools import islice
from time import monotonic
from typing import Any

import orjson
import redis
import structlog
from django.conf import settings

from alphapanda.core.telemetry import logs
from alphapanda.core.telemetry.heartbeats import process_name

STREAM = "log.lines"
KEPT = 2000  # lines of all processes together: some 0.6 MB, 10 MB if each is as long as it may be
LIVES = timedelta(days=1)
# One process: a burst of so many is kept, and 100 lines a second go on; of more, some are only on standard error.
HELD, HELD_FOR_TROUBLE = 400, 100
ROUND_LINES, ROUND_SECONDS = 20, 0.2
SAID_EVERY = 1.0  # seconds between two words on what was dropped
ENDING_SECONDS = 2.0
FORK_SECONDS = 2.0
MOST_FIELDS, LONGEST_NAME, LONGEST_VALUE, LONGEST_EVENT, LONGEST_TRACE = 12, 40, 200, 300, 1500
OWN = frozenset({"timestamp", "level", "logger", "event", "exception", "stack"})
QUIET_LEVELS = frozenset({"debug", "info"})
log = structlog.get_logger()
Line = tuple[str, str]  # its place on the stream, and its JSON


class LinePublisher:
    """One process's lines on their way. Its thread begins with the first line, and after a fork anew."""

    def __init__(self, process: str, connect: Callable[[], redis.Redis]) -> None:
        self.process, self._connect = process, connect
        self._refused = self._lost = self._said = 0
        self._is_away, self._holds, self._said_at = False, False, float("-inf")
        self.begin_anew()

    def begin_anew(self) -> None:
        """After a fork the thread is the parent's, and so are its connection and the lines that waited."""
        self._client: redis.Redis | None = None
        self._held: deque[dict[str, Any]] = deque()
        self._woken, self._ended = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None
        # Held while the thread sends, and while this process forks: a child born in the middle of it would find
        # locks held by a thread it does not have (of the import system, of the client), and wait for ever.
        self._busy = threading.Lock()

    def hold_still(self) -> None:
        """Before a fork: let the thread finish what it sends, unless Valkey hangs."""
        self._holds = self._busy.acquire(timeout=FORK_SECONDS)

    def go_on(self) -> None:
        """After a fork, in the parent."""
        if self._holds:
            self._busy.release()

    def put(self, event: MutableMapping[str, Any]) -> None:
        """Hand a line over, or count it. Called under the logging handler's lock: one at a time."""
        most = HELD if event.get("level") in QUIET_LEVELS else HELD + HELD_FOR_TROUBLE
        if len(self._held) >= most:
            self._refused += 1
            return
        self._held.append(dict(event))
        if self._thread is None:
            self._start()
        if not self._woken.is_set():
            self._woken.set()

    def _start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="log lines", daemon=True)
        try:
            self._thread.start()
        except RuntimeError:
            self._ended.set()  # an interpreter that ends starts no thread: its last words are on standard error only

    def _run(self) -> None:
        while not self._ended.is_set():
            self._woken.wait()
            self._woken.clear()
            with self._busy:
                self.send_round()
            self._ended.wait(ROUND_SECONDS)
        self.send_round()

    def send_round(self) -> None:
        """Send what waits, at most 20 lines; say what was dropped since it was last said."""
        events = [self._held.popleft() for _ in range(min(ROUND_LINES, len(self._held)))]
        try:
            self._send(events)
        except Exception as error:  # whatever it is, lines go on being written, and this thread with them
            self._lost += len(events)
            if not self._is_away:
                self._is_away = True
                log.warning("log_lines_not_shown", error=repr(error))
            return
        self._is_away = False
        self._say_dropped()
        if self._held or self._dropped:
            self._woken.set()

    def _send(self, events: list[dict[str, Any]]) -> None:
        if not events:
            return
        self._client = self._client or self._connect()
        pipeline = self._client.pipeline(transaction=False)
        for event in events:
            pipeline.xadd(STREAM, {"line": line_of(event, self.process)}, maxlen=KEPT, approximate=True)
        pipeline.expire(STREAM, LIVES)
        pipeline.execute()

    @property
    def _dropped(self) -> int:
        return self._refused + self._lost - self._said

    def _say_dropped(self) -> None:
        dropped = self._dropped
        if dropped and monotonic() - self._said_at >= SAID_EVERY:
            self._said, self._said_at = self._said + dropped, monotonic()
            log.warning("log_lines_dropped", count=dropped)

    def end(self) -> None:
        """Send the last lines, if that is quick."""
        self._ended.set()
        self._woken.set()
        if self._thread is not None and self._thread.is_alive():
            self._thread.join(ENDING_SECONDS)


_publisher: LinePublisher | None = None


def begin_publishing(role: str) -> None:
    """From now on this process, and what it forks, shows its lines under this name. Asked again: nothing more."""
    global _publisher
    if _publisher is not None:
        return
    _publisher = LinePublisher(process_name(role), open_valkey)
    os.register_at_fork(
        before=_publisher.hold_still, after_in_parent=_publisher.go_on, after_in_child=_publisher.begin_anew
    )
    atexit.register(_publisher.end)
    logs.publish_lines(_publisher.put)


def open_valkey() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_URL, **settings.REDIS_TIMEOUTS)


def line_of(event: MutableMapping[str, Any], process: str) -> bytes:
    """Return a line as JSON, no longer than some 5 KB."""
    return orjson.dumps(
        {
            "at": event.get("timestamp", ""),
            "level": event.get("level", "info"),
            "process": process,
            "pid": os.getpid(),
            "logger": event.get("logger", ""),
            "event": shortened(str(event.get("event", "")), LONGEST_EVENT),
            "fields": [
                [shortened(name, LONGEST_NAME), shortened(text, LONGEST_VALUE)]
                for name, text in islice(fields_of(event), MOST_FIELDS)
            ],
            "trace": encodable(str(event.get("exception") or event.get("stack") or "")[-LONGEST_TRACE:]),
        }
    )


def fields_of(event: MutableMapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Return what a line tells beside its words; what a field holds by name counts as fields."""
    for name, value in event.items():
        if name in OWN:
            continue
        if isinstance(value, dict):
            yield from ((str(inner), str(each)) for inner, each in value.items())
        else:
            yield str(name), str(value)


def shortened(text: str, longest: int) -> str:
    return encodable(text if len(text) <= longest else f"{text[: longest - 1]}…")


def encodable(text: str) -> str:
    """Half a character, as file names may hold, has no place in JSON."""
    return text.encode(errors="replace").decode()


def read_newest(client: redis.Redis, most: int) -> list[Line]:
    """Return the last lines, oldest first. Raises RedisError."""
    found: Any = client.xrevrange(STREAM, count=most)
    return [_read(entry) for entry in reversed(found)]


def read_after(client: redis.Redis, place: str, most: int) -> list[Line]:
    """Return the lines written after the one at ``place``, oldest first, without waiting. Raises RedisError."""
    found: Any = client.xread({STREAM: place}, count=most)
    return [_read(entry) for _, entries in found for entry in entries]


def _read(entry: Any) -> Line:
    place, fields = entry
    return place.decode(), fields[b"line"].decode()
