"""A position is a fold over its trades and what splits and bonus issues made of it: first in, first out, exact."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from functools import reduce
from typing import NamedTuple

ZERO = Decimal(0)
# As fine as any price on an exchange; the average of prices this fine cannot leave their range by rounding.
PRICE_STEP = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class Trade:
    """A trade as the books see it; ``ref`` names it."""

    signed_quantity: int
    price: Decimal
    ref: Hashable = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Adjustment:
    """A split or a bonus issue: of every ``held`` shares there are ``becomes`` from then on; ``ref`` names it."""

    held: int
    becomes: int
    ref: Hashable = None


class AdjustedLot(NamedTuple):
    """Names a lot that an adjustment made of another one, or one of two that it made."""

    origin: Hashable
    adjustment: Hashable
    piece: int


@dataclass(frozen=True, slots=True)
class Lot:
    """What is left of what one trade opened; never empty."""

    signed_quantity: int
    price: Decimal
    opened_by: Hashable = None

    @property
    def value(self) -> Decimal:
        return self.signed_quantity * self.price


@dataclass(frozen=True, slots=True)
class Realisation:
    """A piece of a lot, closed. ``signed_quantity`` has the lot's sign; ``realised`` is before charges."""

    signed_quantity: int
    price: Decimal
    realised: Decimal
    opened_by: Hashable = None
    closed_by: Hashable = None


@dataclass(frozen=True, slots=True)
class Position:
    """Open lots, oldest first and all of one sign, and the realisations of the trades folded in.

    ``opened_at`` is the time of the trade that last took it away from zero.
    """

    lots: tuple[Lot, ...] = ()
    realised: Decimal = ZERO
    realisations: tuple[Realisation, ...] = ()
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


def fold_trades(trades: Iterable[Trade], start: Position = FLAT) -> Position:
    return reduce(fold_trade, trades, start)


def fold_event(position: Position, event: Trade | Adjustment) -> Position:
    return fold_trade(position, event) if isinstance(event, Trade) else adjust_position(position, event)


def adjust_position(position: Position, adjustment: Adjustment) -> Position:
    """Let every open lot become more shares at what it cost: nothing is realised, and not a hundredth of a paisa lost.

    Fractions of the whole position lapse: the company pays them out in cash.
    """
    lots: list[Lot] = []
    before = after = 0
    for lot in position.lots:
        before += abs(lot.signed_quantity)
        reached = adjusted_quantity(before, adjustment.held, adjustment.becomes)
        lots += adjusted_lots(lot, reached - after, adjustment.ref)
        after = reached
    return replace(position, lots=tuple(lots))


def adjusted_quantity(quantity: int, held: int, becomes: int) -> int:
    """Return what ``quantity`` shares (signed) become, fractions left out."""
    size = abs(quantity) * becomes // held
    return size if quantity > 0 else -size


def adjusted_lots(lot: Lot, size: int, adjustment: Hashable) -> list[Lot]:
    """Return a lot's cost over ``size`` shares: at one price, or at two neighbouring ones that add up to it exactly."""
    sign = 1 if lot.signed_quantity > 0 else -1
    steps, dearer = divmod(int(abs(lot.value) / PRICE_STEP), size)
    parts = [(size - dearer, steps * PRICE_STEP), (dearer, (steps + 1) * PRICE_STEP)]
    return [
        Lot(sign * quantity, price, AdjustedLot(lot.opened_by, adjustment, piece))
        for piece, (quantity, price) in enumerate(parts)
        if quantity
    ]


def fold_trade(position: Position, trade: Trade) -> Position:
    """Close opposite lots, oldest first; open a new lot with what is left, across zero if need be."""
    position, left = close_against(position, trade)
    if left == 0:
        return position
    opened_at = position.opened_at if position.lots else trade.at
    return replace(position, lots=(*position.lots, Lot(left, trade.price, trade.ref)), opened_at=opened_at)


def close_against(position: Position, trade: Trade) -> tuple[Position, int]:
    """Return the position without the lots that ``trade`` closes, and how much of the trade is left."""
    lots = list(position.lots)
    realisations: list[Realisation] = []
    left = trade.signed_quantity
    while left and lots and are_opposite(lots[0].signed_quantity, left):
        realisation = realise(lots[0], left, trade)
        realisations.append(realisation)
        left += realisation.signed_quantity
        lots[:1] = remaining_lots(lots[0], realisation)
    realised = position.realised + sum((realisation.realised for realisation in realisations), ZERO)
    opened_at = position.opened_at if lots else None
    return Position(tuple(lots), realised, position.realisations + tuple(realisations), opened_at), left


def realise(lot: Lot, left: int, trade: Trade) -> Realisation:
    size = min(abs(lot.signed_quantity), abs(left))
    closed = size if lot.signed_quantity > 0 else -size
    # A short lot closed at its own price realises −0, which is stored and compared as 0.
    realised = closed * (trade.price - lot.price) + ZERO
    return Realisation(closed, trade.price, realised, lot.opened_by, trade.ref)


def remaining_lots(lot: Lot, realisation: Realisation) -> list[Lot]:
    left = lot.signed_quantity - realisation.signed_quantity
    return [replace(lot, signed_quantity=left)] if left else []


def are_opposite(one: int, other: int) -> bool:
    return (one > 0) != (other > 0)
