"""Trades as a trader counts them: from flat to flat in one instrument, with why each began and ended. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

from alphapanda.core.figures import plain as money
from portfolio.domain.positions import PRICE_STEP
from trading.lab.values import MemoryTrade

ZERO = Decimal(0)


class BookedFill(Protocol):
    """A fill with its trade and its order, from the tables or from a backtest's memory."""

    @property
    def trade(self) -> Any: ...
    @property
    def order(self) -> Any: ...


@dataclass(frozen=True, slots=True)
class RoundTrip:
    """``quantity`` is the most that was held, signed; prices are averages; ``exit`` fields are None while it is open.

    ``charges`` None: for some fill of it no rate is known. ``opened_by`` and ``closed_by``: its first and last order,
    where they are asked for.
    """

    run: str
    instrument: str
    side: str
    quantity: int
    entered_at: datetime
    entry_price: Decimal
    entry_reason: str
    exited_at: datetime | None
    exit_price: Decimal | None
    exit_reason: str
    gross: Decimal | None
    charges: Decimal | None
    opened_by: Any = field(default=None, compare=False, repr=False)
    closed_by: Any = field(default=None, compare=False, repr=False)

    @property
    def net(self) -> Decimal | None:
        return None if self.gross is None or self.charges is None else self.gross - self.charges


@dataclass(frozen=True, slots=True)
class _Part:
    """What of an execution belongs to one trade, and why it was asked."""

    signed_quantity: int
    price: Decimal
    at: datetime
    reason: str
    order: Any
    charges: Decimal | None


@dataclass
class RoundTrips:
    """Made of fills as they come; of those that are over no fill is kept, and no order unless asked for.

    A fill that turns a position round ends one and begins another; its charges are the ended one's.
    """

    keeps_orders: bool = False
    over: list[RoundTrip] = field(default_factory=list)
    _open: dict[tuple[Any, str, str], list[_Part]] = field(default_factory=dict)  # by run, instrument and product

    def add_fill(self, fill: BookedFill) -> None:
        self._add(fill.trade, fill.order.signal.reason, fill.order if self.keeps_orders else None)

    def add_expiry(self, trade: MemoryTrade) -> None:
        self._add(trade, f"expired, settled at {money(trade.price)}", None)

    def _add(self, trade: Any, reason: str, order: Any) -> None:
        key = trade.portfolio_id, trade.instrument.key, trade.product
        parts = self._open.setdefault(key, [])
        before = sum(part.signed_quantity for part in parts)
        after = before + trade.signed_quantity
        executed = trade.price, trade.traded_at, reason, order
        if before * after >= 0 and after:
            parts.append(_Part(trade.signed_quantity, *executed, trade.charges))
            return
        parts.append(_Part(-before, *executed, trade.charges))
        self.over.append(_trip(key, parts))
        parts[:] = [_Part(after, *executed, ZERO)] if after else []

    def in_order(self) -> list[RoundTrip]:
        """Return them by the time they began, those that are not over too."""
        found = [*self.over, *(_trip(key, parts) for key, parts in self._open.items() if parts)]
        return sorted(found, key=lambda trip: (trip.entered_at, trip.run, trip.instrument))


def round_trips(fills: Iterable[BookedFill], *, keeps_orders: bool = False) -> list[RoundTrip]:
    trips = RoundTrips(keeps_orders)
    for fill in fills:
        trips.add_fill(fill)
    return trips.in_order()


def _trip(key: tuple[Any, str, str], parts: list[_Part]) -> RoundTrip:
    (run, instrument, _), first, sign = key, parts[0], 1 if parts[0].signed_quantity > 0 else -1
    into = [part for part in parts if part.signed_quantity * sign > 0]
    out = [part for part in parts if part.signed_quantity * sign < 0]
    is_over, entry, left_at = _units(into) == _units(out), _average(into), _average(out) if out else None
    known = [part.charges for part in parts]
    return RoundTrip(
        run=run,
        instrument=instrument,
        side="BUY" if sign > 0 else "SELL",
        quantity=sign * _units(into),
        entered_at=first.at,
        entry_price=entry,
        entry_reason=first.reason,
        exited_at=out[-1].at if is_over else None,
        exit_price=left_at,
        exit_reason=out[-1].reason if is_over else "",
        gross=-sum((part.signed_quantity * part.price for part in parts), ZERO) if is_over else None,
        charges=None if None in known else sum((charge for charge in known if charge is not None), ZERO),
        opened_by=first.order,
        closed_by=out[-1].order if is_over else None,
    )


def _units(parts: Iterable[_Part]) -> int:
    return sum(abs(part.signed_quantity) for part in parts)


def _average(parts: list[_Part]) -> Decimal:
    value = sum((abs(part.signed_quantity) * part.price for part in parts), ZERO)
    return (value / _units(parts)).quantize(PRICE_STEP)


def held_spans(trips: Iterable[RoundTrip], until: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Yield when something was held."""
    for trip in trips:
        yield trip.entered_at, trip.exited_at or until
