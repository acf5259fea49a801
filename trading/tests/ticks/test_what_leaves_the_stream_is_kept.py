"""What is trimmed off the tick stream is in the files of its days first, as it was; a crash costs nothing twice."""

from datetime import timedelta

import numpy as np
import pytest

from market.domain.entries import START, StreamPosition
from market.kept_stream import (
    MAGIC,
    NotAKeptStream,
    keep_entries,
    kept_file,
    last_kept,
    put_aside,
    read_kept,
    stream_folder,
)
from market.models import Shard
from tests.stories.pipeline import DAY
from trading.models import Checkpoint
from trading.ticks.trimming import trim_stream, trim_streams


@pytest.fixture
def played(pipeline):
    """Some entries, a watermark among them; the checkpoint is at the fifth of seven."""
    pipeline.play("1505.00", "1499.00")
    pipeline.watermark()
    pipeline.drain()
    for price in ("1500.00", "1501.00", "1502.00", "1503.00"):
        pipeline.play(price, after=16)
    Checkpoint.objects.update(n=5)
    return pipeline


def all_of(stream):
    return stream.read(START, 100)


def same(one, other):
    assert (one.position, one.kind, one.market_time, one.gap) == (
        other.position, other.kind, other.market_time, other.gap,
    )  # fmt: skip
    assert (one.batch is None) == (other.batch is None)
    if one.batch is not None:
        assert one.batch.received_at == other.batch.received_at
        assert np.array_equal(one.batch.rows, other.batch.rows)


def test_what_is_trimmed_is_in_the_days_file_as_it_was(played):
    before = all_of(played.stream)
    assert [entry.kind for entry in before[:4]] == ["ticks", "ticks", "watermark", "ticks"]
    trim_streams()
    assert [entry.position.n for entry in all_of(played.stream)] == [5, 6, 7]
    kept = list(read_kept(kept_file("kite", DAY)))
    assert [entry.position.n for entry in kept] == [1, 2, 3, 4, 5]
    for one, other in zip(before, kept, strict=False):
        same(one, other)


def test_kept_again_nothing_stands_twice(played):
    trim_stream(played.feed)
    size = kept_file("kite", DAY).stat().st_size
    trim_stream(played.feed)
    assert kept_file("kite", DAY).stat().st_size == size
    Checkpoint.objects.update(n=7)
    trim_stream(played.feed)
    assert [entry.position.n for entry in read_kept(kept_file("kite", DAY))] == [1, 2, 3, 4, 5, 6, 7]


def test_a_shard_that_is_behind_keeps_the_stream_for_itself(played):
    other = Shard.objects.create(feed=played.feed, number=1)
    assert trim_stream(played.feed) == 0
    first = Checkpoint.objects.get()
    Checkpoint.objects.create(shard=other, epoch=1, n=2, market_time=first.market_time, memory=first.memory)
    trim_stream(played.feed)
    assert all_of(played.stream)[0].position == (1, 2)


@pytest.mark.parametrize("cut", [1, 20, 37, 60])
def test_after_a_crash_it_goes_on_behind_the_last_whole_entry(played, cut):
    whole = all_of(played.stream)
    trim_stream(played.feed)
    path = kept_file("kite", DAY)
    path.write_bytes(path.read_bytes()[:-cut])
    left = last_kept("kite")
    assert START < left < (1, 5)
    keep_entries("kite", whole)
    kept = [entry.position.n for entry in read_kept(path)]
    assert kept == [1, 2, 3, 4, 5, 6, 7]


def test_each_market_day_has_its_file_and_the_oldest_go(played, settings):
    settings.STREAM_DAYS = 2
    for days in range(3):
        entries = all_of(played.stream)
        moved = [
            type(one)(
                one.position._replace(epoch=days + 1), one.kind, one.market_time + timedelta(days=days), one.batch
            )
            for one in entries
        ]
        keep_entries("kite", moved)
    assert sorted(path.name for path in stream_folder("kite").glob("*.apstr")) == [
        "2026-11-24.apstr", "2026-11-25.apstr",
    ]  # fmt: skip


def test_a_disk_that_is_full_costs_the_file_and_not_the_stream(played, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("trading.ticks.trimming.keep_entries", full)
    assert trim_stream(played.feed) == 4


def test_told_to_keep_none_it_keeps_none(played, settings):
    settings.STREAM_DAYS = 0
    assert trim_stream(played.feed) == 4
    assert not stream_folder("kite").exists()


def test_files_of_an_installation_before_are_put_aside(played):
    old = [type(one)(one.position._replace(epoch=9), one.kind, one.market_time, one.batch) for one in
           all_of(played.stream)]  # fmt: skip
    keep_entries("kite", old)
    trim_stream(played.feed)
    assert last_kept("kite") == (1, 5)
    assert len(list(stream_folder("kite").glob("*.other"))) == 1


def test_a_file_of_another_kind_is_neither_read_nor_cut(played):
    path = kept_file("kite", DAY)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"APSTR000" + b"x" * 50)
    with pytest.raises(NotAKeptStream):
        next(read_kept(path))
    keep_entries("kite", all_of(played.stream)[:2])
    assert path.with_suffix(".other").read_bytes() == b"APSTR000" + b"x" * 50
    assert path.read_bytes().startswith(MAGIC)
    assert last_kept("kite") == StreamPosition(1, 2)
    put_aside("kite")
    assert last_kept("kite") == START
