"""The day's profit and what is held, of every portfolio at once: a fixed number of queries however many there are."""

from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from uuid import UUID

from alphapanda.dashboard.panels.context import World
from market.quotes import Quote
from portfolio.domain.pnl import DayResult, least_known, unrealised
from portfolio.models import Account, PnlSnapshot, Portfolio, Position
from portfolio.results import DayBooks

ZERO = Decimal(0)


@dataclass(frozen=True)
class Holding:
    """An open position beside its price; without one, its profit is unknown."""

    position: Position
    quote: Quote | None

    @property
    def last(self) -> Decimal | None:
        return self.quote.last_price if self.quote else None

    @property
    def open(self) -> Decimal | None:
        return unrealised(self.position.quantity, self.position.open_value, self.last)

    @property
    def value(self) -> Decimal | None:
        return None if self.last is None else self.last * self.position.quantity


@dataclass(frozen=True)
class Book:
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


class Books:
    """Every portfolio's book of the day, read in one go."""

    def __init__(self, world: World) -> None:
        self.world = world

    @cached_property
    def all(self) -> list[Book]:
        portfolios = list(Portfolio.objects.select_related("account").filter(account__in=self.world.accounts))
        day = DayBooks.read([portfolio.pk for portfolio in portfolios], self.world.day)
        return [self._book(portfolio, day) for portfolio in portfolios]

    @cached_property
    def by_deployment(self) -> dict[UUID | None, Book]:
        return {book.deployment_id: book for book in self.all}

    def of_account(self, account: Account) -> list[Book]:
        return [book for book in self.all if book.account.pk == account.pk]

    @cached_property
    def holdings(self) -> dict[UUID, list[Holding]]:
        positions = list(Position.objects.open().select_related("instrument").order_by("instrument__tradingsymbol"))
        quotes = self.world.quotes({position.instrument_id: position.instrument for position in positions}.values())
        found: dict[UUID, list[Holding]] = defaultdict(list)
        for position in positions:
            found[position.portfolio_id].append(Holding(position, quotes.get(position.instrument_id)))
        return found

    @cached_property
    def marks(self) -> dict[UUID, Decimal | None]:
        return {each.position.instrument_id: each.last for held in self.holdings.values() for each in held}

    @cached_property
    def snapshots(self) -> dict[UUID, list[tuple[datetime, Decimal]]]:
        rows = PnlSnapshot.objects.filter(day=self.world.day, at__lte=self.world.now, net__isnull=False).order_by("at")
        found: dict[UUID, list[tuple[datetime, Decimal]]] = defaultdict(list)
        for portfolio, at, net in rows.values_list("portfolio", "at", "net"):
            found[portfolio].append((at, net))
        return found

    def _book(self, portfolio: Portfolio, day: DayBooks) -> Book:
        points = tuple(self.snapshots[portfolio.pk])
        result = day.result(portfolio.pk, self.marks)
        worst = least_known(net for _, net in points) if points else result.net
        return Book(portfolio, replace(result, worst=worst), tuple(self.holdings[portfolio.pk]), points)


def total(books: list[Book]) -> DayResult:
    """The results of several portfolios together; one unknown part makes the sum unknown."""
    return sum((book.result for book in books), DayResult(ZERO, ZERO, ZERO))


def curve_of(books: list[Book]) -> list[tuple[datetime, Decimal]]:
    """Net by time, of portfolios together: each counts with its newest figure until its next."""
    moments = sorted({at for book in books for at, _ in book.points})
    newest: dict[UUID, Decimal] = {}
    by_time: dict[datetime, list[tuple[UUID, Decimal]]] = defaultdict(list)
    for book in books:
        for at, net in book.points:
            by_time[at].append((book.portfolio.pk, net))
    curve = []
    for at in moments:
        newest.update(by_time[at])
        curve.append((at, sum(newest.values(), ZERO)))
    return curve
