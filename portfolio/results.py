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

from django.db.models import Exists, OuterRef, QuerySet, Sum

from portfolio.domain.pnl import DayResult, change_between, known_total, unrealised_profit
from portfolio.models import LedgerEntry, Lot, PnlSnapshot, Position, Realisation, Trade

Marks = Mapping[UUID, Decimal | None]
ZERO = Decimal(0)
NOTHING = DayResult(ZERO, ZERO, ZERO)


@dataclass(frozen=True)
class DayFigures:
    """What the books say about some portfolios on a day; a handful of queries however many they are.

    Results are told at ``marks``: last price by instrument id; None or missing is unknown. What is held is read as it
    stands now: days gone by are told by their last snapshots.
    """

    realised: Mapping[UUID, Decimal]
    charges: Mapping[UUID, Decimal]
    uncharged: frozenset[UUID]
    carried: frozenset[UUID]
    carried_at: Mapping[UUID, Decimal | None]
    open_positions: Mapping[UUID, list[Position]] = field(default_factory=dict)

    @classmethod
    def read_day(cls, portfolios: list[UUID], day: date) -> DayFigures:
        carried = _carried(portfolios, day)
        return cls(
            realised=_realised(portfolios, day),
            charges=_charges(portfolios, day),
            uncharged=_uncharged(portfolios, day),
            carried=carried,
            carried_at=_last_unrealised(carried, day),
            open_positions=_open_positions(portfolios),
        )

    def result_of(self, portfolio: UUID, marks: Marks) -> DayResult:
        return DayResult(
            realised=self.realised.get(portfolio, ZERO),
            open=change_between(self.unrealised(portfolio, marks), self.opened_with(portfolio)),
            charges=None if portfolio in self.uncharged else self.charges.get(portfolio, ZERO),
        )

    def sum_results(self, portfolios: Iterable[UUID], marks: Marks) -> DayResult:
        return reduce(add, (self.result_of(portfolio, marks) for portfolio in portfolios), NOTHING)

    def unrealised(self, portfolio: UUID, marks: Marks) -> Decimal | None:
        positions = self.open_positions.get(portfolio, [])
        return known_total(
            unrealised_profit(position.quantity, position.open_value, marks.get(position.instrument_id))
            for position in positions
        )

    def opened_with(self, portfolio: UUID) -> Decimal | None:
        """The unrealised profit the day began with: zero if nothing was carried into it."""
        return self.carried_at.get(portfolio) if portfolio in self.carried else ZERO


def _realised(portfolios: list[UUID], day: date) -> dict[UUID, Decimal]:
    realisations = Realisation.objects.filter(lot__position__portfolio__in=portfolios, day=day)
    return dict(realisations.values_list("lot__position__portfolio").annotate(Sum("realised")))


def _charges(portfolios: list[UUID], day: date) -> dict[UUID, Decimal]:
    entries = LedgerEntry.objects.charges().filter(portfolio__in=portfolios, day=day)
    return dict(entries.values_list("portfolio").annotate(paid=-Sum("amount")))


def _uncharged(portfolios: list[UUID], day: date) -> frozenset[UUID]:
    trades = Trade.objects.without_charges().filter(portfolio__in=portfolios, day=day)
    return frozenset(trades.values_list("portfolio", flat=True))


def _carried(portfolios: list[UUID], day: date) -> frozenset[UUID]:
    lots = Lot.objects.filter(position__portfolio__in=portfolios).carried_into(day)
    return frozenset(lots.values_list("position__portfolio", flat=True))


def _last_unrealised(portfolios: Iterable[UUID], day: date) -> dict[UUID, Decimal | None]:
    """Of the newest known snapshot of an earlier day; unknown if a trade of an earlier day came after it."""
    traded_later = Trade.objects.filter(portfolio=OuterRef("portfolio"), day__lt=day, traded_at__gt=OuterRef("at"))
    return {
        snapshot.portfolio_id: None if snapshot.is_outdated else snapshot.unrealised
        for snapshot in _last_known(portfolios, day).annotate(is_outdated=Exists(traded_later))
    }


def _last_known(portfolios: Iterable[UUID], day: date) -> QuerySet[PnlSnapshot]:
    known = PnlSnapshot.objects.filter(portfolio__in=portfolios, day__lt=day, unrealised__isnull=False)
    return known.order_by("portfolio_id", "-at").distinct("portfolio_id")


def _open_positions(portfolios: list[UUID]) -> dict[UUID, list[Position]]:
    by_portfolio: dict[UUID, list[Position]] = defaultdict(list)
    for position in Position.objects.open().filter(portfolio__in=portfolios):
        by_portfolio[position.portfolio_id].append(position)
    return by_portfolio
