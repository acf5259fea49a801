"""How much to trust a price by its age: live, stale or dead; for a feed, and for an instrument on it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Liveness(StrEnum):
    LIVE = "live"
    STALE = "stale"  # nothing new for longer than usual: no new risk on it
    DEAD = "dead"  # nothing can be said about the present


@dataclass(frozen=True, slots=True)
class AgeLimits:
    """From which age on something is stale, and from which age on it is dead."""

    stale_after: timedelta
    dead_after: timedelta

    def judge(self, age: timedelta | None) -> Liveness:
        """Return what an age means; an unknown age is dead."""
        if age is None or age >= self.dead_after:
            return Liveness.DEAD
        return Liveness.STALE if age >= self.stale_after else Liveness.LIVE


# Kite sends at least a heartbeat every second or so (kite.md 3.1); a dead feed must be seen within 6 s.
LINK_LIMITS = AgeLimits(timedelta(seconds=3), timedelta(seconds=6))

# Liquid things tick every second; an option far from the money may rest for minutes and still be right.
INSTRUMENT_LIMITS = {
    "index": AgeLimits(timedelta(seconds=10), timedelta(minutes=5)),
    "equity_fno": AgeLimits(timedelta(seconds=15), timedelta(minutes=10)),
    "equity": AgeLimits(timedelta(seconds=60), timedelta(minutes=30)),
    "derivative": AgeLimits(timedelta(seconds=60), timedelta(minutes=30)),
}
DEFAULT_LIMITS = INSTRUMENT_LIMITS["equity"]

_ORDER = (Liveness.LIVE, Liveness.STALE, Liveness.DEAD)


def worse_of(one: Liveness, other: Liveness) -> Liveness:
    return max(one, other, key=_ORDER.index)


def feed_state(link_age: timedelta | None, *, connected: bool, limits: AgeLimits = LINK_LIMITS) -> Liveness:
    """Return a feed's state from the age of its last byte, heartbeats included."""
    return limits.judge(link_age) if connected else Liveness.DEAD


def instrument_state(feed: Liveness, age: timedelta | None, limits: AgeLimits = DEFAULT_LIMITS) -> Liveness:
    """Return an instrument's state: never better than its feed's.

    ``age`` is that of its last packet by the exchange's time; unknown where it carries none.
    """
    return worse_of(feed, limits.judge(age))
