"""A strategy's page: its session as candles with its fills, its trades from flat to flat, and its parameters."""

from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from alphapanda.dashboard import panels
from alphapanda.dashboard.panels.strategies import trades
from alphapanda.dashboard.tests.conftest import SampleDay
from portfolio.models import Trade


def snapshot(sample: SampleDay, chart_of: str = "") -> Any:
    return panels.deployment_snapshot(sample.deployment.pk, chart_of)


def test_each_fill_stands_in_its_candle_with_price_and_reason(sample: SampleDay) -> None:
    sample.order(filled=240)
    chart = snapshot(sample)["chart"]
    [mark] = chart["fills"]
    assert mark["at"] % 300 == 0
    assert (mark["side"], mark["words"]) == ("Buy", "Bought 240")
    assert mark["said"] == "14:32:08 Bought 240 at 1,512.37: close 1,512.40 is under band 1,513.19"


def test_entry_stop_and_target_are_drawn_only_while_it_is_held(sample: SampleDay) -> None:
    assert snapshot(sample)["chart"]["levels"] == []
    sample.order(filled=240)
    levels = {each["name"]: Decimal(each["price"]) for each in snapshot(sample)["chart"]["levels"]}
    assert levels == {"Entry": Decimal("1512.37"), "Stop": Decimal(1501), "Target": Decimal(1524)}
    sample.order(filled=240, side="SELL")
    assert snapshot(sample)["chart"]["levels"] == []


def test_the_chart_is_of_the_instrument_asked_for(sample: SampleDay) -> None:
    sample.order(filled=240)
    assert snapshot(sample)["chart"]["title"] == "INFY, 5 min"
    chart = snapshot(sample, "NSE:TCS")["chart"]
    assert (chart["title"], chart["fills"]) == ("TCS, 5 min", [])
    assert [(each["symbol"], each["chosen"]) for each in chart["choices"]] == [("INFY", False), ("TCS", True)]


def test_a_closed_trade_says_what_it_made_after_charges_and_leads_to_both_stories(sample: SampleDay) -> None:
    into = sample.order(filled=240)
    out = sample.order(filled=240, side="SELL", price="1518.60")
    closed = snapshot(sample)["closed"]
    [row] = closed["rows"]
    charges = sum(trade.charges for trade in Trade.objects.all())
    assert Decimal(row["net"]) == Decimal("6.23") * 240 - charges
    assert (row["what"], row["symbol"], closed["net"]) == ("Bought 240", "INFY", row["net"])
    assert row["entry_story"] == reverse("dashboard:order_story", args=[into.pk])
    assert row["exit_story"] == reverse("dashboard:order_story", args=[out.pk])


def test_what_is_open_is_no_closed_trade(sample: SampleDay) -> None:
    sample.order(filled=240)
    assert snapshot(sample)["closed"]["rows"] == []


def test_a_trade_whose_beginning_was_not_read_is_left_out(sample: SampleDay, monkeypatch: pytest.MonkeyPatch) -> None:
    for side in ("BUY", "SELL", "BUY", "SELL"):
        sample.order(filled=240, side=side)
    assert len(snapshot(sample)["closed"]["rows"]) == 2
    monkeypatch.setattr(trades, "READ_TRADES", 3)
    assert len(snapshot(sample)["closed"]["rows"]) == 1


def test_more_trades_take_no_more_questions(sample: SampleDay) -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            snapshot(sample)
        return sum(any(f'FROM "{table}_' in query["sql"] for table in ("portfolio", "trading")) for query in queries)

    for side in ("BUY", "SELL"):
        sample.order(filled=240, side=side)
    few = asked()
    for side in ("BUY", "SELL") * 3:
        sample.order(filled=240, side=side)
    assert asked() == few


def test_a_running_strategy_says_what_holds_and_a_stopped_one_offers_what_applies(
    reader: Any, sample: SampleDay
) -> None:
    page = reverse("dashboard:deployment", args=[sample.deployment.pk])
    text = reader.get(page).content.decode()
    assert "Save parameters" not in text
    assert "× ATR" not in text
    sample.deployment.state = "stopped"
    sample.deployment.save()
    text = reader.get(page).content.decode()
    assert 'data-chosen-by="p-stop_kind"' in text
    assert 'data-value="ATR"' in text
    assert 'data-chooses="p-stop_kind"' in text
