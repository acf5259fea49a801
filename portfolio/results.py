"""How a day went: realised, open and charges, as far as they are known."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import reduce
from operator import add
from uuid import UUID

from django.db.models import Sum

from portfolio.domain.pnl import (
    UNPRICED,
    DayPrice,
    DayResult,
    change_between,
    known_total,
    opening_profit,
    unrealised_profit,
)
from portfolio.models import LedgerEntry, Lot, Position, Realisation, Trade

Prices = Mapping[UUID, DayPrice]
ZERO = Decimal(0)
NOTHING = DayResult(ZERO, ZERO, ZERO)


@dataclass(frozen=True, slots=True)
class Carried:
    """What was open of a position when the day began, and what it had cost (below zero when short)."""

    instrument: UUID
    quantity: int
    open_value: Decimal


@dataclass(frozen=True)
class DayFigures:
    """What the books say about some portfolios on a day; a handful of queries however many they are.

    Results are told at ``prices``, by instrument id; one that is missing is unknown. What is held is read as it stands
    now: days gone by are told by their last snapshots.
    """

    realised: Mapping[UUID, Decimal]
    charges: Mapping[UUID, Decimal]
    uncharged: frozenset[UUID]
    carried: Mapping[UUID, list[Carried]]
    open_positions: Mapping[UUID, list[Position]] = field(default_factory=dict)

    @classmethod
    def read_day(cls, portfolios: list[UUID], day: date) -> DayFigures:
        return cls(
            realised=_realised(portfolios, day),
            charges=_charges(portfolios, day),
            uncharged=_uncharged(portfolios, day),
            carried=_carried(portfolios, day),
            open_positions=_open_positions(portfolios),
        )

    def result_of(self, portfolio: UUID, prices: Prices) -> DayResult:
        return DayResult(
            realised=self.realised.get(portfolio, ZERO),
            open=change_between(self.unrealised(portfolio, prices), self.opened_with(portfolio, prices)),
            charges=None if portfolio in self.uncharged else self.charges.get(portfolio, ZERO),
        )

    def sum_results(self, portfolios: Iterable[UUID], prices: Prices) -> DayResult:
        return reduce(add, (self.result_of(portfolio, prices) for portfolio in portfolios), NOTHING)

    def unrealised(self, portfolio: UUID, prices: Prices) -> Decimal | None:
        return known_total(
            unrealised_profit(position.quantity, position.open_value, prices.get(position.instrument_id, UNPRICED).last)
            for position in self.open_positions.get(portfolio, [])
        )

    def opened_with(self, portfolio: UUID, prices: Prices) -> Decimal | None:
        """The unrealised profit the day began with: zero if nothing was carried into it."""
        return opening_profit(
            (carried.quantity, carried.open_value, prices.get(carried.instrument, UNPRICED).previous_close)
            for carried in self.carried.get(portfolio, [])
        )


def _realised(portfolios: list[UUID], day: date) -> dict[UUID, Decimal]:
    realisations = Realisation.objects.filter(lot__position__portfolio__in=portfolios, day=day)
    return dict(realisations.values_list("lot__position__portfolio").annotate(Sum("realised")))


def _charges(portfolios: list[UUID], day: date) -> dict[UUID, Decimal]:
    entries = LedgerEntry.objects.charges().filter(portfolio__in=portfolios, day=day)
    return dict(entries.values_list("portfolio").annotate(paid=-Sum("amount")))


def _uncharged(portfolios: list[UUID], day: date) -> frozenset[UUID]:
    trades = Trade.objects.without_charges().filter(portfolio__in=portfolios, day=day)
    return frozenset(trades.values_list("portfolio", flat=True))


def _carried(portfolios: list[UUID], day: date) -> dict[UUID, list[Carried]]:
    """Positions as they stood when the day began: what is left of earlier lots, and what has been closed of them since.

    Neither question grows with history.
    """
    left = Lot.objects.open().filter(position__portfolio__in=portfolios, day__lt=day)
    closed = Realisation.objects.closed_since(day).filter(lot__position__portfolio__in=portfolios, lot__day__lt=day)
    sums: dict[tuple[UUID, UUID, UUID], list[Decimal]] = defaultdict(lambda: [ZERO, ZERO])
    for portfolio, instrument, position, quantity, value in (*left.sums_by_position(), *closed.sums_by_position()):
        total = sums[portfolio, instrument, position]
        total[0] += quantity
        total[1] += value
    carried: dict[UUID, list[Carried]] = defaultdict(list)
    for (portfolio, instrument, _), (quantity, value) in sums.items():
        carried[portfolio].append(Carried(instrument, int(quantity), value))
    return carried


def _open_positions(portfolios: list[UUID]) -> dict[UUID, list[Position]]:
    by_portfolio: dict[UUID, list[Position]] = defaultdict(list)
    for position in Position.objects.open().filter(portfolio__in=portfolios):
        by_portfolio[position.portfolio_id].append(position)
    return by_portfolio
