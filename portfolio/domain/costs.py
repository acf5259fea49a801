"""What booking a trade costs: its own charges, what it changes of others' of its day, the depository's. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import reduce
from operator import add
from typing import Any, Protocol

from instruments.domain.order_terms import side_of
from portfolio.domain.charges import ChargeKind, Charges, ChargeSegment, DatedRate, RateCard, dp_charge
from portfolio.domain.same_day import Change, Step, Turnover


class ExecutedTrade(Protocol):
    @property
    def exchange(self) -> str: ...
    @property
    def day(self) -> date: ...
    @property
    def signed_quantity(self) -> int: ...


class ChargeRates:
    """Rates at hand. Everything it answers raises UnknownCharge where no rate is known."""

    def __init__(self, rates: Iterable[DatedRate]) -> None:
        self.rates = list(rates)
        self._cards: dict[tuple[str, ChargeSegment, date], RateCard] = {}

    def card_of(self, exchange: str, segment: ChargeSegment, day: date) -> RateCard:
        if (exchange, segment, day) not in self._cards:
            self._cards[exchange, segment, day] = RateCard.of(self.rates, exchange, segment, day)
        return self._cards[exchange, segment, day]

    def cost_of(self, change: Change[Any]) -> Charges:
        """What it costs that an order has been executed for more, or under other rates, in paise.

        It is the difference of two rounded sums: an order's costs add up to the order's charge, however many they were.
        """
        return self._bill(change.trade, change.after) - self._bill(change.trade, change.before)

    def _bill(self, trade: ExecutedTrade, turnover: Turnover) -> Charges:
        side = side_of(trade.signed_quantity)
        # A rate that is not needed may be unknown.
        parts = (
            self.card_of(trade.exchange, segment, trade.day).order_charges(side, executed).to_paisa()
            for segment, executed in turnover.items()
            if executed
        )
        return reduce(add, parts, Charges())

    def dp_charge(self, trade: ExecutedTrade) -> Decimal:
        """What the depository takes when the trade's share leaves the account."""
        return dp_charge(self.rates, trade.exchange, trade.day)


@dataclass(frozen=True, slots=True)
class Cost:
    """One charge in rupees, of the portfolio of ``trade``; below zero it is given back.

    ``is_correction``: the trade was booked earlier, and is charged as intraday since another one squared it off.
    """

    trade: Any
    kind: ChargeKind
    amount: Decimal
    is_correction: bool = False


def costs_of(rates: ChargeRates, trade: Any, step: Step[Any]) -> tuple[Decimal, list[Cost]]:
    """Return the trade's own charges, and all that its booking costs. Raises UnknownCharge where a rate is unknown."""
    own, *squared_off = step.changes
    charges = rates.cost_of(own)
    costs = _each(trade, charges)
    for change in squared_off:
        costs += _each(change.trade, rates.cost_of(change), is_correction=True)
    if step.dp and (amount := rates.dp_charge(trade)):
        costs.append(Cost(trade, ChargeKind.DP, step.dp * amount))
    return charges.total, costs


def _each(trade: Any, charges: Charges, is_correction: bool = False) -> list[Cost]:
    """One for each charge that comes to a paisa or more."""
    return [Cost(trade, kind, amount, is_correction) for kind, amount in charges.amounts().items() if amount]
