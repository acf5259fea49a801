"""A position is a fold over its trades: first in, first out, exact, without a division."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from functools import reduce

ZERO = Decimal(0)
# As fine as any price on an exchange; the average of prices this fine cannot leave their range by rounding.
PRICE_STEP = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class Deal:
    """A trade as the books see it; ``ref`` names it."""

    signed_quantity: int
    price: Decimal
    ref: Hashable = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class OpenLot:
    """What is left of what one trade opened; never empty."""

    signed_quantity: int
    price: Decimal
    opened_by: Hashable = None

    @property
    def value(self) -> Decimal:
        return self.signed_quantity * self.price


@dataclass(frozen=True, slots=True)
class Closing:
    """A piece of a lot, closed. ``signed_quantity`` has the lot's sign; ``realised`` is before charges."""

    signed_quantity: int
    price: Decimal
    realised: Decimal
    opened_by: Hashable = None
    closed_by: Hashable = None


@dataclass(frozen=True, slots=True)
class Position:
    """Open lots, oldest first and all of one sign, and the closings of the trades folded in.

    ``opened_at`` is the time of the trade that last took it away from zero.
    """

    lots: tuple[OpenLot, ...] = ()
    realised: Decimal = ZERO
    closings: tuple[Closing, ...] = ()
    opened_at: datetime | None = None

    @property
    def quantity(self) -> int:
        return sum(lot.signed_quantity for lot in self.lots)

    @property
    def open_value(self) -> Decimal:
        """What the open lots cost (above zero) or brought in (below)."""
        return sum((lot.value for lot in self.lots), ZERO)

    @property
    def average_price(self) -> Decimal | None:
        """Of the open lots, to 4 places; None when flat. For people: nothing is computed from it."""
        if not self.lots:
            return None
        return (self.open_value / self.quantity).quantize(PRICE_STEP, ROUND_HALF_EVEN)

    def unrealised(self, mark: Decimal) -> Decimal:
        return self.quantity * mark - self.open_value


FLAT = Position()


def replay(deals: Iterable[Deal], start: Position = FLAT) -> Position:
    return reduce(book, deals, start)


def book(position: Position, deal: Deal) -> Position:
    """Close opposite lots, oldest first; open a new lot with what is left, across zero if need be."""
    position, left = close_against(position, deal)
    if left == 0:
        return position
    opened_at = position.opened_at if position.lots else deal.at
    return replace(position, lots=(*position.lots, OpenLot(left, deal.price, deal.ref)), opened_at=opened_at)


def close_against(position: Position, deal: Deal) -> tuple[Position, int]:
    """Return the position without the lots that ``deal`` closes, and how much of the deal is left."""
    lots = list(position.lots)
    closings: list[Closing] = []
    left = deal.signed_quantity
    while left and lots and opposite(lots[0].signed_quantity, left):
        closing = close(lots[0], left, deal)
        closings.append(closing)
        left += closing.signed_quantity
        lots[:1] = remainder(lots[0], closing)
    realised = position.realised + sum((closing.realised for closing in closings), ZERO)
    opened_at = position.opened_at if lots else None
    return Position(tuple(lots), realised, position.closings + tuple(closings), opened_at), left


def close(lot: OpenLot, left: int, deal: Deal) -> Closing:
    size = min(abs(lot.signed_quantity), abs(left))
    closed = size if lot.signed_quantity > 0 else -size
    # A short lot closed at its own price realises −0, which is stored and compared as 0.
    realised = closed * (deal.price - lot.price) + ZERO
    return Closing(closed, deal.price, realised, lot.opened_by, deal.ref)


def remainder(lot: OpenLot, closing: Closing) -> list[OpenLot]:
    left = lot.signed_quantity - closing.signed_quantity
    return [replace(lot, signed_quantity=left)] if left else []


def opposite(one: int, other: int) -> bool:
    return (one > 0) != (other > 0)
