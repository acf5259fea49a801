"""The stream's positions rise by one within an epoch, and a feed that was replaced cannot append."""

from datetime import UTC, datetime, timedelta

import pytest

from market.domain.entries import START, StreamPosition
from market.domain.ticks import TickBatch, empty_rows
from market.stream import OlderEpoch, TickStream
from market.tests.frames import full_rows

T0 = datetime(2026, 11, 20, 3, 45, tzinfo=UTC)


def batch(*ticks):
    return TickBatch(full_rows(*ticks), 1_764_560_700_000)


@pytest.fixture
def stream(valkey):
    return TickStream(valkey, "test")


def test_what_is_appended_is_read_back_in_order(stream):
    stream.append_batch(1, 1, batch({"last_price": 500}, {"last_price": 600}), T0, gap=True)
    stream.append_watermark(1, 2, T0 + timedelta(seconds=1))
    ticks, mark = stream.read(START)
    assert (ticks.position, ticks.kind, ticks.gap, ticks.market_time) == (StreamPosition(1, 1), "ticks", True, T0)
    assert ticks.batch.rows["last_price"].tolist() == [500, 600]
    assert (mark.kind, mark.batch, mark.gap, str(mark.position)) == ("watermark", None, False, "1-2")


def test_reading_goes_on_after_a_position(stream):
    for n in range(1, 6):
        stream.append_watermark(1, n, T0)
    assert [entry.position.n for entry in stream.read(StreamPosition(1, 2), count=2)] == [3, 4]


@pytest.mark.parametrize("position", [(1, 9), (2, 1), (2, 0)])
def test_an_older_epoch_or_number_is_refused(stream, position):
    stream.append_watermark(2, 1, T0)
    with pytest.raises(OlderEpoch):
        stream.append_watermark(*position, T0)
    assert stream.last_position() == (2, 1)


def test_numbers_go_on_after_valkey_was_emptied(stream, valkey):
    stream.append_watermark(3, 7, T0)
    valkey.flushdb()
    stream.append_watermark(3, 8, T0)
    assert [entry.position for entry in stream.read(StreamPosition(3, 6))] == [(3, 8)]
    assert not StreamPosition(3, 8).is_successor(StreamPosition(3, 6))


@pytest.mark.parametrize(
    ("previous", "found", "follows"),
    [
        ((1, 5), (1, 6), True),
        ((1, 5), (1, 7), False),
        ((1, 5), (2, 1), True),
        ((1, 5), (2, 2), False),
        ((2, 1), (1, 2), False),
        ((0, 0), (4, 1), True),
    ],
)
def test_a_hole_is_seen(previous, found, follows):
    assert StreamPosition(*found).is_successor(StreamPosition(*previous)) is follows


def test_trimming_drops_what_was_processed_and_keeps_the_last_position(stream):
    for n in range(1, 6):
        stream.append_watermark(1, n, T0)
    assert stream.trim_before(StreamPosition(1, 4)) == 3
    assert [entry.position.n for entry in stream.read(START)] == [4, 5]
    assert stream.trim_before(StreamPosition(9, 9)) == 2
    assert stream.last_position() == (1, 5)
    assert stream.lag(StreamPosition(1, 2)) == 3


def test_a_stream_nobody_reads_stays_within_its_bound(valkey):
    stream = TickStream(valkey, "bounded", most_bytes=20_000)
    for n in range(1, 101):
        stream.append_batch(1, n, TickBatch(empty_rows(5), 0), T0)
    entries = stream.read(START, count=1000)
    assert entries[-1].position == (1, 100)
    assert len(entries) * 840 <= 20_000
