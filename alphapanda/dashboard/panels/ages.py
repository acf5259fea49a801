"""How old a datum is allowed to be: the browser counts on from what stands here."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NotRequired, Protocol, TypedDict

from alphapanda.core.figures import clock_minute, clock_time, iso
from instruments.models import Instrument
from market.board import limits_of
from market.domain.staleness import AgeLimits
from market.quotes import Quote

# A panel is read again whenever something changes, and at least every few seconds.
PANEL_LIMITS = AgeLimits(timedelta(seconds=15), timedelta(seconds=60))


class Age(TypedDict):
    """Since when a datum stands, by which clock, and when it goes stale and dead (seconds)."""

    at: str | None
    clock: str
    what: str
    state: str
    stale: NotRequired[float]
    dead: NotRequired[float]
    words: NotRequired[str]


def age_of(at: datetime | None, now: datetime, limits: AgeLimits, *, clock: str = "market", what: str = "") -> Age:
    """Return an age: since when, by which clock, and when it goes stale and dead (seconds)."""
    return {
        "at": iso(at),
        "clock": clock,
        "stale": limits.stale_after.total_seconds(),
        "dead": limits.dead_after.total_seconds(),
        "what": what,
        "state": "unknown" if at is None else str(limits.judge(now - at)),
    }


def fixed_age(state: str, words: str, at: datetime | None = None) -> Age:
    """Return an age that does not count: closed, failed, unknown."""
    return {"at": iso(at), "clock": "wall", "state": state, "words": words, "what": ""}


class Clocks(Protocol):
    """Market time and this machine's, read together."""

    now: datetime
    wall: datetime


def read_now(clocks: Clocks) -> Age:
    """Return the age of rows just read from the database; without scripts it is the market's time of day."""
    age = age_of(clocks.wall, clocks.wall, PANEL_LIMITS, clock="wall", what="last read")
    return age | {"words": f"at {clock_time(clocks.now)}"}


def quote_age(quote: Quote | None, now: datetime, instrument: Instrument, *, is_open: bool = True) -> Age:
    """Return how old a price is by the exchange's time; one without a time is of unknown age."""
    if quote is None:
        return fixed_age("unknown", "no price")
    if quote.exchange_time is None:
        return fixed_age("unknown", "of unknown age")
    if not is_open:
        return fixed_age("closed", f"at {clock_minute(quote.exchange_time)}", quote.exchange_time)
    age = age_of(quote.exchange_time, now, limits_of(instrument), what="price")
    return age | {"state": str(quote.state)} if quote.state == "dead" else age


def oldest_age(ages: Iterable[Age], default: Age) -> Age:
    """Return the age of the oldest datum, and say so; one unknown makes the whole unknown."""
    found = list(ages)
    if not found:
        return default
    unknown = next((age for age in found if age["at"] is None), None)
    if unknown:
        return unknown
    return min(found, key=lambda age: str(age["at"])) | {"what": "oldest price"}
