"""What a broker's books prove of an order that was never answered. Pure: R6 of reliability.md, exits.md 3.2.

An order asked for without an answer is looked for and never sent again. That it is not in the books proves nothing by
itself: books lag, for hours on a bad day. Only several whole readings, apart, each showing somebody's order placed
after ours was asked for, show books that would have ours too.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Protocol

READINGS, SPAN = 3, timedelta(seconds=120)
# When an unanswered order is looked for, counted from its asking; then each minute.
LOOK_AFTER = tuple(timedelta(seconds=seconds) for seconds in (1, 2, 4, 8, 15, 30))
LOOK_EACH = timedelta(minutes=1)


class Reading(Protocol):
    """A whole reading of the books: when it began, and the newest order in it by the broker's clock."""

    @property
    def began_at(self) -> datetime: ...
    @property
    def newest_placed_at(self) -> datetime | None: ...


def proves_absence(claimed_at: datetime, asked_market_time: datetime, readings: Iterable[Reading]) -> bool:
    """Whether readings, none of which shows the order, prove that it was never placed.

    ``claimed_at`` is wall time; ``asked_market_time`` market time, by which the broker's clock goes.
    """
    telling = sorted(
        reading.began_at
        for reading in readings
        if reading.began_at > claimed_at
        and reading.newest_placed_at is not None
        # The broker's times are whole seconds: one of the same second may have come before ours.
        and reading.newest_placed_at > asked_market_time
    )
    return len(telling) >= READINGS and telling[-1] - telling[0] >= SPAN


def next_look(claimed_at: datetime, last_look: datetime | None) -> datetime:
    """Return when an unanswered order is to be looked for next; wall times."""
    if last_look is None or last_look < claimed_at:
        return claimed_at + LOOK_AFTER[0]
    due = (claimed_at + after for after in LOOK_AFTER)
    return next((moment for moment in due if moment > last_look), last_look + LOOK_EACH)
