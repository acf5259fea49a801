"""How a day went, read from the books; a handful of queries however many portfolios there are."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from decimal import Decimal
from uuid import UUID

from django.db.models import Sum

from portfolio.domain.day_figures import Carried, DayFigures
from portfolio.models import LedgerEntry, Lot, Position, Realisation, Trade

ZERO = Decimal(0)


def read_day(portfolios: list[UUID], day: date) -> DayFigures:
    """What is held is read as it stands now: days gone by are told by their last snapshots."""
    return DayFigures(
        realised=_realised(portfolios, day),
        charges=_charges(portfolios, day),
        uncharged=_uncharged(portfolios, day),
        carried=_carried(portfolios, day),
        open_positions=_open_positions(portfolios),
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
