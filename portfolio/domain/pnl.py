"""Profit, told only as far as it is known: a part unknown makes the total unknown."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class DayPrice:
    """What one unit of an instrument is worth now, and was at the previous close. None is unknown."""

    last: Decimal | None = None
    previous_close: Decimal | None = None


UNPRICED = DayPrice()


def unrealised_profit(quantity: int, open_value: Decimal, mark: Decimal | None) -> Decimal | None:
    """What closing at ``mark`` would realise; nothing held is exactly zero, a price unknown is None."""
    if quantity == 0:
        return ZERO
    return None if mark is None else quantity * mark - open_value


def opening_profit(carried: Iterable[tuple[int, Decimal, Decimal | None]]) -> Decimal | None:
    """The unrealised profit a day began with: what had been carried into it, at the previous close.

    ``carried``: signed quantity, open value and previous close of each position. So a day's profit is what its own
    prices made, whatever was paid and whenever it was last looked at.
    """
    return known_total(unrealised_profit(*position) for position in carried)


def known_total(parts: Iterable[Decimal | None]) -> Decimal | None:
    """The sum, or None if any part is unknown."""
    total = ZERO
    for part in parts:
        if part is None:
            return None
        total += part
    return total


def least_known(figures: Iterable[Decimal | None]) -> Decimal | None:
    """The lowest of what is known; None if nothing is."""
    return min((figure for figure in figures if figure is not None), default=None)


@dataclass(frozen=True, slots=True)
class DayResult:
    """A day's profit in rupees. ``open`` is the change of unrealised profit since the previous close.

    ``worst`` is the lowest net of the day at the end of a minute. None is unknown.
    """

    realised: Decimal
    open: Decimal | None
    charges: Decimal | None
    worst: Decimal | None = None

    @property
    def net(self) -> Decimal | None:
        return net_of(self.realised, self.open, self.charges)

    def __add__(self, other: DayResult) -> DayResult:
        """Two portfolios' results taken together; their worst moments differ, so that is not told."""
        return DayResult(
            self.realised + other.realised,
            known_total((self.open, other.open)),
            known_total((self.charges, other.charges)),
        )


def net_of(realised: Decimal, open_change: Decimal | None, charges: Decimal | None) -> Decimal | None:
    return None if open_change is None or charges is None else realised + open_change - charges


def change_between(now: Decimal | None, before: Decimal | None) -> Decimal | None:
    return None if now is None or before is None else now - before
