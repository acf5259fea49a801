"""A split or a bonus issue adjusts quantity and cost, realises nothing, and is the same after a rebuild."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from instruments.models import CorporateAction
from portfolio.adjusting import book_adjustment, due_adjustments
from portfolio.booking import book_trade
from portfolio.health import book_problems
from portfolio.models import Adjustment, LedgerEntry, Lot, Position, Receivable
from portfolio.rebuilding import rebuild_account
from portfolio.results import read_day

D = Decimal
EX_DATE = date(2026, 11, 23)
MORNING = datetime(2026, 11, 22, 18, 30, tzinfo=UTC)  # midnight in India


@pytest.fixture
def split(infy):
    return CorporateAction.objects.create(
        instrument=infy, kind="split", ex_date=EX_DATE, held=1, becomes=5, source="NSE"
    )


@pytest.fixture
def buy(trade_of):
    """Buy or sell for delivery; ``later`` days after 20 November."""

    def book(quantity: int, price: str, later: int = 0, **columns):
        day = {"day": date(2026, 11, 20) + timedelta(days=later)} if later else {}
        report = trade_of(quantity, price, product="CNC", **day | columns)
        if later:
            report = type(report)(
                **{name: getattr(report, name) for name in report.__slots__}
                | {"traded_at": report.traded_at + timedelta(days=later)}
            )
        return book_trade(report)[0]

    return book


def adjust(account, now=MORNING) -> None:
    for account_id, action in due_adjustments(now):
        assert account_id == account.pk
        book_adjustment(account_id, action)


def position() -> Position:
    return Position.objects.get()


def test_quantity_and_average_follow_the_ratio_and_nothing_is_realised(account, buy, split):
    buy(10, "1500")
    adjust(account)
    assert (position().quantity, position().average_price, position().open_value) == (50, 300, 15000)
    assert position().realised == 0
    assert (rebuild_account(account), book_problems()) == ([], [])


def test_it_is_due_from_its_ex_date_on_and_booked_once(account, buy, split):
    buy(10, "1500")
    assert due_adjustments(MORNING - timedelta(seconds=1)) == []
    adjust(account)
    assert due_adjustments(MORNING) == []
    assert book_adjustment(account.pk, split) is None
    assert position().quantity == 50


def test_who_bought_on_the_ex_date_is_not_entitled(account, buy, split):
    buy(10, "300", later=3)
    assert due_adjustments(MORNING + timedelta(hours=10)) == []
    assert position().quantity == 10


def test_a_row_that_comes_late_adjusts_what_was_held_then_and_nothing_traded_since(account, buy, split):
    buy(10, "1500")
    buy(5, "310", later=3)
    adjust(account, MORNING + timedelta(days=2))
    assert (position().quantity, position().open_value) == (55, 16550)
    assert rebuild_account(account) == []


def test_a_sale_of_before_that_is_heard_of_after_is_folded_in_before_it(account, buy, split):
    buy(10, "1500")
    adjust(account)
    buy(-4, "1600")
    assert (position().quantity, position().realised) == (30, 400)
    assert rebuild_account(account) == []


def test_what_is_sold_after_it_is_realised_against_the_adjusted_cost(account, buy, split):
    buy(10, "1500")
    adjust(account)
    buy(-20, "310", later=3)
    assert (position().quantity, position().realised) == (30, 200)
    assert rebuild_account(account) == []


def test_money_does_not_move_with_it(account, buy, split):
    buy(10, "1500")
    cash = LedgerEntry.objects.cash(account.pk)
    adjust(account)
    assert LedgerEntry.objects.cash(account.pk) == cash


def test_lots_keep_the_day_they_were_bought_on(account, buy, split):
    buy(10, "1500")
    adjust(account)
    lots = Lot.objects.order_by("ordinal").values_list("remaining", "price", "day", "adjustment__becomes")
    assert list(lots) == [(0, 1500, date(2026, 11, 20), None), (50, 300, date(2026, 11, 20), 5)]
    portfolio = position().portfolio_id
    [carried] = read_day([portfolio], EX_DATE).carried[portfolio]
    assert (carried.quantity, carried.open_value) == (50, 15_000)


def test_a_cost_that_does_not_divide_stays_exact_through_a_rebuild_and_a_sale(account, buy, infy):
    CorporateAction.objects.create(instrument=infy, kind="bonus", ex_date=EX_DATE, held=2, becomes=3, source="NSE")
    buy(10, "100")
    adjust(account)
    buy(-7, "80", later=3)
    assert position().realised - position().open_value == 7 * 80 - 1000
    assert rebuild_account(account) == []


def test_two_actions_follow_each_other(account, buy, split, infy):
    CorporateAction.objects.create(
        instrument=infy, kind="bonus", ex_date=EX_DATE + timedelta(days=2), held=1, becomes=2, source="NSE"
    )
    buy(10, "1500")
    adjust(account, MORNING + timedelta(days=5))
    assert (position().quantity, position().average_price) == (100, 150)
    assert Position.objects.receivable(EX_DATE) == {position().pk: 90}
    assert rebuild_account(account) == []


def test_what_is_entitled_is_receivable_until_it_is_credited(account, buy, split):
    buy(10, "1500")
    adjust(account)
    assert Position.objects.receivable(EX_DATE) == {position().pk: 40}
    split.credited_on = EX_DATE + timedelta(days=2)
    split.save()
    assert Position.objects.receivable(EX_DATE + timedelta(days=1)) == {position().pk: 40}
    assert Position.objects.receivable(EX_DATE + timedelta(days=2)) == {}


def test_no_more_is_receivable_than_is_held(account, buy, split):
    buy(10, "1500")
    adjust(account)
    buy(-30, "310", later=3)
    assert Position.objects.receivable(EX_DATE) == {position().pk: 20}


def test_a_rebuild_sees_a_receivable_that_is_wrong(account, buy, split):
    buy(10, "1500")
    adjust(account)
    Receivable.objects.update(quantity=7)
    assert [difference.what for difference in rebuild_account(account)] == ["receivables"]
    rebuild_account(account, fix=True)
    assert rebuild_account(account) == []


@pytest.mark.parametrize("change", [lambda rows: rows.update(becomes=9), lambda rows: rows._raw_delete("default")])
def test_what_is_booked_is_never_changed(account, buy, split, change):
    buy(10, "1500")
    adjust(account)
    with pytest.raises(IntegrityError, match=r"append-only"), transaction.atomic():
        change(Adjustment.objects.all())
