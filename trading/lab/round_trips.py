"""Trades as a trader counts them: from flat to flat in one instrument, with why each began and ended. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from portfolio.domain.positions import PRICE_STEP
from trading.lab.holdings import HoldingKey
from trading.lab.values import MemoryFill

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class RoundTrip:
    """``quantity`` is the most that was held, signed; prices are averages; ``exit`` fields are None while it is open.

    ``charges`` None: for some fill of it no rate is known.
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

    @property
    def net(self) -> Decimal | None:
        return None if self.gross is None or self.charges is None else self.gross - self.charges


@dataclass(frozen=True, slots=True)
class _Part:
    """What of a fill belongs to one trade."""

    signed_quantity: int
    fill: MemoryFill
    charges: Decimal | None


@dataclass
class RoundTrips:
    """Made of fills as they come; of those that are over no fill is kept.

    A fill that turns a position round ends one and begins another; its charges are the ended one's.
    """

    over: list[RoundTrip] = field(default_factory=list)
    _open: dict[HoldingKey, list[_Part]] = field(default_factory=dict)

    def add_fill(self, fill: MemoryFill) -> None:
        key = fill.trade.portfolio_id, fill.trade.instrument_id, fill.trade.product
        parts = self._open.setdefault(key, [])
        before = sum(part.signed_quantity for part in parts)
        after = before + fill.signed_quantity
        if before * after >= 0 and after:
            parts.append(_Part(fill.signed_quantity, fill, fill.trade.charges))
            return
        parts.append(_Part(-before, fill, fill.trade.charges))
        self.over.append(_trip(parts))
        parts[:] = [_Part(after, fill, ZERO)] if after else []

    def in_order(self) -> list[RoundTrip]:
        """Return them by the time they began, those that are not over too."""
        found = [*self.over, *(_trip(parts) for parts in self._open.values() if parts)]
        return sorted(found, key=lambda trip: (trip.entered_at, trip.run, trip.instrument))


def round_trips(fills: Iterable[MemoryFill]) -> list[RoundTrip]:
    trips = RoundTrips()
    for fill in fills:
        trips.add_fill(fill)
    return trips.in_order()


def _trip(parts: list[_Part]) -> RoundTrip:
    first, sign = parts[0].fill, 1 if parts[0].signed_quantity > 0 else -1
    into = [part for part in parts if part.signed_quantity * sign > 0]
    out = [part for part in parts if part.signed_quantity * sign < 0]
    is_over, entry, left_at = _units(into) == _units(out), _average(into), _average(out) if out else None
    known = [part.charges for part in parts]
    return RoundTrip(
        run=first.trade.portfolio_id,
        instrument=first.trade.instrument.key,
        side="BUY" if sign > 0 else "SELL",
        quantity=sign * _units(into),
        entered_at=first.at,
        entry_price=entry,
        entry_reason=first.order.signal.reason,
        exited_at=out[-1].fill.at if is_over else None,
        exit_price=left_at,
        exit_reason=out[-1].fill.order.signal.reason if is_over else "",
        gross=-sum((part.signed_quantity * part.fill.price for part in parts), ZERO) if is_over else None,
        charges=None if None in known else sum((charge for charge in known if charge is not None), ZERO),
    )


def _units(parts: Iterable[_Part]) -> int:
    return sum(abs(part.signed_quantity) for part in parts)


def _average(parts: list[_Part]) -> Decimal:
    value = sum((abs(part.signed_quantity) * part.fill.price for part in parts), ZERO)
    return (value / _units(parts)).quantize(PRICE_STEP)


def held_spans(trips: Iterable[RoundTrip], until: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Yield when something was held."""
    for trip in trips:
        yield trip.entered_at, trip.exited_at or until
