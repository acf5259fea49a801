"""Where in a tick stream, and what stands there: a batch of ticks, or how far market time has come. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, NamedTuple

from market.domain.ticks import TickBatch

Kind = Literal["ticks", "watermark"]


class StreamPosition(NamedTuple):
    """A place in the stream: the feed's epoch, then its number within the epoch, from 1."""

    epoch: int
    n: int

    def __str__(self) -> str:
        return f"{self.epoch}-{self.n}"

    @classmethod
    def parse(cls, text: str | bytes) -> StreamPosition:
        epoch, _, n = (text.decode() if isinstance(text, bytes) else text).partition("-")
        return cls(int(epoch), int(n))

    def is_successor(self, previous: StreamPosition) -> bool:
        """Tell whether nothing lies between ``previous`` and this."""
        if self.epoch == previous.epoch:
            return self.n == previous.n + 1
        return self.epoch > previous.epoch and self.n == 1


START = StreamPosition(0, 0)


@dataclass(frozen=True, slots=True)
class StreamEntry:
    """One batch of ticks or one watermark.

    ``gap``: ticks may be missing just before it (the feed started, reconnected or had to drop frames), so that
    candles which this moment falls into are not complete.
    """

    position: StreamPosition
    kind: Kind
    market_time: datetime
    batch: TickBatch | None = None
    gap: bool = False


def from_milliseconds(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def to_milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
