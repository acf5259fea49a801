"""The blotter: filled of quantity, average, slippage against the decision, charges; days above their first rows."""

from datetime import timedelta

from alphapanda.core.figures import plain, signed
from alphapanda.dashboard.panels import orders_snapshot
from alphapanda.dashboard.tests.conftest import NOW, SampleDay
from portfolio.models import Trade
from trading.models import Order


def test_a_row_says_what_was_filled_at_what_price_and_cost(sample: SampleDay) -> None:
    sample.order("open", filled=120)  # decided on 1,512.40, bought at 1,512.37
    row = orders_snapshot()["rows"][0]
    assert (row["filled"], plain(row["average"]), signed(row["slippage"])) == ("120 of 240", "1,512.37", "+3.60")
    assert row["charges"] == f"{Trade.objects.get().charges:f}"


def test_selling_under_the_price_of_the_decision_is_a_loss(sample: SampleDay) -> None:
    sample.order("open", filled=240, side="SELL")
    row = orders_snapshot()["rows"][0]
    assert (row["state"], row["filled"], signed(row["slippage"])) == ("Filled", "240", "−7.20")


def test_what_has_no_fill_has_no_price_and_no_cost(sample: SampleDay) -> None:
    sample.order("open")
    sample.signal(state="denied", reason="MAX_GROSS: too much")
    rows = orders_snapshot()["rows"]
    told = {(row["filled"], row["average"], row["slippage"], row["charges"], row["is_filled"]) for row in rows}
    assert told == {("240", None, None, None, False)}


def test_slippage_is_not_known_where_no_price_was_decided_on(sample: SampleDay) -> None:
    order = sample.order("open", filled=240)
    type(order.signal).objects.filter(pk=order.signal_id).update(reference_price=None)
    assert orders_snapshot()["rows"][0]["slippage"] is None


def test_days_stand_above_their_first_rows_unless_all_is_of_today(sample: SampleDay) -> None:
    orders = [sample.order("open") for _ in range(3)]
    assert [row["day"] for row in orders_snapshot()["rows"]] == ["", "", ""]
    Order.objects.filter(pk=orders[0].pk).update(market_time=NOW - timedelta(days=1))
    assert [row["day"] for row in orders_snapshot()["rows"]] == ["20 Nov 2026", "", "19 Nov 2026"]
    Order.objects.update(market_time=NOW - timedelta(days=1))
    assert [row["day"] for row in orders_snapshot()["rows"]] == ["19 Nov 2026", "", ""]
