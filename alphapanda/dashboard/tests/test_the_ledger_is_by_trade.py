"""The ledger: a trade is one row that opens to its value and its charges; their sum is what moved."""

from decimal import Decimal
from typing import Any

from django.urls import reverse

from alphapanda.dashboard.panels import portfolio_snapshot
from alphapanda.dashboard.panels.portfolio import ledger
from alphapanda.dashboard.tests.conftest import SampleDay
from portfolio.models import Account, LedgerEntry


def rows() -> list[Any]:
    return portfolio_snapshot(None)["ledger"]["rows"]


def test_a_trade_is_one_row_with_its_parts(sample: SampleDay, reader: Any) -> None:
    sample.order("open", filled=240)
    opening, trade = rows()
    amounts = [Decimal(part["amount"]) for part in trade["parts"]]
    assert Decimal(trade["net"]) == sum(amounts) == Decimal(trade["value"]) + Decimal(trade["charges"])
    assert trade["opens"] == f"Trade and {len(amounts) - 1} charges"
    assert (opening["kind"], opening["opens"], opening["parts"]) == ("Opening cash", "", [])
    assert trade["opens"] in reader.get(reverse("dashboard:portfolio")).content.decode()


def test_the_rows_add_up_to_the_ledger_balance(sample: SampleDay) -> None:
    sample.order("open", filled=240)
    sample.order("open", filled=100)
    assert sum(Decimal(row["net"]) for row in rows()) == Account.objects.get().cash


def test_a_trade_is_never_shown_in_part(sample: SampleDay, monkeypatch: Any) -> None:
    """What lies beyond what was read is left out whole: half a trade's charges would look like all of them."""
    sample.order("open", filled=240)
    sample.order("open", filled=100)
    whole = len(rows()[1]["parts"])
    monkeypatch.setattr(ledger, "READ_ENTRIES", 1 + whole + 2)
    assert [len(row["parts"]) for row in rows()] == [0, whole]
    assert LedgerEntry.objects.count() > 1 + whole + 2
