"""What the gate refused stays in Orders as a struck row; the same thing again and again is one row with a count."""

from typing import Any

from alphapanda.dashboard.panels import live_snapshot, orders_snapshot
from alphapanda.dashboard.tests.conftest import SampleDay
from trading.models import Order

COLLAR = "PRICE_COLLAR: limit 1,298.00 is 3.4 % from last; 2.0 % allowed"
GROSS = "MAX_GROSS: gross exposure after ₹13.10 L; ₹12.50 L allowed"


def told(**filters: str) -> list[tuple[str, str]]:
    return [(row["state"], row["second"]) for row in orders_snapshot(filters)["rows"]]


def test_refusals_stand_between_the_orders_of_their_time(sample: SampleDay) -> None:
    sample.order("open")
    sample.signal(state="denied", reason=COLLAR)
    sample.order("open")
    assert told() == [("Open", ""), ("Refused", COLLAR), ("Open", "")]


def test_refusals_of_one_kind_in_a_row_are_one_with_a_count(sample: SampleDay) -> None:
    for reason in (COLLAR, GROSS, GROSS, GROSS.replace("13.10", "13.20")):
        sample.signal(state="denied", reason=reason)
    sample.signal(state="denied", reason=GROSS, side="SELL")
    assert told() == [
        ("Refused", GROSS),
        ("Refused × 3", GROSS.replace("13.10", "13.20")),
        ("Refused", COLLAR),
    ]
    refused = live_snapshot(None)["refused"]
    assert (refused["counts"], [row["times"] for row in refused["rows"]]) == ("5", ["", "× 3", ""])


def test_what_goes_on_being_refused_keeps_its_row(sample: SampleDay) -> None:
    sample.signal(state="denied", reason=GROSS)
    before = orders_snapshot()["rows"][0]["key"]
    sample.signal(state="denied", reason=GROSS)
    assert [row["key"] for row in orders_snapshot()["rows"]] == [before]


def test_refusals_are_chosen_by_state_symbol_and_strategy(sample: SampleDay) -> None:
    sample.order("open")
    sample.signal(state="denied", reason=COLLAR)
    assert told(state="refused") == [("Refused", COLLAR)]
    assert told(state="working") == [("Open", "")]
    assert told(state="refused", q="infy", strategy="Mean reversion A") == [("Refused", COLLAR)]
    assert told(state="refused", q="TCS") == []
    assert told(state="refused", day="2026-11-19") == []


def test_a_page_ends_where_the_next_begins(sample: SampleDay, monkeypatch: Any) -> None:
    monkeypatch.setattr("alphapanda.dashboard.panels.orders.page.PAGE", 2)
    sample.order("open")
    sample.signal(state="denied", reason=COLLAR)
    sample.order("open")
    first = orders_snapshot()
    assert [row["state"] for row in first["rows"]] == ["Open", "Refused"]
    before = str(first["older"]).rpartition("before=")[2]
    assert [row["key"] for row in orders_snapshot({"before": before})["rows"]] == [
        str(Order.objects.order_by("pk")[0].pk)
    ]
