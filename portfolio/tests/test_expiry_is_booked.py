"""A contract held past its expiry is closed at its settlement value, its margin freed, its charges booked."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from alphapanda.core.clock.services import set_market_time
from alphapanda.core.commands import run_quietly
from instruments.models import SettlementPrice
from portfolio.booking import NO_PRICES, book_trade
from portfolio.expiries import awaiting_price, book_expiry, derivatives_to_leave, ready_to_book
from portfolio.funds import available_funds
from portfolio.models import LedgerEntry, Position, Trade
from portfolio.rebuilding import rebuild_account
from portfolio.tests.conftest import instrument

D = Decimal
EVENING = datetime(2026, 11, 25, 10, 30, tzinfo=UTC)  # 16:00 in India, when the last phase of the day is over
EXPIRY = EVENING.date()


@pytest.fixture
def call(db):
    run_quietly("load_calendar", "--year", "2026")
    set_market_time(EVENING, 0)
    return instrument("NFO", "NIFTY26NOV24000CE", "CE", token=10924290, strike=D(24000), name="NIFTY", expiry=EXPIRY)


@pytest.fixture
def future(call):
    return instrument("NFO", "NIFTY26NOVFUT", "FUT", token=10924546, name="NIFTY", expiry=EXPIRY)


def tell_price(price: str, **columns) -> None:
    row = {"exchange": "NFO", "underlying": "NIFTY", "day": EXPIRY, "price": D(price), "source": "NSE"} | columns
    SettlementPrice.objects.create(**row)


def hold(trade_of, contract, quantity: int, price: str):
    return book_trade(trade_of(quantity, price, exchange="NFO", instrument_id=contract.pk, product="NRML", day=EXPIRY))


def book_all(account, now=EVENING) -> list[Trade]:
    return [book_expiry(position.pk, account.pk) for position in ready_to_book(now)]


def amounts(trade: Trade) -> dict[str, Decimal]:
    return dict(LedgerEntry.objects.filter(trade=trade).values_list("kind", "amount"))


def test_a_sold_option_past_its_expiry_frees_its_margin_and_leaves_no_position(account, trade_of, call):
    hold(trade_of, call, -65, "100")
    assert available_funds(account, NO_PRICES).blocked == D(24000) * 65 / 5  # ₹3,12,000
    tell_price("23950.40")
    [trade] = book_all(account)
    assert (trade.signed_quantity, trade.price, amounts(trade)) == (65, 0, {})
    assert not Position.objects.open().exists()
    assert available_funds(account, NO_PRICES).blocked == 0
    assert Position.objects.get().realised == 6500
    assert rebuild_account(account) == []


def test_a_bought_option_in_the_money_is_paid_out_less_brokerage_and_the_tax_on_its_value(account, trade_of, call):
    hold(trade_of, call, 65, "100")
    tell_price("24120.35")
    [trade] = book_all(account)
    assert amounts(trade) == {
        "trade_value": D("7822.75"),
        "brokerage": D(-20),
        "transaction_tax": D("-11.73"),  # 0.15 % of 7,822.75
        "gst": D("-3.60"),
    }
    assert Position.objects.get().realised == D("1322.75")
    assert rebuild_account(account) == []


def test_the_writer_of_an_exercised_option_pays_no_tax_on_it(account, trade_of, call):
    hold(trade_of, call, -65, "100")
    tell_price("24120.35")
    [trade] = book_all(account)
    assert amounts(trade) == {"trade_value": D("-7822.75"), "brokerage": D(-20), "gst": D("-3.60")}


def test_an_expired_future_is_settled_at_the_final_price(account, trade_of, future):
    hold(trade_of, future, -65, "24100")
    tell_price("24000")
    [trade] = book_all(account)
    assert (trade.price, Position.objects.get().realised) == (24000, 6500)
    assert available_funds(account, NO_PRICES).blocked == 0


def test_nothing_is_booked_before_the_day_is_over(account, trade_of, call):
    hold(trade_of, call, 65, "100")
    tell_price("24120.35")
    assert book_all(account, EVENING - timedelta(seconds=1)) == []


def test_without_a_final_price_it_waits_and_is_named(account, trade_of, call):
    hold(trade_of, call, 65, "100")
    assert (ready_to_book(EVENING), awaiting_price(EVENING - timedelta(seconds=1))) == ([], [])
    assert [position.quantity for position in awaiting_price(EVENING)] == [65]


def test_a_price_of_another_day_or_underlying_settles_nothing(account, trade_of, call):
    hold(trade_of, call, 65, "100")
    tell_price("24120.35", day=EXPIRY - timedelta(days=1))
    tell_price("51000", underlying="BANKNIFTY")
    assert ready_to_book(EVENING) == []


def test_booked_twice_it_counts_once(account, trade_of, call):
    hold(trade_of, call, 65, "100")
    tell_price("24120.35")
    [position] = ready_to_book(EVENING)
    assert book_expiry(position.pk, account.pk) is not None
    assert book_expiry(position.pk, account.pk) is None
    assert account.trades.count() == 2


def test_a_trade_heard_of_after_its_expiry_was_booked_is_closed_too(account, trade_of, call):
    hold(trade_of, call, 65, "100")
    tell_price("24120.35")
    book_all(account)
    hold(trade_of, call, 65, "110")
    assert [trade.signed_quantity for trade in book_all(account)] == [-65]
    position = Position.objects.get()
    assert (position.quantity, position.realised) == (0, D("1322.75") + D("672.75"))
    assert rebuild_account(account) == []


def test_a_derivative_on_a_share_is_named_before_it_expires_and_one_on_an_index_is_not(account, trade_of, call, infy):
    share_future = instrument("NFO", "INFY26NOVFUT", "FUT", token=999 * 256 + 2, name="INFY", expiry=EXPIRY)
    hold(trade_of, share_future, 400, "1500")
    hold(trade_of, call, 65, "100")
    # Tue 24 Nov is a holiday: Monday is the last day to leave.
    named = [(one.position.instrument, one.leave_by.day) for one in derivatives_to_leave(EXPIRY - timedelta(days=5))]
    assert named == [(share_future, 23)]
    assert derivatives_to_leave(EXPIRY - timedelta(days=8)) == []
