"""What the database itself refuses, whoever asks and by whatever way."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from portfolio.booking import TradeReport, book_trade, open_account
from portfolio.charging import seed_charge_rates
from portfolio.models import Account, ChargeRate, LedgerEntry, Trade

TradeOf = Callable[..., TradeReport]


@pytest.fixture
def trade(account: Account, trade_of: TradeOf) -> Trade:
    return book_trade(trade_of(10, "100"))[0]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE portfolio_ledgerentry SET amount = amount + 1",
        "DELETE FROM portfolio_ledgerentry",
        "UPDATE portfolio_trade SET price = price + 1",
        "UPDATE portfolio_trade SET charges = 0",
        "UPDATE portfolio_trade SET charges = NULL",
        "DELETE FROM portfolio_trade",
        "UPDATE portfolio_account SET mode = 'live', broker = 'zerodha'",
        "UPDATE portfolio_account SET opening_cash = opening_cash + 1",
        "UPDATE portfolio_account SET version = -1",
        "UPDATE portfolio_position SET quantity = 0",
        "UPDATE portfolio_position SET quantity = -quantity",
        "UPDATE portfolio_lot SET remaining = remaining + 1",
        "UPDATE portfolio_lot SET remaining = -remaining",
        "UPDATE portfolio_chargerate SET source = ''",
        "UPDATE portfolio_chargerate SET sell_rate = -1",
    ],
)
def test_raw_sql_cannot_break_the_books(trade: Trade, statement: str) -> None:
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def test_unknown_charges_may_become_known_and_nothing_else_with_them(account: Account, trade_of: TradeOf) -> None:
    ChargeRate.objects.filter(kind="gst").delete()
    trade, _ = book_trade(trade_of(10, "100"))
    with pytest.raises(IntegrityError), transaction.atomic():
        Trade.objects.filter(pk=trade.pk).update(charges=1, price=1)
    assert Trade.objects.filter(pk=trade.pk).update(charges=Decimal("1.5")) == 1


@pytest.mark.parametrize(("mode", "broker"), [("paper", "zerodha"), ("live", "paper")])
def test_paper_money_never_meets_a_real_broker(db: None, mode: str, broker: str) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        open_account("mixed", mode, broker, Decimal(0))


def test_a_broker_account_is_linked_once(db: None) -> None:
    open_account("one", "live", "zerodha", Decimal(0), client_id="AB1234")
    with pytest.raises(IntegrityError), transaction.atomic():
        open_account("two", "live", "zerodha", Decimal(0), client_id="AB1234")


@pytest.mark.parametrize(
    ("kind", "amount"), [("deposit", -1), ("withdrawal", 1), ("gst", 0), ("trade_value", 0), ("gift", 1)]
)
def test_money_goes_the_way_its_kind_says(account: Account, kind: str, amount: int) -> None:
    facts: dict[str, Any] = {"day": account.opened_at.date(), "at": account.opened_at, "key": "x"}
    with pytest.raises(IntegrityError), transaction.atomic():
        LedgerEntry.objects.create(account=account, kind=kind, amount=amount, **facts)


def test_seeding_adds_what_is_missing_and_keeps_what_a_person_changed(db: None) -> None:
    rows = ChargeRate.objects.count()
    ChargeRate.objects.filter(kind="gst").delete()
    ChargeRate.objects.filter(kind="brokerage").update(source="my own agreement")
    seed_charge_rates()
    assert ChargeRate.objects.count() == rows
    assert set(ChargeRate.objects.filter(kind="brokerage").values_list("source", flat=True)) == {"my own agreement"}
