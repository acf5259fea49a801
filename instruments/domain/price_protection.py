"""How far from the last price an order at market may go: the broker's slab, and the exchange's own limit. Pure.

Dated facts, newest first; each is good from its day on.

- The *slab* is what Zerodha makes of ``market_protection`` −1, by segment and last price (kite.md 5.3b, read on
  25 Nov 2026 from its support page "market price protection").
- *Limit price protection* is the exchange's for futures and options: a buy limit above its range, or a sell limit
  below it, is rejected; the other side is free. Its reference is the average of half a minute's trades, for which
  the last price stands here (kite.md 5.3b; NSE circular FAOP/54242 of 28 Oct 2022). Shares have none: the day's
  band bounds them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from instruments.domain.prices import ceil_to_tick, floor_to_tick

EQUITY_OR_FUTURE, OPTION = "equity or future", "option"
UNBOUNDED = Decimal("Infinity")


@dataclass(frozen=True, slots=True)
class Slabs:
    """Percent of the last price, by last prices below each bound."""

    effective_from: date
    percent_below: dict[str, tuple[tuple[Decimal, Decimal], ...]]


@dataclass(frozen=True, slots=True)
class LimitRange:
    """The exchange's range about the reference: a percent, or rupees where the price is small."""

    effective_from: date
    option_percent: Decimal
    small_option_price: Decimal  # up to and with it, rupees count
    small_option_rupees: Decimal
    future_percent: Decimal


SLABS: tuple[Slabs, ...] = (
    Slabs(
        date(2026, 4, 1),
        {
            EQUITY_OR_FUTURE: ((Decimal(100), Decimal(2)), (Decimal(500), Decimal(1)), (UNBOUNDED, Decimal("0.5"))),
            OPTION: (
                (Decimal(10), Decimal(5)),
                (Decimal(100), Decimal(3)),
                (Decimal(500), Decimal(2)),
                (UNBOUNDED, Decimal(1)),
            ),
        },
    ),
)
LIMIT_RANGES: tuple[LimitRange, ...] = (
    LimitRange(date(2022, 10, 28), Decimal(40), Decimal(50), Decimal(20), Decimal(3)),
)


def slab_percent(segment: str, last: Decimal, day: date) -> Decimal:
    """Return the percent that automatic market protection allows on a day; the oldest known before all of them."""
    slabs = next((one for one in SLABS if one.effective_from <= day), SLABS[-1])
    bounds = slabs.percent_below[OPTION if segment.endswith("-OPT") else EQUITY_OR_FUTURE]
    return next(percent for below, percent in bounds if last < below)


def protected_price(last: Decimal, sign: int, percent: Decimal, tick_size: Decimal) -> Decimal:
    """Return the worst price an order of that sign (+1 buys) takes: ``percent`` from last, rounded away from it."""
    worst = last * (1 + sign * percent / 100)
    return ceil_to_tick(worst, tick_size) if sign > 0 else max(floor_to_tick(worst, tick_size), tick_size)


def limit_range(segment: str, reference: Decimal, day: date) -> tuple[Decimal, Decimal] | None:
    """Return the lowest sell limit and the highest buy limit the exchange takes; None where it sets no range."""
    rule = next((one for one in LIMIT_RANGES if one.effective_from <= day), LIMIT_RANGES[-1])
    if segment.endswith("-OPT"):
        is_small = reference <= rule.small_option_price
        span = rule.small_option_rupees if is_small else reference * rule.option_percent / 100
    elif segment.endswith("-FUT"):
        span = reference * rule.future_percent / 100
    else:
        return None
    return max(reference - span, Decimal(0)), reference + span


def outside_limit_range(price: Decimal, sign: int, allowed: tuple[Decimal, Decimal] | None) -> bool:
    """Whether the exchange would reject a limit: a buy above the range or a sell below it."""
    if allowed is None:
        return False
    low, high = allowed
    return price > high if sign > 0 else price < low
