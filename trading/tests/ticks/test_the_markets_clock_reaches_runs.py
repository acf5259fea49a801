"""A run's time goes on by the market's clock, whether or not anything of it trades."""

from datetime import time

import pytest

from tests.stories.pipeline import at
from trading.models import ExitPlan

STEADY = {"buy_at": "1500", "sell_at": "1600", "stop_percent": "50"}


@pytest.fixture
def holding(pipeline):
    """A deployment that holds 10 and is to be flat by 15:05."""
    pipeline.trade("1505.00", "1499.00", "1500.00", "1500.00", parameters=STEADY, flat_by=time(15, 5))
    pipeline.now = at("15:04:58")
    pipeline.play("1500.00")
    assert not ExitPlan.objects.exists()
    return pipeline


def test_a_mark_without_a_tick_brings_flat_by(holding):
    holding.watermark(after=2)
    holding.drain()
    assert ExitPlan.objects.get().opened_at == at("15:05:01")


def test_a_mark_before_flat_by_brings_nothing(holding):
    holding.watermark(after=0.5)
    holding.drain()
    assert not ExitPlan.objects.exists()


def test_ticks_of_others_bring_flat_by_too(holding):
    holding.now = at("15:05:01")
    holding.append(holding.packet("200.00", token=738561))
    holding.drain()
    assert ExitPlan.objects.get().opened_at == at("15:05:01")
