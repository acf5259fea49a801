"""A price outside its band waits for another to confirm it, and then counts where it was; lost, its candle says so."""

from datetime import UTC, datetime, timedelta

import pytest

from market.domain.candles import CandleSeries
from market.domain.quality import QualityFilter
from market.domain.ticks import TickBatch
from market.tests.frames import INFY, full_rows

OPEN = datetime(2026, 11, 20, 3, 45, tzinfo=UTC)
CLOSE = OPEN + timedelta(hours=6)


class Market:
    """A feed's filter and a shard's candles, one packet at a time."""

    def __init__(self, close: float):
        self.filter, self.candles, self.close = QualityFilter(), CandleSeries((1, 1440)), round(close * 100)
        self.candles.set_session(INFY, int(OPEN.timestamp()), int(CLOSE.timestamp()))
        self.volume, self.kept = 0, []

    def hear(self, price: float, at: datetime, **columns) -> list[float]:
        self.volume += 10
        stamp = int(at.timestamp())
        packet = {"last_price": round(price * 100), "close": self.close, "volume": self.volume}
        rows = full_rows(packet | {"exchange_timestamp": stamp} | columns)
        sifted = self.filter.check_quality(TickBatch(rows, 0), stamp)
        self.candles.advance(sifted.streamed)
        kept = [wire / 100 for wire in sifted.kept.rows["last_price"].tolist()]
        self.kept += kept
        return kept

    def minutes(self, until: datetime) -> list[tuple[float, float, float, float, bool]]:
        closed = self.candles.close_until(until)
        one = [candle for candle in closed if candle.interval == 1]
        return [(c.open / 100, c.high / 100, c.low / 100, c.close / 100, c.complete) for c in one]


def after(seconds: float) -> datetime:
    return OPEN + timedelta(minutes=32, seconds=seconds)


def test_the_first_price_of_a_minute_is_its_open_once_the_next_confirms_it():
    # ALKEM at 09:47, with a previous close a quarter away: the first price is just outside its band.
    market = Market(close=3749)
    assert market.hear(4686.75, after(0)) == []
    assert market.hear(4684.50, after(2)) == [4686.75, 4684.50]
    market.hear(4685, after(30))
    assert market.minutes(after(62)) == [(4686.75, 4686.75, 4684.50, 4685, True)]


def test_a_listing_day_makes_candles():
    market = Market(close=70)
    for second, price in enumerate([150, 153, 149, 152]):
        market.hear(price, after(second * 10))
    assert market.kept == [150, 153, 149, 152]
    assert market.minutes(after(62)) == [(150, 153, 149, 152, True)]


@pytest.mark.parametrize(("second", "price", "comes_back"), [(30, 153, True), (31, 153, False), (3600, 151, True)])
def test_another_price_confirms_it_within_half_a_minute_and_the_next_near_it_at_any_time(second, price, comes_back):
    market = Market(close=70)
    market.hear(150, after(0))
    assert market.hear(price, after(second)) == ([150, price] if comes_back else [])


def test_two_wild_prices_far_from_each_other_confirm_nothing():
    market = Market(close=1500)
    market.hear(2000, after(0))
    assert market.hear(9000, after(1)) == []
    assert market.hear(1000, after(2)) == []


def test_what_the_next_prices_did_not_confirm_in_time_is_forgotten():
    market = Market(close=1500)
    market.hear(1500, after(0))
    market.hear(2000, after(1))
    market.hear(1501, after(2))
    market.hear(1502, after(40))
    assert market.hear(2001, after(41)) == []


def test_a_price_withheld_leaves_its_candles_incomplete():
    market = Market(close=1500)
    market.hear(1500, after(0))
    market.hear(2000, after(10))
    market.hear(1501, after(20))
    market.hear(1502, after(70))
    assert market.minutes(after(123)) == [(1500, 1501, 1500, 1501, False), (1502, 1502, 1502, 1502, True)]
    assert market.kept == [1500, 1501, 1502]


def test_a_price_that_comes_back_after_its_candle_has_closed_left_it_incomplete():
    market = Market(close=1500)
    market.hear(1500, after(0))
    market.hear(2000, after(55))
    assert market.minutes(after(63)) == [(1500, 1500, 1500, 1500, False)]
    assert market.hear(2001, after(64)) == [2000, 2001]
    assert market.candles.counts["late"] == 1


def test_of_two_withheld_one_may_come_back_and_the_other_is_still_lacking():
    market = Market(close=1500)
    market.hear(1500, after(0))
    market.hear(2000, after(10))
    market.hear(9000, after(20))
    assert market.hear(9001, after(25)) == [9000, 9001]
    assert market.minutes(after(62)) == [(1500, 9001, 1500, 9001, False)]


def test_what_is_withheld_is_remembered_in_a_checkpoint():
    market = Market(close=1500)
    market.hear(1500, after(0))
    market.hear(2000, after(10))
    market.candles = CandleSeries.restore(market.candles.save())
    assert market.minutes(after(62)) == [(1500, 1500, 1500, 1500, False)]


def test_a_checkpoint_of_before_prices_came_back_is_read():
    market = Market(close=1500)
    market.hear(1500, after(0))
    saved = market.candles.save()
    old = CandleSeries.restore(saved)
    for name in ("lacking", "lacked"):
        del old._slots[name]
    without = old.save()
    del without["fields"]
    market.candles = CandleSeries.restore(without)
    assert market.minutes(after(62)) == [(1500, 1500, 1500, 1500, True)]
