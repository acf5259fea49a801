"""Live's lane of what waits for a person: each with its act, and nothing where nothing waits."""

from datetime import time, timedelta
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


LEFT, KEPT = "left at 15:05.", "its account is not squared off by us."


@pytest.mark.parametrize(
    ("after", "flat_by", "why"),
    [
        (0, time(15, 5), "without a stop."),
        (1800, time(15, 5), f"intraday and by hand; {LEFT}"),
        (1800, None, f"intraday and by hand; {KEPT}"),
    ],
)
def test_an_intraday_position_by_hand_says_from_three_o_clock_who_leaves_it(
    sample: SampleDay, after: int, flat_by: time | None, why: str
) -> None:
    type(sample.account).objects.update(flat_by=flat_by)
    sample.portfolio = ensure_portfolio(sample.account, None, "by hand")
    sample.order("open", filled=120)
    set_market_time(NOW + timedelta(seconds=after), 1.0)
    [row] = rows()
    assert row["text"].endswith(why)


def test_two_of_one_kind_are_two_rows_of_the_page(sample: SampleDay) -> None:
    for _ in range(2):
        sample.order("unconfirmed")
    Order.objects.update(claimed_at=NOW - timedelta(minutes=1))
    assert len({row["key"] for row in rows()}) == len(rows()) == 2


def test_dead_letters_lead_to_where_they_are_decided(sample: SampleDay) -> None:
    DeadLetter.objects.create(task="trading.judge", key="1", payload={}, error="E", attempts=3)
    [row] = rows()
    assert (row["href"], row["text"]) == ("/system/", "1 dead letter: work that was given up.")
