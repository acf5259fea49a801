"""How far from the last price an order at market may go: the broker's slab, and the exchange's own limit. Pure.

- The *slab* is what Zerodha makes of ``market_protection`` −1, by contract and last price (kite.md 5.3b).
- *Limit price protection* is the exchange's for futures and options: a buy limit above its range, or a sell limit
  below it, is rejected; the other side is free. Its reference is the average of half a minute's trades, for which
  the last price stands here (kite.md 5.3b). Shares have none: the day's band bounds them.

Both are dated rows, given to what is here by its callers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from instruments.domain.prices import ceil_to_tick, floor_to_tick


class ProtectionKind(StrEnum):
    SLAB = "slab"
    LIMIT_RANGE = "limit_range"


class ContractKind(StrEnum):
    SHARE = "share"
    FUTURE = "future"
    OPTION = "option"


class UnknownProtection(ValueError):
    """No row says how far an order at market goes. It is not without bound."""


@dataclass(frozen=True, slots=True)
class Step:
    """What holds for prices below a bound (None: above all others): percent of the price, or rupees."""

    below: Decimal | None
    percent: Decimal | None
    rupees: Decimal | None


class DatedStep(Protocol):
    """A row: the steps of one kind, contract and day belong together, and are good from that day on."""

    @property
    def below(self) -> Decimal | None: ...
    @property
    def percent(self) -> Decimal | None: ...
    @property
    def rupees(self) -> Decimal | None: ...
    @property
    def kind(self) -> str: ...
    @property
    def contract(self) -> str: ...
    @property
    def effective_from(self) -> date: ...


@dataclass(frozen=True, slots=True)
class Protection:
    """What holds for one contract on one day, each by rising bounds; no range where the exchange sets none."""

    slab: tuple[Step, ...] = ()
    range: tuple[Step, ...] = ()


# Nothing is known: an order at market cannot be priced by it.
UNTOLD = Protection()


def contract_of(segment: str) -> ContractKind:
    """``segment`` is Kite's: NSE, NFO-FUT, BFO-OPT …"""
    return {"FUT": ContractKind.FUTURE, "OPT": ContractKind.OPTION}.get(segment[-3:], ContractKind.SHARE)


def protection_in_force(rows: Iterable[DatedStep], segment: str, day: date) -> Protection:
    """Return what is newest on ``day``; of a day before all of them, the oldest known."""
    own = [row for row in rows if row.contract == contract_of(segment)]
    return Protection(*(_in_force([row for row in own if row.kind == kind], day) for kind in ProtectionKind))


def _in_force(rows: list[DatedStep], day: date) -> tuple[Step, ...]:
    days = sorted({row.effective_from for row in rows})
    if not days:
        return ()
    newest = max((one for one in days if one <= day), default=days[0])
    steps = (Step(row.below, row.percent, row.rupees) for row in rows if row.effective_from == newest)
    return tuple(sorted(steps, key=_bound))


def _bound(step: Step) -> Decimal:
    return Decimal("Infinity") if step.below is None else step.below


def _step_at(steps: tuple[Step, ...], price: Decimal) -> Step | None:
    return next((step for step in steps if price < _bound(step)), None)


def slab_percent(protection: Protection, last: Decimal) -> Decimal:
    """Return the percent that automatic market protection allows. Raises UnknownProtection."""
    step = _step_at(protection.slab, last)
    if step is None or step.percent is None:
        raise UnknownProtection(f"no automatic market protection is known for a price of {last}")
    return step.percent


def protected_price(last: Decimal, sign: int, percent: Decimal, tick_size: Decimal) -> Decimal:
    """Return the worst price an order of that sign (+1 buys) takes: ``percent`` from last, rounded away from it."""
    worst = last * (1 + sign * percent / 100)
    return ceil_to_tick(worst, tick_size) if sign > 0 else max(floor_to_tick(worst, tick_size), tick_size)


def limit_range(protection: Protection, reference: Decimal) -> tuple[Decimal, Decimal] | None:
    """Return the lowest sell limit and the highest buy limit the exchange takes; None where it sets no range."""
    step = _step_at(protection.range, reference)
    if step is None:
        return None
    span = step.rupees if step.rupees is not None else reference * (step.percent or Decimal(0)) / 100
    return max(reference - span, Decimal(0)), reference + span


def outside_limit_range(price: Decimal, sign: int, allowed: tuple[Decimal, Decimal] | None) -> bool:
    """Whether the exchange would reject a limit: a buy above the range or a sell below it."""
    if allowed is None:
        return False
    low, high = allowed
    return price > high if sign > 0 else price < low
