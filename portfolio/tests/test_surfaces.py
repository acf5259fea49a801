"""The books as people and scripts see them: the command, the API, the admin, the health check."""

import json
from collections.abc import Callable
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client
from rest_framework.test import APIRequestFactory, force_authenticate

from portfolio.api import VIEWSETS
from portfolio.booking import TradeReport, book_trade
from portfolio.health import book_problems
from portfolio.models import Account, ChargeRate, LedgerEntry, Lot, Position
from portfolio.rebuilding import rebuild_account
from portfolio.tasks import check_books
from portfolio.tests.conftest import DAY

TradeOf = Callable[..., TradeReport]


@pytest.fixture
def traded(account: Account, trade_of: TradeOf) -> Account:
    book_trade(trade_of(10, "100", product="CNC"))
    book_trade(trade_of(-4, "110", product="CNC"))
    return account


def rebuild_portfolio(*arguments: str) -> dict[str, Any]:
    out = StringIO()
    try:
        call_command("rebuild_portfolio", "--json", *arguments, stdout=out)
    finally:
        text = out.getvalue()
    return json.loads(text)


def test_the_command_says_that_books_agree(traded: Account) -> None:
    said = rebuild_portfolio("--account", traded.name)
    assert said["differing"] == 0
    assert said["accounts"][0]["trades"] == 2


def test_the_command_fails_where_they_differ_and_can_put_them_right(traded: Account) -> None:
    Position.objects.update(realised=Decimal(7))
    Lot.objects.update(price=Decimal(99))
    Account.objects.update(cash=Decimal(1))
    with pytest.raises(CommandError, match="1 of 1 accounts differ"):
        call_command("rebuild_portfolio", stdout=StringIO())
    repaired = rebuild_portfolio("--fix")["accounts"][0]["repaired"]
    assert {difference["what"] for difference in repaired} == {"realised", "lots", "cash"}
    assert rebuild_account(traded) == []


def test_the_command_knows_no_account_of_that_name(db: None) -> None:
    with pytest.raises(CommandError, match="no account named nobody") as refused:
        call_command("rebuild_portfolio", "--account", "nobody", stdout=StringIO())
    assert refused.value.returncode == 2


def test_a_position_lost_altogether_is_found_and_made_again(traded: Account) -> None:
    Position.objects.all().delete()
    assert {difference.what for difference in rebuild_account(traded, fix=True)} >= {"quantity", "lots", "realised"}
    assert Position.objects.get().quantity == 6
    assert rebuild_account(traded) == []


def test_a_ledger_entry_nobody_can_explain_is_told(traded: Account) -> None:
    LedgerEntry.objects.create(account=traded, kind="trade_value", amount=1, day=DAY, at=traded.opened_at, key="?")
    cash, entry = rebuild_account(traded)
    assert (cash.what, cash.is_derived) == ("cash", True)
    assert (entry.where, entry.stands, entry.is_derived) == ("?", "1.0000", False)


def test_the_nightly_check_counts_accounts_that_differ(traded: Account) -> None:
    assert check_books() == 0
    Position.objects.update(realised=Decimal(7))
    assert check_books() == 1


def test_health_tells_of_unknown_charges_and_wrong_quantities(traded: Account, trade_of: TradeOf) -> None:
    assert book_problems() == []
    ChargeRate.objects.filter(kind="gst").delete()
    book_trade(trade_of(1, "100", product="CNC"))
    Position.objects.update(quantity=5)
    assert book_problems() == ["practice: 1 trades have no known charges", "NSE:INFY: 5 held, 7 traded"]


def listed(name: str, **filters: str) -> list[dict[str, Any]]:
    request = APIRequestFactory().get("/", filters)
    force_authenticate(request, User(username="reader", pk=1, is_superuser=True))
    response = VIEWSETS[name].as_view({"get": "list"})(request)
    assert response.status_code == 200, response.data
    return json.loads(response.render().content)["results"]


@pytest.mark.parametrize(("name", "count"), [("accounts", 1), ("positions", 1), ("lots", 1), ("trades", 2)])
def test_the_api_lists_the_books(traded: Account, name: str, count: int) -> None:
    assert len(listed(name)) == count


