"""Each open position names its owner, what is lost until its stop, and what the broker sees of it."""

from decimal import Decimal
from typing import Any

import pytest
from django.urls import reverse

from alphapanda.dashboard.panels import live_snapshot
from alphapanda.dashboard.panels.portfolio import positions
from alphapanda.dashboard.tests.conftest import DAY, NOW, SampleDay
from portfolio.booking import TradeReport, book_trade, ensure_portfolio
from portfolio.models import Position
from trading.run.position import Levels


def sell_by_hand(sample: SampleDay, quantity: int) -> None:
    portfolio = ensure_portfolio(sample.account)
    report = TradeReport(
        sample.account.pk, portfolio.pk, sample.infy.pk, "NSE", DAY, "T99", "B99", "", "MIS", -quantity,
        Decimal("1512.37"), NOW,
    )  # fmt: skip
    book_trade(report)


def rows() -> list[Any]:
    return live_snapshot(None)["positions"]["groups"][0]["rows"]


def test_a_row_names_its_owner(sample: SampleDay) -> None:
    sample.order("open", filled=120)
    assert [(row["owner"], row["net"]) for row in rows()] == [(str(Position.objects.get().portfolio), "")]


def test_what_is_held_both_ways_is_nothing_at_the_broker(sample: SampleDay, reader: Any) -> None:
    sample.order("open", filled=120)
    sell_by_hand(sample, 120)
    assert {row["quantity"]: row["net"] for row in rows()} == dict.fromkeys((120, -120), "net at the broker 0")
    assert "by hand" in reader.get(reverse("dashboard:live")).content.decode()


@pytest.mark.parametrize(("quantity", "stop", "lost"), [(120, "1501", "1440"), (-120, "1524", "1320")])
def test_what_is_lost_until_the_stop_is_said_in_rupees(
    sample: SampleDay, monkeypatch: pytest.MonkeyPatch, quantity: int, stop: str, lost: str
) -> None:
    sample.order("open", filled=abs(quantity), side="BUY" if quantity > 0 else "SELL")
    key = (sample.deployment.pk, sample.infy.key)
    monkeypatch.setattr(positions, "levels_of", lambda days: {key: Levels(Decimal(stop), None)})
    assert rows()[0]["to_stop"] is None  # no price is known
    priced = positions.position_row
    monkeypatch.setattr(
        positions, "position_row", lambda page, day, held, *rest: priced(page, day, at(held, "1513"), *rest)
    )
    assert Decimal(rows()[0]["to_stop"]) == Decimal(lost)


def at(holding: Any, last: str) -> Any:
    return type(holding)(holding.position, holding.quote, Decimal(last))
