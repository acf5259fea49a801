"""A strategy's card says what it holds, how far its stop is, and between what its day moved."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from alphapanda.dashboard.panels import strategies_snapshot
from alphapanda.dashboard.tests.conftest import DAY, NOW, SampleDay
from portfolio.models import PnlSnapshot


def card() -> dict[str, Any]:
    return strategies_snapshot(None)["groups"][0]["rows"][0]


def test_a_flat_strategy_says_so(sample: SampleDay) -> None:
    assert [hold["words"] for hold in card()["holds"]] == ["Holds nothing"]


def test_a_position_stands_with_its_stop_and_no_distance_while_no_price_is_known(sample: SampleDay) -> None:
    sample.order("open", filled=120)
    [hold] = card()["holds"]
    assert (hold["words"], hold["stop"]) == ("+120 INFY at 1,512.37", "stop 1,501.00, price unknown")


def test_the_line_of_the_day_says_its_figures_with_their_times(sample: SampleDay) -> None:
    PnlSnapshot.objects.create(
        portfolio=sample.portfolio, at=NOW - timedelta(seconds=30), day=DAY, realised=0, unrealised=0,
        opened_with=0, charges=0, net=Decimal("90.40"), worst=Decimal("-12.50"),
    )  # fmt: skip
    assert card()["range"] == "In ₹: began at 0, low −13 at 14:31, high +90 at 14:31, last +90 at 14:31"
