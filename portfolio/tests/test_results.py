"""A day's profit: what is known is told to the paisa, what is unknown is told as unknown."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal

import pytest

from instruments.models import Instrument
from portfolio.booking import TradeReport, book_trade, ensure_portfolio
from portfolio.domain.pnl import DayResult
from portfolio.models import Account, ChargeRate, PnlSnapshot
from portfolio.results import DayFigures, Marks
from portfolio.snapshots import take_snapshots
from portfolio.tests.conftest import DAY, OPEN

D = Decimal
TradeOf = Callable[..., TradeReport]
NOON = OPEN + timedelta(hours=3)
TOMORROW = timedelta(days=1)


def day_result(account: Account, day: date, marks: Marks) -> DayResult:
    portfolios = list(account.portfolios.values_list("pk", flat=True))
    return DayFigures.read_day(portfolios, day).sum_results(portfolios, marks)


@pytest.fixture(autouse=True)
def free_of_charge(db: None) -> None:
    ChargeRate.objects.update(buy_rate=0, sell_rate=0, flat=None)


def test_a_day_is_realised_and_open_less_charges(account: Account, infy: Instrument, trade_of: TradeOf) -> None:
    ChargeRate.objects.filter(kind="brokerage").update(flat=D(20), cap=None)
    book_trade(trade_of(10, "100"))
    book_trade(trade_of(-4, "110"))
    result = day_result(account, DAY, {infy.pk: D(105)})
    # GST is nothing here: 2 × 20 brokerage only.
    assert (result.realised, result.open, result.charges, result.net) == (D(40), D(30), D(40), D(30))


def test_a_price_unknown_makes_the_open_part_and_the_net_unknown(
    account: Account, infy: Instrument, trade_of: TradeOf
) -> None:
    book_trade(trade_of(10, "100"))
    book_trade(trade_of(-4, "110"))
    result = day_result(account, DAY, {infy.pk: None})
    assert (result.realised, result.open, result.net) == (D(40), None, None)
    assert day_result(account, DAY, {}).net is None


def test_a_flat_book_needs_no_price(account: Account, trade_of: TradeOf) -> None:
    book_trade(trade_of(10, "100"))
    book_trade(trade_of(-10, "110"))
    assert day_result(account, DAY, {}).net == D(100)


def test_charges_unknown_make_the_net_unknown(account: Account, trade_of: TradeOf) -> None:
    ChargeRate.objects.filter(kind="gst").delete()
    book_trade(trade_of(10, "100"))
    book_trade(trade_of(-10, "110"))
    result = day_result(account, DAY, {})
    assert (result.realised, result.charges, result.net) == (D(100), None, None)


def test_what_was_carried_counts_from_where_it_stood_the_evening_before(
    account: Account, infy: Instrument, trade_of: TradeOf
) -> None:
    book_trade(trade_of(10, "100", product="CNC"))
    take_snapshots(account, NOON, {infy.pk: D(104)})
    next_day = DAY + TOMORROW
    book_trade(trade_of(-4, "110", product="CNC", day=next_day, traded_at=OPEN + TOMORROW))
    result = day_result(account, next_day, {infy.pk: D(103)})
    # Realised 4 × 10 = 40; open 6 × 3 = 18 against 10 × 4 = 40: the day made 4 × 6 − 6 × 1 = 18.
    assert (result.realised, result.open, result.net) == (D(40), D(-22), D(18))


def test_without_an_evening_snapshot_a_carried_day_is_unknown(
    account: Account, infy: Instrument, trade_of: TradeOf
) -> None:
    book_trade(trade_of(10, "100", product="CNC"))
    assert day_result(account, DAY + TOMORROW, {infy.pk: D(103)}).net is None


def test_a_trade_after_the_last_snapshot_makes_the_evening_unknown(
    account: Account, infy: Instrument, trade_of: TradeOf
) -> None:
    book_trade(trade_of(10, "100", product="CNC"))
    take_snapshots(account, NOON, {infy.pk: D(104)})
    book_trade(trade_of(1, "100", product="CNC", traded_at=NOON + timedelta(minutes=1)))
    assert day_result(account, DAY + TOMORROW, {infy.pk: D(103)}).open is None


def test_the_worst_moment_of_the_day_is_kept(account: Account, infy: Instrument, trade_of: TradeOf) -> None:
    book_trade(trade_of(10, "100"))
    for minute, price in enumerate([D(101), D(90), D(105)]):
        take_snapshots(account, NOON + timedelta(minutes=minute), {infy.pk: price})
    assert [row.worst for row in PnlSnapshot.objects.order_by("at")] == [D(10), D(-100), D(-100)]


def test_a_minute_has_one_snapshot_however_often_it_is_taken(
    account: Account, infy: Instrument, trade_of: TradeOf
) -> None:
    book_trade(trade_of(10, "100"))
    take_snapshots(account, NOON, {infy.pk: D(101)})
    take_snapshots(account, NOON, {infy.pk: D(102)})
    assert [row.net for row in PnlSnapshot.objects.all()] == [D(10)]


def test_a_portfolio_that_never_traded_has_no_snapshots(account: Account) -> None:
    assert take_snapshots(account, NOON, {}) == []


def test_a_days_result_takes_the_same_few_queries_however_many_portfolios(
    account: Account, infy: Instrument, trade_of: TradeOf, django_assert_num_queries: Callable[..., object]
) -> None:
    for _ in range(3):
        book_trade(trade_of(10, "100", portfolio_id=ensure_portfolio(account, infy.pk).pk))
    with django_assert_num_queries(6):  # type: ignore[attr-defined]
        day_result(account, DAY, {infy.pk: D(101)})
