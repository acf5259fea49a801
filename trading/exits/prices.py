"""What an exit asks, more each time it is not taken: exits.md 3.6. Pure.

A sell; a buy mirrors it:

0. last less the slab of automatic protection
1. the lower of the bid and twice the slab
2. and on: the bid less two ticks, down to five times the slab
   in the last minute before the deadline: as far as band and limit price protection allow

Rounded away from last; never outside the day's band or the exchange's own limit price protection.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from instruments.domain.price_protection import Protection, limit_range, protected_price, slab_percent
from instruments.domain.prices import ceil_to_tick, floor_to_tick

TICKS_BEYOND = 2
SLABS_AT_MOST = 5


@dataclass(frozen=True, slots=True)
class ExitQuote:
    """The market as an exit sees it. ``last`` None: not known, and nothing can be priced."""

    protection: Protection
    tick_size: Decimal
    last: Decimal | None = None
    bid: Decimal | None = None
    ask: Decimal | None = None
    at: datetime | None = None
    band_low: Decimal | None = None
    band_high: Decimal | None = None

    def taken(self, sign: int) -> Decimal | None:
        """The best price an order of that sign would take: the bid of a sell."""
        return self.ask if sign > 0 else self.bid

    def far_band(self, sign: int) -> Decimal | None:
        return self.band_high if sign > 0 else self.band_low

    def is_locked(self, sign: int) -> bool:
        """Whether the last price stands at the band and nobody takes: a sell at the lower one with no bid."""
        band = self.far_band(sign)
        return self.taken(sign) is None and band is not None and self.last == band


def price_at_step(quote: ExitQuote, sign: int, step: int, is_last_minute: bool) -> Decimal | None:
    """Return what to ask at a step, or None where no price is known."""
    if quote.last is None:
        return None
    if quote.is_locked(sign):
        return quote.far_band(sign)
    slab = slab_percent(quote.protection, quote.last)
    if is_last_minute:
        return within_bounds(quote, sign, _furthest(quote, sign, slab))
    taken = quote.taken(sign)
    if step == 0:
        price = protected_price(quote.last, sign, slab, quote.tick_size)
    elif step == 1 or taken is None:
        widened = protected_price(quote.last, sign, slab * (2 if step == 1 else SLABS_AT_MOST), quote.tick_size)
        price = widened if taken is None else _further(widened, taken, sign)
    else:
        beyond = taken + sign * TICKS_BEYOND * quote.tick_size
        price = _nearer(beyond, protected_price(quote.last, sign, slab * SLABS_AT_MOST, quote.tick_size), sign)
    return within_bounds(quote, sign, price)


def is_more_urgent_price(price: Decimal, working: Decimal, sign: int) -> bool:
    """Whether a price would be taken sooner than the one that works: lower for a sell."""
    return (price - working) * sign > 0


def within_bounds(quote: ExitQuote, sign: int, price: Decimal) -> Decimal:
    """Return the price, no further than band and limit price protection allow."""
    if quote.last is None:
        return price
    for bound in _bounds(quote, sign, quote.last):
        price = _nearer(price, bound, sign)
    return price


def _bounds(quote: ExitQuote, sign: int, last: Decimal) -> list[Decimal]:
    """The known bounds on that side, each on the last tick inside it: a percentage of a price is seldom on one."""
    allowed = limit_range(quote.protection, last)
    known = [quote.far_band(sign), allowed[1 if sign > 0 else 0] if allowed else None]
    inside = floor_to_tick if sign > 0 else ceil_to_tick
    return [inside(bound, quote.tick_size) for bound in known if bound]


def _furthest(quote: ExitQuote, sign: int, slab: Decimal) -> Decimal:
    """As far as anything allows; where neither band nor range is known, as far again as the steps go."""
    last = quote.last or Decimal(0)
    if known := _bounds(quote, sign, last):
        return min(known) if sign > 0 else max(known)
    return protected_price(last, sign, slab * SLABS_AT_MOST * 2, quote.tick_size)


def _further(one: Decimal, other: Decimal, sign: int) -> Decimal:
    return max(one, other) if sign > 0 else min(one, other)


def _nearer(one: Decimal, other: Decimal, sign: int) -> Decimal:
    return min(one, other) if sign > 0 else max(one, other)
