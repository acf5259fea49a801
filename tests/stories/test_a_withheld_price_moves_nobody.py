"""A price that is not believed yet is no price to a run or to the paper exchange; its candle is not complete."""

from market.domain.ticks import WITHHELD
from market.models import Candle
from trading.models import Signal


def test_no_run_hears_a_withheld_price_and_its_minute_is_not_complete(pipeline):
    pipeline.trade("1505.00")
    pipeline.tick("1505.00", after=70)
    pipeline.tick("1400.00", after=5, mode=WITHHELD)  # under what it would buy at
    pipeline.quiesce()
    assert not Signal.objects.exists()
    pipeline.tick("1506.00", after=60)
    pipeline.watermark(after=63)
    pipeline.quiesce()
    _, second, third = Candle.objects.filter(interval=1).order_by("start")
    assert [(one.low, one.complete) for one in (second, third)] == [(1505, False), (1506, True)]
