"""Live's lane of what waits for a person: each with its act, and nothing where nothing waits."""

from datetime import timedelta
from typing import Any

import pytest

from alphapanda.core.clock.services import set_market_time
from alphapanda.core.journal.models import DeadLetter
from alphapanda.dashboard import panels
from alphapanda.dashboard.tests.conftest import NOW, SampleDay
from portfolio.booking import ensure_portfolio
from trading.models import Order, Signal


def rows() -> list[Any]:
    return panels.live_snapshot(None)["needs_you"]["rows"]


def test_nothing_waits_while_a_position_has_its_stop(reader: Any, sample: SampleDay) -> None:
    sample.order("open", filled=120)
    assert rows() == []
    assert 'data-show="rows" hidden' in reader.get("/").content.decode()


def test_a_position_without_a_stop_may_be_left_from_there(sample: SampleDay) -> None:
    sample.order("open", filled=120)
    Signal.objects.update(stop=None)
    [row] = rows()
    assert row["text"] == "+120 INFY, Mean reversion A: without a stop."
    assert row["address"].endswith("/exit/")


def test_an_order_nobody_answered_leads_to_its_story(sample: SampleDay) -> None:
    order = sample.order("unconfirmed")
    Order.objects.update(claimed_at=NOW - timedelta(minutes=1))
    [row] = rows()
    assert row["href"] == f"/orders/{order.pk}/"


@pytest.mark.parametrize(("after", "why"), [(0, "without a stop."), (1800, "intraday and by hand")])
def test_an_intraday_position_by_hand_is_named_from_three_o_clock(sample: SampleDay, after: int, why: str) -> None:
    sample.portfolio = ensure_portfolio(sample.account, None, "by hand")
    sample.order("open", filled=120)
    set_market_time(NOW + timedelta(seconds=after), 1.0)
    [row] = rows()
    assert why in row["text"]


def test_dead_letters_lead_to_where_they_are_decided(sample: SampleDay) -> None:
    DeadLetter.objects.create(task="trading.judge", key="1", payload={}, error="E", attempts=3)
    [row] = rows()
    assert (row["href"], row["text"]) == ("/system/", "1 dead letter: work that was given up.")
