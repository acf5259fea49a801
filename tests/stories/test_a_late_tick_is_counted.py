"""A tick for a candle already closed changes no candle, and the metric says that it came."""

from decimal import Decimal

from alphapanda.core.telemetry import metrics
from market.models import Candle
from market.subscriptions import subscribe_instrument
from tests.stories.pipeline import at


def count_late_ticks(pipeline) -> float:
    [family] = metrics.LATE_TICKS.labels(pipeline.shard.name).collect()
    return sum(sample.value for sample in family.samples if sample.name.endswith("_total"))


def test_a_tick_for_a_closed_candle_is_counted_as_late(pipeline):
    subscribe_instrument(pipeline.feed, pipeline.infy, "full", ref="watchlist", wants_candles=True)
    pipeline.now = at("10:00:30")
    pipeline.play("1500.00")
    pipeline.watermark(after=60)
    pipeline.quiesce()
    before = count_late_ticks(pipeline)
    pipeline.tick("1700.00", exchange_timestamp=int(at("10:00:40").timestamp()))
    pipeline.quiesce()
    assert count_late_ticks(pipeline) == before + 1
    assert Candle.objects.get(start=at("10:00:00"), interval=1).high == Decimal(1500)
