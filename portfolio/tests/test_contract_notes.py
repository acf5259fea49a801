"""A contract note has transaction tax and stamp duty in whole rupees; the books keep every paisa of it apart."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest

from alphapanda.core.timezone import IST
from instruments.models import Instrument, TradingSession
from portfolio.booking import TradeReport, book_trade, charge_uncharged, round_contract_notes
from portfolio.contract_notes import DayCharges, charges_of_day
from portfolio.models import Account, ChargeRate, LedgerEntry
from portfolio.rebuilding import rebuild_account
from portfolio.tasks import check_account

D = Decimal
TradeOf = Callable[..., TradeReport]
DAY = date(2026, 5, 8)
EVENING = datetime(2026, 5, 8, 17, 30, tzinfo=IST)
TRADED = {"day": DAY, "traded_at": datetime(2026, 5, 8, 10, tzinfo=IST)}


@pytest.fixture(autouse=True)
def session(db: None) -> None:
    phases = [{"kind": "continuous", "from": "09:15", "to": "15:30"}]
    TradingSession.objects.create(exchange="NSE", security_class="equity", day=DAY, phases=phases, source="test")


def of_kind(account: Account, kind: str) -> Decimal:
    return -sum(account.ledger.filter(kind=kind).values_list("amount", flat=True))


def test_tax_and_stamp_duty_of_a_note_are_whole_rupees(account: Account, trade_of: TradeOf) -> None:
    book_trade(trade_of(360, "100", **TRADED))
    book_trade(trade_of(-1110, "100", **TRADED))
    # 0.025 % of 1,11,000 is 27.75, 0.003 % of 36,000 is 1.08.
    assert (of_kind(account, "transaction_tax"), of_kind(account, "stamp_duty")) == (D("27.75"), D("1.08"))
    assert [entry.amount for entry in round_contract_notes(account, EVENING)] == [D("0.08"), D("-0.25")]
    assert (of_kind(account, "transaction_tax"), of_kind(account, "stamp_duty")) == (28, 1)
    assert rebuild_account(account) == []


def test_the_days_charges_are_told_exactly_and_by_the_note(account: Account, trade_of: TradeOf) -> None:
    # STT 29.42 → 29, stamp 4.41 → 4, exchange 0.9033, SEBI 0.0294, GST 0.1679: 34.1006, so 34.10.
    # 34.11 is what rounding each of the three up would make; Kite's own note does not (test_charges).
    book_trade(trade_of(1, "29424.15", product="CNC", **TRADED))
    told = DayCharges(exact=D("34.93"), note=D("34.10"))
    assert charges_of_day(account, DAY) == told
    round_contract_notes(account, EVENING)
    assert charges_of_day(account, DAY) == told
    assert -sum(LedgerEntry.objects.charges().values_list("amount", flat=True)) == D("34.10")


def test_shares_and_derivatives_are_two_notes(account: Account, nifty_call: Instrument, trade_of: TradeOf) -> None:
    book_trade(trade_of(-30, "80", **TRADED))  # 0.60
    book_trade(trade_of(-65, "6.20", exchange="NFO", instrument_id=nifty_call.pk, product="NRML", **TRADED))  # 0.60
    round_contract_notes(account, EVENING)
    assert of_kind(account, "transaction_tax") == 2


def test_a_note_is_rounded_once_and_only_when_its_day_is_over(account: Account, trade_of: TradeOf) -> None:
    book_trade(trade_of(-30, "80", **TRADED))
    assert round_contract_notes(account, EVENING - timedelta(hours=3)) == []
    assert len(round_contract_notes(account, EVENING)) == 1
    assert round_contract_notes(account, EVENING) == []


def test_a_note_that_changes_afterwards_is_put_right_by_a_further_entry(account: Account, trade_of: TradeOf) -> None:
    book_trade(trade_of(-30, "80", **TRADED))
    round_contract_notes(account, EVENING)
    book_trade(trade_of(-30, "80", **TRADED))
    assert [difference.what for difference in rebuild_account(account)] == ["transaction_tax"]
    assert [entry.amount for entry in round_contract_notes(account, EVENING)] == [D("0.60")]
    assert of_kind(account, "transaction_tax") == 1
    assert rebuild_account(account) == []


def test_a_note_waits_for_charges_that_are_not_known(account: Account, trade_of: TradeOf) -> None:
    gst = list(ChargeRate.objects.filter(kind="gst"))
    book_trade(trade_of(-30, "80", **TRADED))
    ChargeRate.objects.filter(kind="gst").delete()
    book_trade(trade_of(-30, "80", **TRADED))
    assert round_contract_notes(account, EVENING) == []
    assert charges_of_day(account, DAY) == DayCharges(None, None)
    ChargeRate.objects.bulk_create(gst)
    charge_uncharged(account)
    assert len(round_contract_notes(account, EVENING)) == 1


def test_the_rounding_is_of_the_account_and_of_no_portfolio(account: Account, trade_of: TradeOf) -> None:
    book_trade(trade_of(-30, "80", **TRADED))
    [entry] = round_contract_notes(account, EVENING)
    assert (entry.portfolio, entry.trade, entry.day) == (None, None, DAY)
    assert entry.note == "contract note of 8 May 2026, shares: Securities transaction tax in whole rupees"


def test_the_evenings_check_of_the_books_rounds_the_notes(account: Account, trade_of: TradeOf) -> None:
    long_ago = datetime(2024, 5, 8, 10, tzinfo=IST)
    book_trade(trade_of(-30, "80", day=long_ago.date(), traded_at=long_ago))
    assert check_account(account) is False
    assert of_kind(account, "transaction_tax") == 1