def test_the_api_writes_money_as_strings(traded: Account) -> None:
    (position,) = listed("positions", account=str(traded.pk), is_open="true")
    assert (position["instrument"], position["realised"], position["quantity"]) == ("NSE:INFY", "40.0000", 6)
    assert listed("positions", is_open="false") == []


def test_the_api_filters_the_ledger(traded: Account) -> None:
    (opening,) = listed("ledger", kind="opening")
    assert opening["amount"] == "1000000.0000"
    assert listed("ledger", day_to=str(DAY.replace(year=2025))) == []
    assert listed("pnl", portfolio=str(traded.portfolios.get().pk)) == []


def test_a_stranger_reads_nothing(traded: Account) -> None:
    response = VIEWSETS["ledger"].as_view({"get": "list"})(APIRequestFactory().get("/"))
    assert response.status_code == 401


@pytest.fixture
def staff(admin_client: Client) -> Client:
    return admin_client


@pytest.mark.parametrize(
    "table", ["account", "portfolio", "position", "trade", "ledgerentry", "pnlsnapshot", "chargerate"]
)
def test_every_table_can_be_looked_at(traded: Account, staff: Client, table: str) -> None:
    assert staff.get(f"/admin/portfolio/{table}/").status_code == 200


@pytest.mark.parametrize("table", ["position", "trade", "ledgerentry", "pnlsnapshot", "portfolio"])
def test_what_is_booked_is_not_edited_by_hand(traded: Account, staff: Client, table: str) -> None:
    assert staff.get(f"/admin/portfolio/{table}/add/").status_code == 403


ACCOUNT_FORM = {
    "name": "second",
    "broker": "paper",
    "mode": "paper",
    "client_id": "",
    "opening_cash": "500000",
    "intraday_multiple": "5",
    "derivative_margin_percent": "",
    "is_active": "on",
}


def test_an_account_added_by_hand_begins_like_any_other(db: None, staff: Client) -> None:
    assert staff.post("/admin/portfolio/account/add/", ACCOUNT_FORM).status_code == 302
    account = Account.objects.get(name="second")
    assert LedgerEntry.objects.cash(account.pk) == Decimal(500_000)
    assert account.portfolios.count() == 1


def test_a_paper_account_at_a_real_broker_is_refused_in_words(db: None, staff: Client) -> None:
    page = staff.post("/admin/portfolio/account/add/", ACCOUNT_FORM | {"broker": "zerodha"})
    assert "Choose both alike" in page.content.decode()
    assert not Account.objects.exists()


def test_mode_broker_and_opening_cash_cannot_be_edited(traded: Account, staff: Client) -> None:
    form = ACCOUNT_FORM | {"name": "renamed", "mode": "live", "broker": "zerodha", "opening_cash": "1"}
    assert staff.post(f"/admin/portfolio/account/{traded.pk}/change/", form).status_code == 302
    traded.refresh_from_db()
    assert (traded.name, traded.mode, traded.opening_cash) == ("renamed", "paper", Decimal(1_000_000))


RATE_FORM = {
    "kind": "transaction_tax",
    "exchange": "NSE",
    "segment": "delivery",
    "effective_from": "2027-04-01",
    "buy_rate": "0.001",
    "sell_rate": "0.001",
    "cap": "",
    "flat": "",
    "source": "Finance Act 2027",
}


def test_a_new_rate_is_added_with_its_day_and_source(db: None, staff: Client) -> None:
    assert staff.post("/admin/portfolio/chargerate/add/", RATE_FORM).status_code == 302
    assert ChargeRate.objects.filter(effective_from="2027-04-01", source="Finance Act 2027").exists()


def test_a_percentage_typed_as_a_rate_is_refused_in_words(db: None, staff: Client) -> None:
    page = staff.post("/admin/portfolio/chargerate/add/", RATE_FORM | {"buy_rate": "0.1"})
    assert "0.1 would be 10.0 percent. Write a fraction" in page.content.decode()


def test_a_rate_without_a_source_is_refused(db: None, staff: Client) -> None:
    page = staff.post("/admin/portfolio/chargerate/add/", RATE_FORM | {"source": ""})
    assert "This field is required" in page.content.decode()
