"""Each quality rule by its reason: what is dropped, what is only counted, and what one more packet confirms."""

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.domain.quality import InstrumentRules, QualityFilter
from market.domain.ticks import TickBatch, decode_frame
from market.tests.frames import INFY, SBIN, full_rows, random_frame

NOW = int(datetime(2026, 11, 20, 5, 0, tzinfo=UTC).timestamp())


@pytest.fixture
def sieve():
    return QualityFilter()


def check_quality(sieve, *ticks, now=NOW):
    return sieve.check_quality(TickBatch(full_rows(*({"exchange_timestamp": now} | tick for tick in ticks)), 0), now)


def kept_prices(sifted):
    return sifted.kept.rows["last_price"].tolist()


@pytest.mark.parametrize("price", [0, 4_294_963_533, 1 << 31])
def test_a_price_of_zero_or_below_is_dropped(sieve, price):
    sifted = check_quality(sieve, {"last_price": price, "bid_price": 0})
    assert (len(sifted.kept), len(sifted.shown), sifted.counts["price_out_of_range"]) == (0, 0, 1)


def test_a_sound_packet_is_kept_and_shown(sieve):
    sifted = check_quality(sieve, {"last_price": 150_100})
    assert (kept_prices(sifted), len(sifted.shown), sifted.counts) == ([150_100], 1, {})


def test_a_byte_identical_repeat_only_refreshes(sieve):
    check_quality(sieve, {})
    sifted = check_quality(sieve, {})
    assert (len(sifted.kept), len(sifted.shown), sifted.counts["duplicate"]) == (0, 1, 1)


def test_a_repeat_within_one_frame_is_seen_too(sieve):
    sifted = check_quality(sieve, {}, {"token": SBIN}, {})
    assert (len(sifted.kept), sifted.counts["duplicate"]) == (2, 1)


def test_a_change_of_the_book_alone_is_news(sieve):
    check_quality(sieve, {})
    assert len(check_quality(sieve, {"buy_quantity": 9}).kept) == 1


def test_a_price_outside_the_band_is_believed_when_a_second_packet_confirms_it(sieve):
    assert kept_prices(check_quality(sieve, {"last_price": 200_000})) == []
    assert kept_prices(check_quality(sieve, {"last_price": 200_100})) == [200_000, 200_100]
    assert kept_prices(check_quality(sieve, {"last_price": 205_000})) == [205_000]


def test_a_repeat_of_the_same_bytes_confirms_nothing(sieve):
    for _ in range(3):
        sifted = check_quality(sieve, {"last_price": 200_000})
        assert (kept_prices(sifted), sifted.counts["price_unconfirmed"]) == ([], 1)


def test_two_different_wild_prices_do_not_confirm_each_other(sieve):
    assert kept_prices(check_quality(sieve, {"last_price": 200_000})) == []
    assert kept_prices(check_quality(sieve, {"last_price": 900_000})) == []


def test_an_instrument_may_have_a_band_of_its_own_or_none(sieve):
    sieve.learn([InstrumentRules(INFY, band=10), InstrumentRules(SBIN, band=0)])
    sifted = check_quality(sieve, {"last_price": 152_000}, {"token": SBIN, "last_price": 900_000})
    assert kept_prices(sifted) == [900_000]


def test_the_future_is_dropped_beyond_the_tolerance(sieve):
    sifted = check_quality(sieve, {"exchange_timestamp": NOW + 5}, {"exchange_timestamp": NOW + 6})
    assert (len(sifted.kept), sifted.counts["future_time"]) == (1, 1)


def test_the_cached_packet_of_an_earlier_day_is_shown_but_not_acted_on(sieve):
    sifted = check_quality(sieve, {"exchange_timestamp": NOW - 86_400})
    assert (len(sifted.kept), len(sifted.shown), sifted.counts["stale_time"]) == (0, 1, 1)


def test_a_packet_without_a_time_is_only_shown_where_packets_should_carry_one(sieve):
    sieve.learn([InstrumentRules(INFY, band=-1, timed=True)])
    untimed = {"exchange_timestamp": 0}
    sifted = check_quality(sieve, untimed, untimed | {"token": SBIN})
    assert (sifted.kept.rows["token"].tolist(), len(sifted.shown)) == ([SBIN], 2)
    assert sifted.counts == {"untimed": 1}


def test_an_early_packet_of_today_is_kept(sieve):
    assert len(check_quality(sieve, {"exchange_timestamp": NOW - 3600}).kept) == 1


BOOKS = [
    ("crossed_book", {"bid_price": [100, 0, 0, 0, 0], "ask_price": [100, 0, 0, 0, 0]}, 5),
    ("empty_book", {"bid_price": 0, "ask_price": 0}, 0),
    ("empty_book", {"bid_price": [99, 0, 0, 0, 0], "ask_price": [100, 0, 0, 0, 0]}, 0),
    ("crossed_book", {"bid_price": [1 << 31, 0, 0, 0, 0], "ask_price": 0}, 5),
]


@pytest.mark.parametrize(("reason", "series", "quantity"), BOOKS)
def test_a_book_nobody_can_trade_on_is_no_quote(sieve, reason, series, quantity):
    sifted = check_quality(sieve, series | {"bid_quantity": quantity, "ask_quantity": quantity})
    assert (len(sifted.kept), sifted.counts[reason]) == (1, 1)
    assert not sifted.kept.rows["bid_price"].any()
    assert not sifted.kept.rows["ask_quantity"].any()


def test_one_empty_side_is_a_book_at_its_circuit_limit(sieve):
    series = {"bid_price": [150_000, 0, 0, 0, 0], "bid_quantity": [9, 0, 0, 0, 0], "ask_price": 0}
    sifted = check_quality(sieve, series)
    assert (sifted.counts, sifted.kept.rows["bid_price"][0][0]) == ({}, 150_000)


def test_a_price_off_the_tick_is_counted_and_kept(sieve):
    sieve.learn([InstrumentRules(INFY, tick=5)])
    sifted = check_quality(sieve, {"last_price": 150_003})
    assert (len(sifted.kept), sifted.counts) == (1, {"off_tick": 1})


def test_falling_volume_and_older_times_are_counted(sieve):
    check_quality(sieve, {"volume": 500})
    assert check_quality(sieve, {"volume": 400}).counts == {"volume_fell": 1}
    assert check_quality(sieve, {"volume": 300, "exchange_timestamp": NOW - 1}).counts == {"out_of_order": 1}


@given(seed=st.integers(0, 2**32), count=st.integers(0, 30))
@settings(max_examples=80, deadline=None)
def test_every_row_of_any_frame_is_kept_or_dropped_for_a_counted_reason(seed, count):
    import random

    from market.domain.quality import DROPPED

    batch = decode_frame(random_frame(random.Random(seed), count), 0)
    sifted = QualityFilter().check_quality(batch, NOW)
    dropped = sum(sifted.counts[reason] for reason in DROPPED)
    returned = len(sifted.kept) + dropped - len(batch)
    assert 0 <= returned <= sifted.counts["price_unconfirmed"]
    prices = sifted.kept.rows["last_price"].astype(np.int64)
    assert ((prices > 0) & (prices < 1 << 31)).all()
