"""How many orders a broker takes per calendar second, minute and day, and what is kept for getting out.

Zerodha, since 1 Apr 2026: 10 a second, 400 a minute and 5,000 a day for an account, counted on the
broker's calendar (kite.md 2.1). More is answered with 429. Changes and cancellations count to the second and the
minute, not to the day.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from alphapanda.core.timezone import IST


class Span(StrEnum):
    SECOND = "second"
    MINUTE = "minute"
    DAY = "day"


@dataclass(frozen=True, slots=True)
class RateLimit:
    span: Span
    most: int
    reserve: int  # of these, kept for exits


@dataclass(frozen=True, slots=True)
class RateBudget:
    limits: tuple[RateLimit, ...]

    def room(self, span: str, *, is_exit: bool) -> int:
        """Return how many orders a window takes; exits may use the reserve."""
        limit = next(limit for limit in self.limits if limit.span == span)
        return limit.most if is_exit else limit.most - limit.reserve


KITE_BUDGET = RateBudget(
    (RateLimit(Span.SECOND, 10, 2), RateLimit(Span.MINUTE, 400, 40), RateLimit(Span.DAY, 5000, 500))
)


# What exits may use of it, counted in market time so that a replay decides the same (exits.md 3.8): requests of any
# kind a second and a minute, and new orders a day.
EXIT_REQUESTS_SECOND, EXIT_REQUESTS_MINUTE, EXIT_PLACES_DAY = 4, 150, 1000


def window_start(span: Span, now: datetime) -> datetime:
    """Return when the broker's calendar second, minute or day began."""
    at = now.astimezone(IST).replace(microsecond=0)
    if span is Span.MINUTE:
        return at.replace(second=0)
    return at.replace(hour=0, minute=0, second=0) if span is Span.DAY else at
