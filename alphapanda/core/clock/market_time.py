"""market_now(): the one clock decisions are made by."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.conf import settings

REFRESH_SECONDS = 0.2
# Nobody confirmed the time for so long: it stands still rather than run into a future nobody has seen.
LONGEST_GUESS_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Anchor:
    """A moment known in both times, and how fast the market's runs from it."""

    market_time: datetime
    wall_time: datetime
    rate: float

    def at(self, wall: datetime) -> datetime:
        elapsed = (wall - self.wall_time).total_seconds()
        return self.market_time + timedelta(seconds=min(max(elapsed, 0.0), LONGEST_GUESS_SECONDS) * self.rate)


_anchor: Anchor | None = None
_read_at = float("-inf")


def wall_now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 (the one place that may)


def market_now() -> datetime:
    """Market time, aware, in UTC. In practice it is what the practice exchange said, run on at its rate."""
    if settings.KIND == "live":
        return wall_now()
    anchor = current_anchor()
    return anchor.at(wall_now()) if anchor else wall_now()


def current_anchor() -> Anchor | None:
    """The anchor noted last; a clock that stands is moved by hand, as in a replay, and asked every time."""
    global _anchor, _read_at
    now = time.monotonic()
    if _anchor is None or _anchor.rate == 0 or now - _read_at >= REFRESH_SECONDS:
        _anchor, _read_at = read_anchor(), now
    return _anchor


def clock_stands() -> bool:
    """Whether market time moves by hand only: a replay, in which nothing may happen by the wall's clock."""
    anchor = current_anchor()
    return settings.KIND != "live" and anchor is not None and anchor.rate == 0


def read_anchor() -> Anchor | None:
    from alphapanda.core.clock.models import MarketClock

    row = MarketClock.objects.values_list("market_time", "wall_time", "rate").first()
    return Anchor(*row) if row else None


def forget_anchor() -> None:
    """Make the next reading ask the database: for whoever has just set the clock."""
    global _read_at
    _read_at = float("-inf")
