"""The day's profit and what is held, of every portfolio at once: a fixed number of queries however many there are."""

from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from uuid import UUID

from alphapanda.dashboard.panels.context import PageContext
from instruments.models import Instrument
from market.quotes import Quote
from portfolio.domain.day_figures import DayFigures
from portfolio.domain.pnl import DayPrice, DayResult, least_known, unrealised_profit
from portfolio.models import Account, PnlSnapshot, Portfolio, Position
from portfolio.results import read_day
from trading.risk.marks import day_prices

ZERO = Decimal(0)


@dataclass(frozen=True)
class Holding:
    """An open position beside its price; ``last`` is None without one or with a dead one: its profit is unknown."""

    position: Position
    quote: Quote | None
    last: Decimal | None

    @property
    def open(self) -> Decimal | None:
        return unrealised_profit(self.position.quantity, self.position.open_value, self.last)

    @property
    def value(self) -> Decimal | None:
        return None if self.last is None else self.last * self.position.quantity


@dataclass(frozen=True)
class PortfolioDay:
    """One portfolio's day: ``points`` are (time, net) of its snapshots, oldest first."""

    portfolio: Portfolio
    result: DayResult
    holdings: tuple[Holding, ...] = ()
    points: tuple[tuple[datetime, Decimal], ...] = field(default=())

    @property
    def account(self) -> Account:
        return self.portfolio.account

    @property
    def deployment_id(self) -> UUID | None:
        return self.portfolio.deployment_id


class PortfolioDays:
    """Every portfolio's book of the day, read in one go."""

    def __init__(self, page: PageContext) -> None:
        self.page = page

    @cached_property
    def all(self) -> list[PortfolioDay]:
        portfolios = list(Portfolio.objects.select_related("account").filter(account__in=self.page.accounts))
        day = read_day([portfolio.pk for portfolio in portfolios], self.page.day)
        return [self._day_of(portfolio, day) for portfolio in portfolios]

    @cached_property
    def by_deployment(self) -> dict[UUID | None, PortfolioDay]:
        return {each.deployment_id: each for each in self.all}

    def of_account(self, account: Account) -> list[PortfolioDay]:
        return [each for each in self.all if each.account.pk == account.pk]

    @cached_property
    def holdings(self) -> dict[UUID, list[Holding]]:
        found: dict[UUID, list[Holding]] = defaultdict(list)
        for position in self.positions:
            if position.quantity:
                one = position.instrument_id
                found[position.portfolio_id].append(Holding(position, self.quotes.get(one), self.prices[one].last))
        return found

    @cached_property
    def positions(self) -> list[Position]:
        """All that is held, or was today."""
        positions = Position.objects.of_day(self.page.day).select_related("instrument")
        return list(positions.order_by("instrument__tradingsymbol"))

    @cached_property
    def instruments(self) -> list[Instrument]:
        return list({position.instrument_id: position.instrument for position in self.positions}.values())

    @cached_property
    def quotes(self) -> dict[UUID, Quote]:
        return self.page.quotes(self.instruments)

    @cached_property
    def prices(self) -> dict[UUID, DayPrice]:
        return day_prices(self.instruments, self.quotes, self.page.now)

    @cached_property
    def snapshots(self) -> dict[UUID, list[tuple[datetime, Decimal]]]:
        rows = PnlSnapshot.objects.filter(day=self.page.day, at__lte=self.page.now, net__isnull=False).order_by("at")
        found: dict[UUID, list[tuple[datetime, Decimal]]] = defaultdict(list)
        for portfolio, at, net in rows.values_list("portfolio", "at", "net"):
            found[portfolio].append((at, net))
        return found

    def _day_of(self, portfolio: Portfolio, day: DayFigures) -> PortfolioDay:
        points = tuple(self.snapshots[portfolio.pk])
        result = day.result_of(portfolio.pk, self.prices)
        worst = least_known(net for _, net in points) if points else result.net
        return PortfolioDay(portfolio, replace(result, worst=worst), tuple(self.holdings[portfolio.pk]), points)


def add_results(days: list[PortfolioDay]) -> DayResult:
    """The results of several portfolios together; one unknown part makes the sum unknown."""
    return sum((each.result for each in days), DayResult(ZERO, ZERO, ZERO))


def curve_of(days: list[PortfolioDay]) -> list[tuple[datetime, Decimal]]:
    """Net by time, of portfolios together: each counts with its newest figure until its next."""
    moments = sorted({at for each in days for at, _ in each.points})
    newest: dict[UUID, Decimal] = {}
    by_time: dict[datetime, list[tuple[UUID, Decimal]]] = defaultdict(list)
    for each in days:
        for at, net in each.points:
            by_time[at].append((each.portfolio.pk, net))
    curve = []
    for at in moments:
        newest.update(by_time[at])
        curve.append((at, sum(newest.values(), ZERO)))
    return curve
