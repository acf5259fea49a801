"""What one browser has still to be sent: the newest of each topic, never a backlog."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

MOST_UNSENT = 64
MOST_LINES = 200
MARKET, LOGS = "market", "logs"


def encode_json(data: Any) -> str:
    return orjson.dumps(data, default=str).decode()


@dataclass(frozen=True, slots=True)
class Delta:
    """Prices that changed, by instrument; ``text`` is their JSON, made once for every browser."""

    quotes: dict[str, dict[str, Any]]
    at: str
    text: str

    @classmethod
    def of(cls, quotes: dict[str, dict[str, Any]], at: str) -> "Delta":
        return cls(quotes, at, encode_json({"at": at, "quotes": list(quotes.values())}))

    def and_then(self, later: "Delta") -> "Delta":
        """Return both as one: of an instrument in both, the later price stands."""
        return Delta.of(self.quotes | later.quotes, later.at)


class LineQueue:
    """Log lines one browser has still to be sent, the newest of them; those that no longer fit are counted."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=MOST_LINES)
        self.clear()

    def clear(self) -> None:
        self._lines.clear()
        self._kind = "delta"
        self._missed = 0
        self._trouble: str | None = None

    def __bool__(self) -> bool:
        return bool(self._lines) or self._kind == "snapshot" or self._trouble is not None

    def begin(self, lines: Sequence[str]) -> None:
        """Show these instead of all that the browser shows."""
        self.clear()
        self._lines.extend(lines)
        self._kind, self._trouble = "snapshot", ""

    def extend(self, lines: Sequence[str]) -> None:
        self._missed += max(0, len(self._lines) + len(lines) - MOST_LINES)
        self._lines.extend(lines)

    def note_trouble(self, words: str) -> None:
        self._trouble = words

    def pop_text(self) -> str:
        """Return all as one message. ``trouble`` is null where nothing is to be said of it, "" where it has passed."""
        rest = encode_json({"missed": self._missed, "trouble": self._trouble})[1:]
        text = f'{{"type":"{self._kind}","topic":"{LOGS}","data":{{"lines":[{",".join(self._lines)}],{rest}}}'
        self.clear()
        return text


class Outbox:
    """A slow reader's messages are merged; one that has read none of 64 has gone, or should."""

    def __init__(self, epoch: int) -> None:
        self.epoch, self.n = epoch, 0
        self.unsent = 0
        self._texts: dict[str, str] = {}
        self._market = ""
        self._deltas: list[Delta] = []
        self._lines = LineQueue()
        self._ready = asyncio.Event()

    @property
    def is_full(self) -> bool:
        return self.unsent > MOST_UNSENT

    def put(self, key: str, text: str) -> None:
        """Queue a whole message; it replaces one of the same key that is still unsent."""
        self._texts[key] = text
        self._count()

    def put_market(self, text: str) -> None:
        """Queue a snapshot of all prices, as JSON; it holds what the unsent deltas said."""
        self._market = text
        self._deltas.clear()
        self._count()

    def put_delta(self, delta: Delta) -> None:
        self._deltas.append(delta)
        self._count()

    def put_first_lines(self, lines: Sequence[str]) -> None:
        self._lines.begin(lines)
        self._count()

    def put_lines(self, lines: Sequence[str]) -> None:
        """Queue log lines, each as JSON."""
        self._lines.extend(lines)
        self._count()

    def put_line_trouble(self, words: str) -> None:
        """Queue why no log line can be read; nothing: that they can be again."""
        self._lines.note_trouble(words)
        self._count()

    def forget(self, topic: str) -> None:
        """Drop what is unsent of a topic nobody wants any more."""
        self._texts.pop(topic, None)
        if topic == MARKET:
            self._market = ""
            self._deltas.clear()
        if topic == LOGS:
            self._lines.clear()

    def _count(self) -> None:
        self.unsent += 1
        self._ready.set()

    async def next_text(self) -> str:
        """Return the next message; waits until there is one."""
        while not (self._texts or self._lines or self._market or self._deltas):
            self._ready.clear()
            await self._ready.wait()
        if self._texts:
            return self._texts.pop(next(iter(self._texts)))
        if self._lines:
            return self._lines.pop_text()
        return self._take_snapshot() if self._market else self._take_delta()

    def note_sent(self) -> None:
        """Note that what was taken has left."""
        self.unsent = len(self._texts) + bool(self._lines) + bool(self._market) + len(self._deltas)

    def _take_snapshot(self) -> str:
        text, self._market = self._market, ""
        return self._message("snapshot", text)

    def _take_delta(self) -> str:
        merged, *later = self._deltas
        self._deltas.clear()
        for delta in later:
            merged = merged.and_then(delta)
        self.n += 1
        return self._message("delta", merged.text)

    def _message(self, kind: str, data: str) -> str:
        # n counts this browser's deltas without holes: a hole means that one was lost.
        return f'{{"type":"{kind}","topic":"{MARKET}","version":[{self.epoch},{self.n}],"data":{data}}}'
