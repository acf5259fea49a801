"""A day's result from what its books say: realised, open and charges, as far as they are known. Pure."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import reduce
from operator import add
from typing import Any, Protocol

from portfolio.domain.pnl import (
    UNPRICED,
    DayPrice,
    DayResult,
    change_between,
    known_total,
    opening_profit,
    unrealised_profit,
)

Prices = Mapping[Any, DayPrice]
ZERO = Decimal(0)
NOTHING = DayResult(ZERO, ZERO, ZERO)


class OpenPosition(Protocol):
    """A position that is held. ``open_value`` is what its lots cost (below zero when short)."""

    @property
    def instrument_id(self) -> Hashable: ...
    @property
    def quantity(self) -> int: ...
    @property
    def open_value(self) -> Decimal: ...


@dataclass(frozen=True, slots=True)
class Carried:
    """What was open of a position when the day began, and what it had cost (below zero when short)."""

    instrument: Hashable
    quantity: int
    open_value: Decimal


@dataclass(frozen=True)
class DayFigures:
    """What the books say about some portfolios on a day, by portfolio.

    Results are told at ``prices``, by instrument; one that is missing is unknown.
    """

    realised: Mapping[Any, Decimal]
    charges: Mapping[Any, Decimal]
    uncharged: frozenset[Hashable]
    carried: Mapping[Any, Sequence[Carried]]
    open_positions: Mapping[Any, Sequence[OpenPosition]] = field(default_factory=dict)

    def result_of(self, portfolio: Hashable, prices: Prices) -> DayResult:
        return DayResult(
            realised=self.realised.get(portfolio, ZERO),
            open=change_between(self.unrealised(portfolio, prices), self.opened_with(portfolio, prices)),
            charges=None if portfolio in self.uncharged else self.charges.get(portfolio, ZERO),
        )

    def sum_results(self, portfolios: Iterable[Hashable], prices: Prices) -> DayResult:
        return reduce(add, (self.result_of(portfolio, prices) for portfolio in portfolios), NOTHING)

    def unrealised(self, portfolio: Hashable, prices: Prices) -> Decimal | None:
        return known_total(
            unrealised_profit(position.quantity, position.open_value, prices.get(position.instrument_id, UNPRICED).last)
            for position in self.open_positions.get(portfolio, ())
        )

    def opened_with(self, portfolio: Hashable, prices: Prices) -> Decimal | None:
        """The unrealised profit the day began with: zero if nothing was carried into it."""
        return opening_profit(
            (carried.quantity, carried.open_value, prices.get(carried.instrument, UNPRICED).previous_close)
            for carried in self.carried.get(portfolio, ())
        )
