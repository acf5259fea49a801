"""A day's profit: what is known is told to the paisa, what is unknown is told as unknown."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from instruments.models import Instrument
from portfolio.booking import TradeReport, book_trade, ensure_portfolio
from portfolio.domain.day_figures import Prices
from portfolio.domain.pnl import UNPRICED, DayPrice, DayResult
from portfolio.models import Account, ChargeRate, PnlSnapshot
from portfolio.results import read_day
from portfolio.snapshots import take_snapshots
from portfolio.tests.conftest import DAY, OPEN

D = Decimal
TradeOf = Callable[..., TradeReport]
NOON = OPEN + timedelta(hours=3)
TOMORROW = timedelta(days=1)


def at(instrument: Instrument, last: int, previous_close: int | None = None) -> dict[UUID, DayPrice]:
    return {instrument.pk: DayPrice(D(last), None if previous_close is None else D(previous_close))}


def day_result(account: Account, day: date, prices: Prices) -> DayResult:
    portfolios = list(account.portfolios.values_list("pk", flat=True))
    return read_day(portfolios, day).sum_results(portfolios, prices)


@pytest.fixture(autouse=True)
def free_of_charge(db: None) -> None:
    ChargeRate.objects.update(buy_rate=0, sell_rate=0, flat=None)


def test_a_day_is_realised_and_open_less_charges(account: Account, infy: Instrument, trade_of: TradeOf) -> None:
    ChargeRate.objects.filter(kind="brokerage").update(flat=D(20), cap=None)
    book_trade(trade_of(10, "100"))
    book_trade(trade_of(-4, "110"))
    result = day_result(account, DAY, at(infy, 105))
    # GST is nothing here: 2 × 20 brokerage only.
    assert (result.realised, result.open, result.charges, result.net) == (D(40), D(30), D(40), D(30))


def test_a_price_unknown_makes_the_open_part_and_the_net_unknown(
    account: Account, infy: Instrument, trade_of: TradeOf
) -> None:
    book_trade(trade_of(10, "100"))
    book_trade(trade_of(-4, "110"))
    result = day_result(account, DAY, {infy.pk: UNPRICED})
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


def test_what_was_carried_counts_from_the_previous_close_whenever_it_was_last_looked_at(
    account: Account, infy: Instrument, trade_of: TradeOf
) -> None:
    book_trade(trade_of(65, "100", product="CNC"))
    take_snapshots(account, NOON + timedelta(hours=2), at(infy, 100))  # the last one; the day closed at 120
    assert day_result(account, DAY + TOMORROW, at(infy, 125, 120)).net == D(325)


def test_what_was_carried_and_sold_today_made_what_its_price_moved_today(
    account: Account, infy: Instrument, trade_of: TradeOf
) -> None:
    book_trade(trade_of(10, "100", product="CNC"))
    next_day = DAY + TOMORROW
    book_trade(trade_of(-4, "110", product="CNC", day=next_day, traded_at=OPEN + TOMORROW))
    result = day_result(account, next_day, at(infy, 103, 104))
    # Realised 4 × 10 = 40; open 6 × 3 = 18 against 10 × 4 = 40: the day made 4 × 6 − 6 × 1 = 18.
    assert (result.realised, result.open, result.net) == (D(40), D(-22), D(18))
    book_trade(trade_of(-6, "110", product="CNC", day=next_day, traded_at=OPEN + TOMORROW))
    assert day_result(account, next_day, {infy.pk: DayPrice(None, D(104))}).net == D(60)


def test_what_was_bought_today_beside_it_counts_from_what_was_paid(
    account: Account, infy: Instrument, trade_of: TradeOf
) -> None:
    book_trade(trade_of(-10, "100", product="MIS"))
    next_day = DAY + TOMORROW
    book_trade(trade_of(-5, "90", product="MIS", day=next_day, traded_at=OPEN + TOMORROW))
    assert day_result(account, next_day, at(infy, 80, 95)).net == D(10 * 15 + 5 * 10)


def test_opposite_positions_in_one_instrument_are_carried_each_for_itself(
    account: Account, infy: Instrument, trade_of: TradeOf
) -> None:
    book_trade(trade_of(10, "100", product="CNC"))
    book_trade(trade_of(-10, "130", product="NRML"))
    assert day_result(account, DAY + TOMORROW, at(infy, 125, 120)).net == D(0)


def test_without_a_previous_close_a_carried_day_is_unknown(
    account: Account, infy: Instrument, trade_of: TradeOf
) -> None:
    book_trade(trade_of(10, "100", product="CNC"))
    take_snapshots(account, NOON, at(infy, 104))
    assert day_result(account, DAY + TOMORROW, at(infy, 103)).net is None
    assert day_result(account, DAY, at(infy, 103)).net == D(30)  # nothing was carried into its first day


def test_the_worst_moment_of_the_day_is_kept(account: Account, infy: Instrument, trade_of: TradeOf) -> None:
    book_trade(trade_of(10, "100"))
    for minute, price in enumerate([101, 90, 105]):
        take_snapshots(account, NOON + timedelta(minutes=minute), at(infy, price))
    assert [row.worst for row in PnlSnapshot.objects.order_by("at")] == [D(10), D(-100), D(-100)]


def test_a_minute_has_one_snapshot_however_often_it_is_taken(
    account: Account, infy: Instrument, trade_of: TradeOf
) -> None:
    book_trade(trade_of(10, "100"))
    take_snapshots(account, NOON, at(infy, 101))
    take_snapshots(account, NOON, at(infy, 102))
    assert [row.net for row in PnlSnapshot.objects.all()] == [D(10)]


def test_a_portfolio_that_never_traded_has_no_snapshots(account: Account) -> None:
    assert take_snapshots(account, NOON, {}) == []


def test_a_days_result_takes_the_same_few_queries_however_many_portfolios(
    account: Account, infy: Instrument, trade_of: TradeOf, django_assert_num_queries: Callable[..., object]
) -> None:
    for _ in range(3):
        book_trade(trade_of(10, "100", portfolio_id=ensure_portfolio(account, infy.pk).pk))
    with django_assert_num_queries(7):  # type: ignore[attr-defined]
        day_result(account, DAY, at(infy, 101))
