"""Candles follow design section 5 exactly, vectorised or not, restored or not, however ticks repeat."""

import json
import random
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.domain.candles import INTERVALS, CandleSeries
from market.domain.ticks import TickBatch, empty_rows
from market.tests.frames import INFY, NIFTY, SBIN
from market.tests.plain_series import PlainBook

OPEN = int(datetime(2026, 11, 20, 3, 45, tzinfo=UTC).timestamp())
CLOSE = OPEN + 6 * 3600 + 15 * 60
TOKENS = [INFY, SBIN, 738561]


def batch(ticks):
    """(token, exchange time, price, cumulative volume) as a batch in full mode."""
    rows = empty_rows(len(ticks))
    for row, (token, stamp, price, volume) in zip(rows, ticks, strict=True):
        row["token"], row["exchange_timestamp"], row["last_price"], row["volume"] = token, stamp, price, volume
        row["mode"] = 5 if token == NIFTY else 3
    return TickBatch(rows, 0)


def at(stamp):
    return datetime.fromtimestamp(stamp, UTC)


def book_of(tokens=TOKENS, intervals=INTERVALS, closes=CLOSE, live_since=OPEN - 600):
    series = CandleSeries(intervals)
    for token in tokens:
        series.set_session(token, OPEN, closes)
    series.note_gap(live_since)
    return series


def made(series, ticks, until, interval=1):
    series.advance(batch(ticks))
    return [candle for candle in series.close_until(at(until)) if candle.interval == interval]


def figures(candle):
    return (candle.open, candle.high, candle.low, candle.close, candle.volume)


def test_a_minute_has_its_first_highest_lowest_and_last_price_and_its_share_of_the_volume():
    ticks = [(INFY, OPEN + s, p, v) for s, p, v in [(0, 100, 10), (20, 105, 30), (40, 95, 50), (59, 101, 70)]]
    [candle] = made(book_of(), ticks, OPEN + 62)
    assert (candle.start, candle.ticks, candle.complete) == (at(OPEN), 4, True)
    assert figures(candle) == (100, 105, 95, 101, 70)


def test_a_bucket_stays_open_until_the_watermark_is_two_seconds_past_its_end():
    series = book_of()
    assert made(series, [(INFY, OPEN, 100, 10)], OPEN + 61) == []
    assert len(made(series, [(INFY, OPEN + 59, 100, 10)], OPEN + 62)) == 1


def test_the_newest_exchange_time_is_a_watermark_too():
    assert len(made(book_of(), [(INFY, OPEN, 100, 10), (SBIN, OPEN + 62, 50, 5)], OPEN)) == 1


def test_a_late_tick_is_counted_and_amends_nothing():
    series = book_of()
    made(series, [(INFY, OPEN, 100, 10)], OPEN + 62)
    assert made(series, [(INFY, OPEN + 59, 999, 15)], OPEN + 63) == []
    [second] = made(series, [(INFY, OPEN + 70, 101, 40)], OPEN + 122)
    assert (figures(second), series.counts["late"]) == ((101, 101, 101, 101, 25), 1)


def test_a_tick_of_the_next_minute_does_not_shut_out_one_still_within_the_allowance():
    ticks = [(INFY, OPEN + 30, 100, 10), (INFY, OPEN + 60, 103, 30), (INFY, OPEN + 59, 102, 20)]
    first, second = made(book_of(), ticks, OPEN + 122)
    assert (first.close, first.volume, second.open, second.volume) == (102, 20, 103, 10)


def test_without_a_tick_there_is_no_candle():
    candles = made(book_of(), [(INFY, OPEN, 100, 10), (INFY, OPEN + 300, 101, 20)], OPEN + 362)
    assert [candle.start for candle in candles] == [at(OPEN), at(OPEN + 300)]


def test_the_first_candle_is_complete_only_if_the_feed_was_live_before_the_open():
    [on_time] = made(book_of(live_since=OPEN), [(INFY, OPEN + 1, 100, 10)], OPEN + 62)
    [too_late] = made(book_of(live_since=OPEN + 1), [(INFY, OPEN + 1, 100, 10)], OPEN + 62)
    assert (on_time.complete, on_time.volume, too_late.complete, too_late.volume) == (True, 10, False, 0)


def test_volume_before_the_open_belongs_to_no_candle():
    ticks = [(INFY, OPEN - 400, 100, 500), (INFY, OPEN + 5, 100, 700)]
    assert made(book_of(), ticks, OPEN + 62)[0].volume == 200


def test_yesterdays_cached_packet_is_neither_a_tick_nor_a_baseline():
    ticks = [(INFY, OPEN - 86_400, 100, 900_000), (INFY, OPEN + 5, 100, 700)]
    [candle] = made(book_of(), ticks, OPEN + 62)
    assert (candle.volume, candle.ticks) == (700, 1)


