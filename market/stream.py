"""The tick stream: every batch and watermark a feed appended, in order, numbered without holes."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from datetime import datetime
from itertools import chain
from typing import Any

import numpy as np
import redis

from market.domain.entries import START, StreamEntry, StreamPosition, from_milliseconds, to_milliseconds
from market.domain.ticks import TICK_DTYPE, TickBatch

# What a stream may hold when nobody reads it; beyond that the oldest entries go, and the reader sees a gap.
MOST_BYTES = 512 * 1024 * 1024
# One step for both: nobody acts on a tick whose quote is not up, and a feed that was superseded puts up none. Lua
# takes some 8,000 arguments at once, so a hash is filled in parts.
APPEND = """
local fields = tonumber(ARGV[2])
redis.call('XADD', KEYS[1], ARGV[1], unpack(ARGV, 3, 2 + fields))
for at = 3 + fields, #ARGV, 2000 do
    redis.call('HSET', KEYS[2], unpack(ARGV, at, math.min(at + 1999, #ARGV)))
end
"""


class OlderEpoch(Exception):
    """The stream has moved past what was to be appended: another feed has taken over."""


class TickStream:
    """One feed's stream in Valkey. One writer appends, under a lease; any number read."""

    def __init__(self, client: redis.Redis, feed_id: Any, most_bytes: int = MOST_BYTES) -> None:
        self.redis = client
        self.key = f"ticks:{feed_id}"
        self.most_bytes = most_bytes
        self._script = client.register_script(APPEND)
        self._sizes: deque[tuple[StreamPosition, int]] = deque()
        self._bytes = 0

    def append_batch(
        self,
        epoch: int,
        n: int,
        batch: TickBatch,
        market_time: datetime,
        *,
        gap: bool = False,
        beside: tuple[str, Mapping[str, bytes]] = ("", {}),
    ) -> StreamPosition:
        """Append the ticks of a frame and in the same step fill ``beside``: a hash's name and its fields.

        Raises OlderEpoch if a newer feed, or this one already, got there; then the hash is not touched.
        """
        fields: dict[str, Any] = {"r": batch.received_at, "b": batch.rows.tobytes()}
        return self._append(StreamPosition(epoch, n), market_time, fields, gap, beside)

    def append_watermark(self, epoch: int, n: int, market_time: datetime, *, gap: bool = False) -> StreamPosition:
        """Append that the market's clock has come to ``market_time``, ticks or not."""
        return self._append(StreamPosition(epoch, n), market_time, {}, gap)

    def _append(
        self,
        position: StreamPosition,
        market_time: datetime,
        fields: dict[str, Any],
        gap: bool,
        beside: tuple[str, Mapping[str, bytes]] = ("", {}),
    ) -> StreamPosition:
        entry = {"m": to_milliseconds(market_time), **fields} | ({"g": 1} if gap else {})
        name, values = beside
        parts: list[Any] = [*chain(*entry.items()), *chain(*values.items())]
        try:
            self._script(keys=[self.key, name], args=[str(position), 2 * len(entry), *parts])
        except redis.ResponseError as refused:
            if "equal or smaller" not in str(refused):
                raise
            raise OlderEpoch(f"{position} is behind {self.last_position()}") from refused
        self._hold_within_bounds(position, len(fields.get("b", b"")) + 64)
        return position

    def _hold_within_bounds(self, position: StreamPosition, size: int) -> None:
        self._sizes.append((position, size))
        self._bytes += size
        if self._bytes <= self.most_bytes:
            return
        while self._bytes > self.most_bytes // 2:
            self._bytes -= self._sizes.popleft()[1]
        self.trim_before(self._sizes[0][0])

    def read(self, after: StreamPosition, count: int = 100) -> list[StreamEntry]:
        """Return up to ``count`` entries after a position, oldest first. Holes are the caller's to see."""
        found: Any = self.redis.xrange(self.key, min=f"({after}", max="+", count=count)
        return [_entry(position, fields) for position, fields in found]

    def wait(self, after: StreamPosition, count: int, seconds: float) -> list[StreamEntry]:
        """As ``read``, but for as long as there is nothing, wait up to ``seconds`` (above 0) for something."""
        answer: Any = self.redis.xread({self.key: str(after)}, count=count, block=round(seconds * 1000))
        return [_entry(position, fields) for _, found in answer or [] for position, fields in found]

    def trim_before(self, position: StreamPosition) -> int:
        """Drop the entries before ``position``; return how many went."""
        trimmed: Any = self.redis.xtrim(self.key, minid=str(position), approximate=False)
        return int(trimmed)

    def last_position(self) -> StreamPosition:
        """Return the last position ever appended, trimmed or not; START where there is no stream."""
        try:
            info: Any = self.redis.xinfo_stream(self.key)
        except redis.ResponseError:
            return START
        return StreamPosition.parse(info["last-generated-id"])

    def lag(self, position: StreamPosition) -> int:
        """Return how many entries lie after ``position``: what a shard still has to process."""
        last = self.last_position()
        if position >= last:
            return 0
        if position.epoch == last.epoch:
            return last.n - position.n
        length: Any = self.redis.xlen(self.key)
        return int(length)


def _entry(position: bytes, fields: dict[bytes, bytes]) -> StreamEntry:
    rows = fields.get(b"b")
    batch = None
    if rows is not None:
        batch = TickBatch(np.frombuffer(rows, TICK_DTYPE), int(fields[b"r"]))
    return StreamEntry(
        position=StreamPosition.parse(position),
        kind="watermark" if batch is None else "ticks",
        market_time=from_milliseconds(int(fields[b"m"])),
        batch=batch,
        gap=b"g" in fields,
    )
