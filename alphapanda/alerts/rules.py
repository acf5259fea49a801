"""When something wrong is said. Pure: what is wrong and what was said already in, what to say out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

# What heals by itself is given time to; the rest is said at once. Our own choice.
WAITS = {
    "no_prices": timedelta(seconds=10),
    "silent_processes": timedelta(seconds=15),
    "unconfirmed": timedelta(seconds=30),
    "trades_awaited": timedelta(seconds=30),
    "no_database": timedelta(seconds=15),
}
# A person must act: said again until somebody says they know.
AGAIN = timedelta(minutes=5)
# What comes and goes within this is one thing, not many.
QUIET_FOR_OVER = timedelta(seconds=20)
# A message that could not be sent is tried again after this.
RETRY = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Wrong:
    """One thing that is wrong now. ``key`` names its kind; the words may change while it lasts."""

    key: str
    words: str
    detail: str = ""
    is_urgent: bool = False


@dataclass(frozen=True, slots=True)
class Open:
    """An alert that stands, as its row has it."""

    key: str
    is_urgent: bool
    opened_at: datetime
    last_seen_at: datetime
    said_at: datetime | None
    tried_at: datetime | None
    is_acknowledged: bool


class Act(StrEnum):
    OPEN = "open"
    SAY = "say"
    END = "end"


def acts(wrong: Iterable[Wrong], standing: Iterable[Open], now: datetime) -> Iterator[tuple[Act, str]]:
    """Yield what to do about each key, in the order found: open a row, say it (again), or end it."""
    found = {each.key: each for each in wrong}
    rows = {each.key: each for each in standing}
    for key in found.keys() - rows.keys():
        yield Act.OPEN, key
        if not WAITS.get(key):
            yield Act.SAY, key
    for key, row in rows.items():
        if key not in found:
            if now - row.last_seen_at >= QUIET_FOR_OVER:
                yield Act.END, key
        elif is_due(row, found[key].is_urgent, now):
            yield Act.SAY, key


def is_due(row: Open, is_urgent: bool, now: datetime) -> bool:
    if row.tried_at is not None and now - row.tried_at < RETRY:
        return False
    if row.said_at is None:
        return now - row.opened_at >= WAITS.get(row.key, timedelta(0))
    return is_urgent and not row.is_acknowledged and now - row.said_at >= AGAIN