def test_a_gap_marks_every_candle_it_touches():
    series = book_of()
    series.advance(batch([(INFY, OPEN + 5, 100, 10)]))
    series.note_gap(OPEN + 70)
    candles = made(series, [(INFY, OPEN + s, 100, s) for s in (75, 125)], OPEN + 182)
    assert [candle.complete for candle in candles] == [False, False, True]


def test_buckets_are_anchored_to_the_session_and_the_last_one_ends_with_it():
    series = book_of(closes=OPEN + 75 * 60)
    hours = made(series, [(INFY, OPEN + s, 100, s) for s in (0, 3599, 3600, 4499)], OPEN + 4502, 60)
    assert [(candle.start, candle.volume) for candle in hours] == [(at(OPEN), 3599), (at(OPEN + 3600), 900)]


def test_the_day_candle_closes_with_the_session():
    series = book_of()
    assert made(series, [(INFY, OPEN, 100, 5), (INFY, CLOSE - 1, 120, 900)], CLOSE + 1, 1440) == []
    [day] = made(series, [], CLOSE + 2, 1440)
    assert (day.start, figures(day), day.complete) == (at(OPEN), (100, 120, 100, 120, 900), True)


def test_ticks_after_the_close_make_no_candle():
    series = book_of()
    assert made(series, [(INFY, CLOSE, 100, 5)], CLOSE + 200) == []
    assert series.counts["outside_session"] == 1


def test_an_index_without_volume_has_complete_candles():
    series = book_of([NIFTY], live_since=OPEN + 30)
    first, second = made(series, [(NIFTY, OPEN + 40, 100, 0), (NIFTY, OPEN + 70, 100, 0)], OPEN + 122)
    assert (first.complete, second.complete, second.volume) == (False, True, 0)


def test_an_instrument_subscribed_during_the_day_needs_a_baseline_to_be_complete():
    series = book_of([SBIN])
    made(series, [], OPEN + 600)
    series.set_session(INFY, OPEN, CLOSE)
    ticks = [(INFY, OPEN + s, 100, v) for s, v in [(630, 5000), (660, 5100), (720, 5250)]]
    first, second, third = made(series, ticks, OPEN + 790)
    assert [first.complete, second.complete, third.complete] == [False, True, True]
    assert [first.volume, second.volume, third.volume] == [0, 100, 150]


def test_the_next_day_starts_afresh():
    series = book_of()
    made(series, [(INFY, CLOSE - 5, 100, 9_000)], CLOSE + 2)
    series.set_session(INFY, OPEN + 86_400, CLOSE + 86_400)
    [candle] = made(series, [(INFY, OPEN + 86_401, 110, 40)], OPEN + 86_462)
    assert (candle.volume, candle.complete) == (40, True)


def stream(seed, count=90):
    """Ticks of several instruments in rough order, up to three seconds late, in small batches with marks."""
    rng = random.Random(seed)
    clock, volume = OPEN - 20, dict.fromkeys(TOKENS, 0)
    for _ in range(count):
        clock += rng.choice((0, 1, 1, 7, 30, 61, 200))
        ticks = []
        for _ in range(rng.randrange(5)):
            token = rng.choice(TOKENS)
            volume[token] += rng.choice((0, 1, 50))
            ticks.append((token, clock - rng.choice((0, 0, 0, 1, 3)), rng.randrange(90, 110), volume[token]))
        yield ticks, clock - rng.choice((0, 1)), rng.random() < 0.03


def run_plain(seed, live_since):
    series = PlainBook((1, 3, 60, 1440), dict.fromkeys(TOKENS, (OPEN, CLOSE)), live_since)
    for ticks, mark, gap in stream(seed):
        if gap:
            series.note_gap(mark)
        for tick in ticks:
            series.tick(*tick)
        yield from series.close_until(mark)


@given(seed=st.integers(0, 2**32), live_since=st.sampled_from([OPEN - 60, OPEN + 90]))
@settings(max_examples=40, deadline=None)
def test_the_vectorised_book_equals_the_plain_one(seed, live_since):
    series, candles = book_of(intervals=(1, 3, 60, 1440), live_since=live_since), []
    for ticks, mark, gap in stream(seed):
        if gap:
            series.note_gap(mark)
        series.advance(batch(ticks))
        candles += series.close_until(at(mark))
    assert candles == list(run_plain(seed, live_since))


