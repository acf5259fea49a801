"""How many order messages a broker takes per calendar second, minute and day, and what is kept for getting out.

Zerodha, since 1 Apr 2026: 10 a second, 400 a minute and 5,000 a day for an account, counted on the
broker's calendar; cancellations do not count to the day (kite.md 2.1). More is answered with 429.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from instruments.domain.sessions import IST


class Span(StrEnum):
    SECOND = "second"
    MINUTE = "minute"
    DAY = "day"


class Kind(StrEnum):
    ENTRY = "entry"
    EXIT = "exit"  # also a change to a protective order
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True)
class RateLimit:
    span: Span
    most: int
    reserve: int  # of these, kept for exits and cancellations

    def allowed(self, kind: Kind) -> int:
        return self.most - self.reserve if kind is Kind.ENTRY else self.most


@dataclass(frozen=True, slots=True)
class RateRefusal:
    """No budget left: try again at the next window, nothing was sent."""

    span: Span
    used: int
    allowed: int

    @property
    def words(self) -> str:
        return f"{self.used} of {self.allowed} orders sent this {self.span}"


@dataclass(frozen=True, slots=True)
class RateBudget:
    limits: tuple[RateLimit, ...]

    def room(self, span: str, *, is_exit: bool) -> int:
        """Return how many messages a window takes; exits and cancellations may use the reserve."""
        kind = Kind.EXIT if is_exit else Kind.ENTRY
        return next(limit.allowed(kind) for limit in self.limits if limit.span == span)


KITE_BUDGET = RateBudget(
    (RateLimit(Span.SECOND, 10, 2), RateLimit(Span.MINUTE, 400, 40), RateLimit(Span.DAY, 5000, 500))
)

_LENGTHS = {Span.SECOND: timedelta(seconds=1), Span.MINUTE: timedelta(minutes=1), Span.DAY: timedelta(days=1)}


def counted_spans(kind: Kind) -> tuple[Span, ...]:
    """Return the windows a message of this kind counts in."""
    return (Span.SECOND, Span.MINUTE) if kind is Kind.CANCEL else tuple(Span)


def window_start(span: Span, now: datetime) -> datetime:
    """Return when the broker's calendar second, minute or day began."""
    at = now.astimezone(IST).replace(microsecond=0)
    if span is Span.MINUTE:
        return at.replace(second=0)
    return at.replace(hour=0, minute=0, second=0) if span is Span.DAY else at


def next_window(span: Span, now: datetime) -> datetime:
    return window_start(span, now) + _LENGTHS[span]


def may_spend(counts: Mapping[Span, int], kind: Kind, budget: RateBudget = KITE_BUDGET) -> RateRefusal | None:
    """Refuse one more message if any window is full; ``counts`` are those sent in each window so far."""
    for span in counted_spans(kind):
        used, allowed = counts.get(span, 0), budget.room(span, is_exit=kind is not Kind.ENTRY)
        if used >= allowed:
            return RateRefusal(span, used, allowed)
    return None
