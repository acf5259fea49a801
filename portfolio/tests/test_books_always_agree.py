"""Whatever is traded, in whatever order it is heard of and however often: the books are what the trades say."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from instruments.models import Instrument
from portfolio.booking import TradeReport, book_trade, open_account, transfer_money
from portfolio.domain.costs import ChargeRates
from portfolio.domain.same_day import Change, order_turnovers
from portfolio.health import book_problems
from portfolio.models import Account, ChargeRate, LedgerEntry, Lot, Position, Realisation
from portfolio.rebuilding import rebuild_account
from portfolio.tests.conftest import DAY, OPEN, instrument

D = Decimal
PRICES = st.decimals("0.05", "3000", places=2)
QUANTITIES = st.integers(-30, 30).filter(bool)
# (which instrument, product, quantity, price, which order, seconds since the open)
TRADE = st.tuples(st.integers(0, 1), QUANTITIES, PRICES, st.integers(0, 3), st.integers(0, 5))
PRODUCTS = ("CNC", "NRML")

pytestmark = pytest.mark.django_db
RANDOM_DAYS = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@contextmanager
def undone() -> Iterator[Account]:
    """A new account in a transaction that leaves nothing behind."""
    with transaction.atomic():
        yield open_account("random", "paper", "paper", D(1_000_000))
        transaction.set_rollback(True)


@pytest.fixture
def contracts(db: None) -> list[Instrument]:
    call = instrument("NFO", "NIFTY26NOV25000CE", "CE", token=2, strike=D(25000))
    return [instrument("NSE", "INFY", "EQ", token=1), call]


def reports_of(
    account: Account, contracts: list[Instrument], trades: list[tuple[int, int, Decimal, int, int]]
) -> list[TradeReport]:
    """An order trades one instrument on one side, so these are parts of its number."""
    return [
        TradeReport(
            account_id=account.pk,
            portfolio_id=None,
            instrument_id=contracts[which].pk,
            exchange=contracts[which].exchange,
            day=DAY,
            trade_id=str(number),
            broker_order_id=f"{order}{which}{quantity > 0}",
            order_tag="",
            product=PRODUCTS[which],
            signed_quantity=quantity,
            price=price,
            traded_at=OPEN + timedelta(seconds=second),
        )
        for number, (which, quantity, price, order, second) in enumerate(trades)
    ]


def standing(account: Account) -> list[object]:
    """All that is derived from the trades, without the ids of rows."""
    positions = Position.objects.of_account(account.pk)
    lots = Lot.objects.filter(position__in=positions)
    realisations = Realisation.objects.filter(lot__in=lots)
    return [
        sorted(positions.values_list("instrument", "quantity", "open_value", "realised", "opened_at")),
        sorted(lots.values_list("trade__trade_id", "ordinal", "quantity", "remaining", "price")),
        sorted(realisations.values_list("lot__trade__trade_id", "trade__trade_id", "quantity", "price", "realised")),
    ]


def book_all(reports: list[TradeReport]) -> None:
    for report in reports:
        book_trade(report)


@RANDOM_DAYS
@given(trades=st.lists(TRADE, max_size=12), data=st.data())
def test_a_rebuild_equals_what_stands_after_duplicates_and_late_news(
    contracts: list[Instrument], trades: list[tuple[int, int, Decimal, int, int]], data: st.DataObject
) -> None:
    with undone() as account:
        reports = reports_of(account, contracts, trades)
        book_all(data.draw(st.permutations(reports + reports)))
        assert account.trades.count() == len(reports)
        assert rebuild_account(account) == []
        assert book_problems() == []


@RANDOM_DAYS
@given(trades=st.lists(TRADE, max_size=10), data=st.data())
def test_any_order_of_hearing_gives_the_same_books(
    contracts: list[Instrument], trades: list[tuple[int, int, Decimal, int, int]], data: st.DataObject
) -> None:
    with undone() as account:
        book_all(reports_of(account, contracts, trades))
        in_order, cash = standing(account), LedgerEntry.objects.cash(account.pk)
    with undone() as account:
        book_all(data.draw(st.permutations(reports_of(account, contracts, trades))))
        assert standing(account) == in_order
        assert LedgerEntry.objects.cash(account.pk) == cash


@RANDOM_DAYS
@given(trades=st.lists(TRADE, max_size=12), moved=st.lists(st.decimals("0.01", "9999", places=2), max_size=3))
def test_cash_is_opening_and_sold_less_bought_less_charges_and_what_was_moved(
    contracts: list[Instrument], trades: list[tuple[int, int, Decimal, int, int]], moved: list[Decimal]
) -> None:
    with undone() as account:
        book_all(reports_of(account, contracts, trades))
        for key, amount in enumerate(moved):
            transfer_money(account.pk, amount, key=str(key))
        turnover = sum(-quantity * price for _, quantity, price, _, _ in trades)
        assert LedgerEntry.objects.cash(account.pk) == D(1_000_000) + turnover - paid(account) + sum(moved)


def paid(account: Account) -> Decimal:
    """Charges of options as their trades tell them, of shares by what the orders came to, and of the depository."""
    options = account.trades.exclude(product="CNC").values_list("charges", flat=True)
    shares = list(account.trades.filter(product="CNC").select_related("instrument"))
    rates, newest = ChargeRates(ChargeRate.objects.all()), {trade.broker_order_id: trade for trade in shares}
    orders = order_turnovers(shares).items()
    bills = [rates.cost_of(Change(newest[order], {}, turnover)).total for order, turnover in orders]
    is_delivered = sum(trade.signed_quantity for trade in shares) < 0
    return sum(options, D(0)) + sum(bills, D(0)) + (D("15.34") if is_delivered else D(0))


@RANDOM_DAYS
@given(trades=st.lists(TRADE, max_size=12))
def test_profit_is_cash_in_less_cash_out_for_each_position(
    contracts: list[Instrument], trades: list[tuple[int, int, Decimal, int, int]]
) -> None:
    with undone() as account:
        book_all(reports_of(account, contracts, trades))
        cash: dict[object, Decimal] = defaultdict(Decimal)
        for trade in account.trades.all():
            cash[trade.instrument_id] += trade.value
        for position in Position.objects.of_account(account.pk):
            assert position.realised - position.open_value == cash[position.instrument_id]


@RANDOM_DAYS
@given(trades=st.lists(TRADE, max_size=12))
def test_the_average_price_lies_within_the_open_lots(
    contracts: list[Instrument], trades: list[tuple[int, int, Decimal, int, int]]
) -> None:
    with undone() as account:
        book_all(reports_of(account, contracts, trades))
        for position in Position.objects.open().of_account(account.pk):
            prices = position.lots.open().values_list("price", flat=True)
            assert min(prices) <= position.average_price <= max(prices)
