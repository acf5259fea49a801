"""How many units to enter with: by lots, by capital or by the loss the stop allows; always whole lots."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from alphapanda.core.figures import plain, rupees
from trading.strategies.values import Reason


@dataclass(frozen=True, slots=True)
class Size:
    """A quantity in units, or 0 and the reason why not one lot."""

    quantity: int
    reason: Reason


@dataclass(frozen=True, slots=True)
class ByLots:
    lots: int

    def size(self, price: Decimal, stop: Decimal, lot_size: int) -> Size:
        return size_of_lots(self.lots, lot_size, {"lots": self.lots})


@dataclass(frozen=True, slots=True)
class ByCapital:
    """As many lots as ``capital`` rupees buy at the price."""

    capital: Decimal

    def size(self, price: Decimal, stop: Decimal, lot_size: int) -> Size:
        lots = lots_within(self.capital, price * lot_size)
        numbers = {"capital": str(self.capital), "price": str(price), "lot_size": lot_size}
        if not lots:
            words = f"one lot is {lot_size} × {plain(price)} = {rupees(price * lot_size)}"
            return size_refused(f"{words}, capital {rupees(self.capital)}: too little for one lot", numbers)
        return size_of_lots(lots, lot_size, numbers)


@dataclass(frozen=True, slots=True)
class ByRisk:
    """As many lots as lose no more than ``risk`` rupees from the price to the stop.

    A near stop asks for a huge quantity; ``capital`` bounds it.
    """

    risk: Decimal
    capital: Decimal | None = None

    def size(self, price: Decimal, stop: Decimal, lot_size: int) -> Size:
        per_unit = abs(price - stop)
        numbers: dict[str, Any] = {"risk": str(self.risk), "price": str(price), "stop": str(stop)}
        if per_unit == 0:
            return size_refused(f"the stop {plain(stop)} is the price: the risk cannot be sized", numbers)
        lots = lots_within(self.risk, per_unit * lot_size)
        if not lots:
            words = f"one lot risks {lot_size} × {plain(per_unit)} = {rupees(per_unit * lot_size)}"
            return size_refused(f"{words} to its stop, {rupees(self.risk)} allowed", numbers)
        return self.bounded(lots, price, stop, lot_size, numbers)

    def bounded(self, lots: int, price: Decimal, stop: Decimal, lot_size: int, numbers: dict[str, Any]) -> Size:
        if self.capital is None:
            return size_of_lots(lots, lot_size, numbers)
        bound = ByCapital(self.capital).size(price, stop, lot_size)
        return min(bound, size_of_lots(lots, lot_size, numbers), key=lambda size: size.quantity)


Sizing = ByLots | ByCapital | ByRisk


def cut_to_value(size: Size, dearest: Decimal, lot_size: int, largest: Decimal | None) -> Size:
    """Return the size, or the lots of it that cost at most ``largest`` rupees at the ``dearest`` price."""
    if largest is None or size.quantity * dearest <= largest:
        return size
    numbers = {"largest_order": str(largest), "price": str(dearest), "wished": size.quantity}
    lots = lots_within(largest, dearest * lot_size)
    if not lots:
        words = f"one lot may cost {rupees(dearest * lot_size)}, an order at most {rupees(largest)}"
        return size_refused(words, numbers)
    return size_of_lots(lots, lot_size, numbers)


def lots_within(amount: Decimal, per_lot: Decimal) -> int:
    return int(amount // per_lot) if per_lot > 0 else 0


def size_of_lots(lots: int, lot_size: int, numbers: Mapping[str, Any]) -> Size:
    quantity = lots * lot_size
    words = f"{lots} lot{'s' if lots > 1 else ''}, {quantity}"
    return Size(quantity, Reason(words, dict(numbers) | {"quantity": quantity}, "sized"))


def size_refused(words: str, numbers: Mapping[str, Any]) -> Size:
    return Size(0, Reason(words, numbers, "too_small"))