@given(seed=st.integers(0, 2**32), stop=st.integers(0, 89))
@settings(max_examples=25, deadline=None)
def test_a_book_restored_from_json_goes_on_as_if_nothing_had_happened(seed, stop):
    whole, halved = book_of(), book_of()
    for nth, (ticks, mark, gap) in enumerate(stream(seed)):
        if nth == stop:
            halved = CandleSeries.restore(json.loads(json.dumps(halved.save())))
        answers = []
        for series in (whole, halved):
            if gap:
                series.note_gap(mark)
            series.advance(batch(ticks))
            answers.append(series.close_until(at(mark)))
        assert answers[0] == answers[1]
    assert whole.save() == halved.save()


@given(seed=st.integers(0, 2**32))
@settings(max_examples=25, deadline=None)
def test_repeats_and_their_order_within_a_batch_change_no_price_or_volume(seed):
    rng, once, often, bars = random.Random(seed), book_of(), book_of(), ([], [])
    for ticks, mark, _ in stream(seed, 60):
        repeated = ticks + [rng.choice(ticks) for _ in range(3) if ticks]
        # Among different ticks of one second the cumulative volume decides; equal ones keep the wire's order.
        distinct = {(tick[0], tick[1], tick[3]): tick for tick in ticks}
        shuffled = [distinct[(tick[0], tick[1], tick[3])] for tick in repeated]
        rng.shuffle(shuffled)
        for series, given_ticks, found in zip((once, often), (list(distinct.values()), shuffled), bars, strict=True):
            series.advance(batch(given_ticks))
            found += [(c.token, c.interval, c.start, *figures(c)) for c in series.close_until(at(mark))]
    assert bars[0] == bars[1]


def test_saving_between_a_tick_and_its_candle_is_refused():
    series = book_of()
    series.advance(batch([(INFY, OPEN, 100, 1), (INFY, OPEN + 600, 100, 2)]))
    with pytest.raises(ValueError, match="close_until"):
        series.save()


def test_an_early_close_cuts_no_candle_that_is_being_made():
    series = book_of([INFY])
    series.advance(batch([(INFY, OPEN, 100, 10)]))
    series.set_session(INFY, OPEN, OPEN + 3600)
    assert series.close_until(at(OPEN + 30)) == []
    [minute] = made(series, [(INFY, OPEN + 59, 103, 20)], OPEN + 62)
    assert (figures(minute), minute.complete) == ((100, 103, 100, 103, 20), True)
    assert made(series, [(INFY, OPEN + 3600, 104, 30)], OPEN + 3662) == []


AUCTION_ENDS = CLOSE + 20 * 60
WHOLE_DAY = [
    (INFY, OPEN - 600, 1505, 0),  # yesterday's close, while orders are collected
    (INFY, OPEN - 300, 1510, 5_000),  # the pre-open match
    (INFY, OPEN + 1, 1512, 6_000),
    (INFY, CLOSE - 5, 1520, 80_000),
    (INFY, CLOSE + 900, 1525, 90_000),  # the closing auction
]


@pytest.mark.parametrize("is_restored", [False, True])
def test_a_day_goes_from_the_pre_open_match_to_the_closing_auction_and_minutes_do_not(is_restored):
    series, candles = CandleSeries((1, 1440)), []
    series.set_session(INFY, OPEN, CLOSE, AUCTION_ENDS)
    series.note_gap(OPEN - 900)
    for tick in WHOLE_DAY:
        series.advance(batch([tick]))
        candles += series.close_until(at(tick[1]))
        series = CandleSeries.restore(json.loads(json.dumps(series.save()))) if is_restored else series
    assert [candle for candle in candles if candle.interval == 1440] == []
    candles += series.close_until(at(AUCTION_ENDS + 2))
    [day] = [candle for candle in candles if candle.interval == 1440]
    assert (day.start, figures(day), day.complete) == (at(OPEN), (1510, 1525, 1510, 1525, 90_000), True)
    first, last = [candle for candle in candles if candle.interval == 1]
    assert (figures(first), first.complete) == ((1512, 1512, 1512, 1512, 1_000), True)
    assert (last.close, last.volume) == (1520, 74_000)


def test_a_day_joined_late_has_the_days_whole_volume_and_is_not_complete():
    series = book_of([INFY], intervals=(1440,), live_since=OPEN + 3600)
    [day] = made(series, [(INFY, OPEN + 3601, 1512, 40_000), (INFY, OPEN + 7200, 1515, 90_000)], CLOSE + 2, 1440)
    assert (day.volume, day.complete) == (90_000, False)


def test_an_indexs_day_is_that_of_continuous_trading():
    series = book_of([NIFTY], intervals=(1440,))
    [day] = made(series, [(NIFTY, OPEN - 300, 24_000, 0), (NIFTY, OPEN + 1, 25_000, 0)], CLOSE + 2, 1440)
    assert figures(day) == (25_000, 25_000, 25_000, 25_000, 0)
