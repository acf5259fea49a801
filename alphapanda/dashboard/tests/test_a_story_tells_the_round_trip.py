"""The story of an order says what it made with those on the other side of its lots, and leads to them."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from alphapanda.core.figures import profit
from alphapanda.dashboard.panels import order_story
from alphapanda.dashboard.panels.naming import story_of
from alphapanda.dashboard.tests.conftest import NOW, SampleDay
from portfolio.models import Trade
from trading.models import Fill, Order


def rows_of(order: Order) -> dict[str, Any]:
    return {row["name"]: row for row in order_story(order.pk)["result"]["rows"]}


def test_entry_and_exit_tell_the_same_net_and_lead_to_each_other(reader: Any, sample: SampleDay) -> None:
    bought = sample.order("open", filled=240)
    sold = sample.order("open", filled=240, side="SELL", price="1515.00")
    charges = sum((trade.charges or Decimal(0) for trade in Trade.objects.all()), Decimal(0))
    net = profit(Decimal("2.63") * 240 - charges)
    into, out = rows_of(bought), rows_of(sold)
    assert (into["Round trip"]["words"], out["Round trip"]["words"]) == (net, net)
    assert (into["Exit"]["href"], out["Entry"]["href"]) == (story_of(sold), story_of(bought))
    assert "Since its fill" not in into
    assert f'href="{story_of(sold)}"' in reader.get(story_of(bought)).content.decode()


def test_a_part_that_is_closed_bears_its_share_of_the_charges(sample: SampleDay) -> None:
    bought = sample.order("open", filled=240)
    sold = sample.order("open", filled=60, quantity=60, side="SELL", price="1515.00")
    (entry,), (leaving,) = [list(Trade.objects.filter(fill__order=order)) for order in (bought, sold)]
    assert entry.charges is not None
    assert leaving.charges is not None
    net = Decimal("2.63") * 60 - (entry.charges / 4 + leaving.charges).quantize(Decimal("0.01"))
    assert rows_of(bought)["Round trip"]["words"] == profit(net)
    assert "On 60" in rows_of(sold)


def test_the_chart_has_both_sides_and_the_stop_of_the_entry(sample: SampleDay) -> None:
    sample.order("open", filled=240)
    sold = sample.order("open", filled=240, side="SELL", price="1515.00")
    type(sold.signal).objects.filter(pk=sold.signal_id).update(stop=None, target=None)
    Fill.objects.update(at=NOW - timedelta(minutes=10))  # while there were candles
    chart = order_story(sold.pk)["chart"]
    assert {level["name"]: Decimal(level["price"]) for level in chart["levels"]} == {
        "Stop": Decimal(1501),
        "Target": Decimal(1524),
        "Limit": Decimal("1512.40"),
        "Entry": Decimal("1512.37"),
    }
    assert [fill["words"] for fill in chart["fills"]] == ["Bought 240", "Sold 240"]
    Fill.objects.exclude(order=sold).update(at=NOW - timedelta(hours=3))  # before the first candle shown
    assert [fill["words"] for fill in order_story(sold.pk)["chart"]["fills"]] == ["Sold 240"]
