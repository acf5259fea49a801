"""Write down, each minute of market time, how the day stands."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from django.db.models import Exists, Min, OuterRef

from alphapanda.core.timezone import IST
from portfolio.domain.day_figures import DayFigures, Prices
from portfolio.domain.pnl import least_known
from portfolio.models import Account, PnlSnapshot, Portfolio, Position, Trade
from portfolio.results import read_day


def take_snapshots(account: Account, at: datetime, prices: Prices) -> list[PnlSnapshot]:
    """Write one snapshot for each portfolio that holds something or has traded on the day of ``at``.

    ``prices`` are by instrument id; one that is None or missing makes the figures that need it unknown. Taken twice
    for the same moment, the first stays.
    """
    day = at.astimezone(IST).date()
    portfolios = active_portfolios(account, day)
    books = read_day(portfolios, day)
    lows = dict(
        PnlSnapshot.objects.filter(portfolio__in=portfolios, day=day, at__lt=at)
        .values_list("portfolio")
        .annotate(Min("net"))
    )
    rows = [make_snapshot(books, portfolio, at, prices) for portfolio in portfolios]
    for row in rows:
        row.worst = least_known([lows.get(row.portfolio_id), row.net])
    PnlSnapshot.objects.bulk_create(rows, ignore_conflicts=True)
    return rows


def active_portfolios(account: Account, day: date) -> list[UUID]:
    holds = Exists(Position.objects.open().filter(portfolio=OuterRef("pk")))
    traded = Exists(Trade.objects.filter(account=account, portfolio=OuterRef("pk"), day=day))
    owners = Portfolio.objects.filter(holds | traded, account=account)
    return list(owners.order_by("pk").values_list("pk", flat=True))


def make_snapshot(books: DayFigures, portfolio: UUID, at: datetime, prices: Prices) -> PnlSnapshot:
    result = books.result_of(portfolio, prices)
    return PnlSnapshot(
        portfolio_id=portfolio,
        at=at,
        day=at.astimezone(IST).date(),
        realised=result.realised,
        unrealised=books.unrealised(portfolio, prices),
        opened_with=books.opened_with(portfolio, prices),
        charges=result.charges,
        net=result.net,
    )
