"""What was filled today stands on the curve where the line was then, and in words below it."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from alphapanda.dashboard import panels
from alphapanda.dashboard.panels.context import PageContext
from alphapanda.dashboard.panels.live.fill_marks import fill_marks, net_at
from alphapanda.dashboard.tests.conftest import NOW, SampleDay
from trading.models import Fill

T0 = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
CURVE = [(T0, Decimal(0)), (T0 + timedelta(minutes=1), Decimal(60)), (T0 + timedelta(minutes=3), Decimal(-60))]


def marks() -> list[Any]:
    return list(panels.live_snapshot(None)["net"]["curve"]["marks"])


def test_fills_of_a_minute_are_one_mark_in_words(sample: SampleDay) -> None:
    sample.order("open", filled=120)
    sample.order("open", filled=240, side="SELL", price="1513.00")
    [mark] = marks()
    assert mark["words"] == "14:32 Bought 120 INFY at 1,512.37; Sold 240 INFY at 1,513.00"
    assert mark["at"] == int(NOW.timestamp())


def test_what_was_filled_before_today_is_not_marked(sample: SampleDay) -> None:
    sample.order("open", filled=120)
    Fill.objects.update(at=NOW - timedelta(days=1))
    assert marks() == []


def test_fills_of_other_money_are_not_on_this_curve(sample: SampleDay) -> None:
    sample.order("open", filled=120)
    assert [len(fill_marks(PageContext(), mode, CURVE)) for mode in ("paper", "live")] == [1, 0]


@pytest.mark.parametrize(
    ("seconds", "net"), [(0, "0"), (30, "30"), (60, "60"), (90, "30"), (180, "-60"), (-5, "0"), (900, "-60")]
)
def test_a_mark_lies_on_the_line_as_it_is_drawn(seconds: int, net: str) -> None:
    assert net_at(T0 + timedelta(seconds=seconds), CURVE) == Decimal(net)


def test_many_fills_name_the_first_and_count_the_others(sample: SampleDay) -> None:
    for _ in range(6):
        sample.order("open", filled=10)
    assert marks()[0]["words"].endswith("at 1,512.37; and 2 more fills")


def test_the_page_lists_them_for_whoever_does_not_point(reader: Any, sample: SampleDay) -> None:
    sample.order("open", filled=120)
    page = reader.get("/").content.decode()
    assert "Filled today, by the" in page
    assert "14:32 Bought 120 INFY at 1,512.37" in page
