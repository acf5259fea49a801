"""A server that does not answer, told apart from a fault of ours, and what happens meanwhile."""

from collections.abc import Iterator
from dataclasses import dataclass

import redis
from django.db import InterfaceError, OperationalError

# SQLSTATE classes that say the server is going, coming or full; without one there was no answer at all.
AWAY = ("08", "53", "57P")


@dataclass(frozen=True, slots=True)
class Outage:
    """``words`` name what does not answer; ``meanwhile`` are sentences about orders, exits and what is kept."""

    words: str
    meanwhile: tuple[str, ...]


POSTGRESQL_AWAY = Outage(
    "PostgreSQL does not answer",
    (
        "No order leaves: each is claimed in PostgreSQL before any broker hears of it.",
        "Orders already at an exchange stay there. What fills meanwhile is booked afterwards, once each.",
        "Stops and exits wait too. Ticks are kept, and worked off in order when it is back.",
    ),
)
POSTGRESQL_BUSY = Outage(
    "PostgreSQL is busy",
    (
        "Somebody else holds what was asked for, or the answer took too long.",
        "The statement was taken back whole, and trading goes on.",
    ),
)
VALKEY_AWAY = Outage(
    "Valkey does not answer",
    (
        "No tick is processed and no strategy is asked, so no order is decided on; stops wait too.",
        "Orders and books stand in PostgreSQL. Work left there is taken up within a second of its return.",
        "Candles across the gap are marked incomplete.",
    ),
)


def outage_behind(error: BaseException | None) -> Outage | None:
    """Return which server's absence an error tells of; None: it is another kind of fault."""
    for each in _chain(error):
        if isinstance(each, redis.ConnectionError | redis.TimeoutError):
            return VALKEY_AWAY
        if isinstance(each, OperationalError | InterfaceError):
            state = getattr(each.__cause__, "sqlstate", None)
            return POSTGRESQL_AWAY if state is None or state.startswith(AWAY) else POSTGRESQL_BUSY
    return None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__
