"""What is asked of the market's calendar and lists, by day, and what was last seen of each instrument. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Protocol

import numpy as np

from alphapanda.core.timezone import day_of
from instruments.domain.price_protection import Protection
from instruments.domain.sessions import DaySchedule
from market.domain.staleness import AgeLimits, Liveness
from market.domain.ticks import levels_of, to_price
from portfolio.domain.pnl import UNPRICED, DayPrice
from trading.exits.prices import ExitQuote
from trading.paper.depth import DepthQuote
from trading.strategies.values import InstrumentSpec, Session


class MarketFacts(Protocol):
    """Dated facts of instruments, by token: what traded when, in which lots, within which band."""

    def spec_of(self, token: int) -> InstrumentSpec: ...
    def schedule(self, token: int, day: date) -> DaySchedule: ...
    def next_open(self, token: int, after: date) -> datetime | None:
        """When continuous trading begins on the next trading day; None where no calendar says."""

    def closed_since(self, token: int, now: datetime) -> datetime | None:
        """Since when its market has been closed; None while it is open or its hours are not known."""

    def band(self, token: int, day: date) -> tuple[Decimal, Decimal] | None: ...
    def freeze(self, token: int, day: date) -> int | None: ...
    def protection(self, token: int, day: date) -> Protection: ...
    def leave_by(self, token: int, day: date) -> date | None:
        """The last trading day to leave what would be delivered; None for what need not be left."""

    def final_price(self, token: int) -> Decimal | None:
        """By which a contract is settled when it expires; None while nobody has told."""

    def settled_at(self, token: int) -> datetime | None:
        """When a contract's last day is over; None for what does not expire."""

    def age_limits(self, token: int) -> AgeLimits: ...


def session_of(schedule: DaySchedule) -> Session | None:
    if schedule.opens_at is None or schedule.closes_at is None:
        return None
    return Session(schedule.opens_at, schedule.closes_at)


@dataclass(frozen=True, slots=True)
class Seen:
    """The last packet of an instrument as money, and the market time at which it came.

    ``at`` is the exchange's time; None where it carries none.
    """

    last: Decimal
    bids: tuple[tuple[Decimal, int], ...]
    asks: tuple[tuple[Decimal, int], ...]
    volume: int
    previous_close: Decimal | None
    at: datetime | None
    received_at: datetime

    @property
    def bid(self) -> Decimal | None:
        return self.bids[0][0] if self.bids else None

    @property
    def ask(self) -> Decimal | None:
        return self.asks[0][0] if self.asks else None


def seen_of(row: np.void, now: datetime) -> Seen:
    """A row of a batch as money."""
    token, stamp = int(row["token"]), int(row["exchange_timestamp"])
    close = to_price(row["close"], token)
    return Seen(
        last=to_price(row["last_price"], token),
        bids=levels_of(row, "bid", token),
        asks=levels_of(row, "ask", token),
        volume=int(row["volume"]),
        previous_close=close or None,
        at=datetime.fromtimestamp(stamp, UTC) if stamp else None,
        received_at=now,
    )


@dataclass
class Board:
    """What was last seen of every instrument, judged by its age as the quote board judges it."""

    facts: MarketFacts
    _rows: dict[int, tuple[np.void, datetime]] = field(default_factory=dict)
    _seen: dict[int, Seen] = field(default_factory=dict)

    def show(self, token: int, row: np.void, now: datetime) -> None:
        """Put up a row of a batch. Exact money is dear, and of most rows nobody asks."""
        self._rows[token] = row, now
        self._seen.pop(token, None)

    def show_seen(self, token: int, seen: Seen) -> None:
        self._rows.pop(token, None)
        self._seen[token] = seen

    def get(self, token: int) -> Seen | None:
        """Return what was last seen; None where nothing ever was."""
        one = self._seen.get(token)
        if one is None and token in self._rows:
            one = self._seen[token] = seen_of(*self._rows[token])
        return one

    def state(self, token: int, now: datetime) -> Liveness | None:
        """How live a price is; None where nothing was ever seen."""
        one = self.get(token)
        return None if one is None else self._state_of(token, one, now)

    def _state_of(self, token: int, one: Seen, now: datetime) -> Liveness:
        return self.facts.age_limits(token).judge(now - one.at if one.at else None)

    def prices(self, tokens: set[int], now: datetime) -> dict[int, DayPrice]:
        today = day_of(now)
        return {token: self._price(token, now, today) for token in tokens}

    def _price(self, token: int, now: datetime, today: date) -> DayPrice:
        one = self.get(token)
        if one is None:
            return UNPRICED
        last = one.last if self._stands(token, one, now) else None
        if one.at is None or day_of(one.at) != today:
            return DayPrice(last, previous_close=last)
        return DayPrice(last, previous_close=one.previous_close)

    def _stands(self, token: int, one: Seen, now: datetime) -> bool:
        if self._state_of(token, one, now) is not Liveness.DEAD:
            return True
        closed = self.facts.closed_since(token, now)
        return closed is not None and one.at is not None and one.at > closed - self.facts.age_limits(token).dead_after

    def exit_quote(self, token: int, now: datetime) -> ExitQuote:
        """The market as an exit sees it; a price that is dead is no price, and nothing is asked on it."""
        day, spec, one = day_of(now), self.facts.spec_of(token), self.get(token)
        low, high = self.facts.band(token, day) or (None, None)
        known = one if one is not None and self._state_of(token, one, now) is not Liveness.DEAD else None
        return ExitQuote(
            protection=self.facts.protection(token, day),
            tick_size=spec.tick_size,
            last=known.last if known else None,
            bid=known.bid if known else None,
            ask=known.ask if known else None,
            at=known.received_at if known else None,
            band_low=low,
            band_high=high,
        )

    def depth(self, token: int, at: datetime, now: datetime) -> DepthQuote | None:
        """The book as the paper exchange is shown it, as of ``at``; None where nothing was ever seen."""
        one = self.get(token)
        if one is None:
            return None
        low, high = self.facts.band(token, day_of(now)) or (None, None)
        return DepthQuote(one.bids, one.asks, one.last, at, one.volume, low, high)
