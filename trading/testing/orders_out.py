"""What a run under test has asked for and nobody has answered: it fills or ends when the test says so. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from trading.run.decisions import Decision


class OrdersOut:
    """Decisions to enter and to leave, by number, with the units that have not filled yet."""

    def __init__(self) -> None:
        self._left: dict[int, tuple[Decision, int]] = {}

    @property
    def decisions(self) -> list[Decision]:
        return [decision for decision, _ in self._left.values()]

    def add(self, made: Iterable[Decision]) -> None:
        self._left |= {one.number: (one, one.quantity) for one in made if one.kind in ("enter", "exit")}

    def drop(self, number: int) -> Decision | None:
        return self._left.pop(number, (None, 0))[0]

    def fill(self, decision: Decision, quantity: int | None = None) -> int:
        """Count so many units as filled, or all that are left; return how many. Raises ValueError for more."""
        asked, left = self._left.get(decision.number, (decision, 0))
        left = left if asked == decision else 0  # a wait has a number too
        units = left if quantity is None else quantity
        if not 0 < units <= left:
            raise ValueError(f"{units} cannot fill of decision {decision.number}: {left} of it are out")
        self._left[decision.number] = decision, left - units
        if units == left:
            del self._left[decision.number]
        return units

    def reached(self, key: str, price: Decimal) -> list[Decision]:
        """Return those that would fill at this price."""
        return [one for one in self.decisions if one.instrument == key and _reaches(one, price)]


def _reaches(asked: Decision, price: Decimal) -> bool:
    if asked.price is None:
        return True
    return price <= asked.price if asked.side == "BUY" else price >= asked.price
