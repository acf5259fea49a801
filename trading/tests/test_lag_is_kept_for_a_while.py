"""How far a shard is behind is looked at and kept: across epochs it is not known, and never zero."""

from datetime import UTC, datetime, timedelta

import pytest

from market.domain.entries import StreamPosition
from market.models import Feed, Shard
from market.stream import TickStream
from trading.ticks import lag

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


@pytest.fixture
def shard(db, valkey):
    valkey.flushdb()
    return Shard.objects.create(feed=Feed.objects.create(name="kite"), epoch=3, n=10)


@pytest.mark.parametrize(
    ("done", "written", "behind"),
    [((3, 10), (3, 14), 4), ((3, 10), (3, 10), 0), ((3, 10), (4, 2), None), ((3, 10), (2, 90), 0)],
)
def test_positions_of_one_epoch_are_subtracted_and_no_others(done, written, behind):
    assert lag.entries_behind(StreamPosition(*done), StreamPosition(*written)) == behind


def test_what_was_seen_is_kept_oldest_first(shard, monkeypatch):
    for seconds, n in ((0, 14), (10, 12)):
        monkeypatch.setattr(TickStream, "last_position", lambda self, n=n: StreamPosition(3, n))
        lag.sample_lag(NOW + timedelta(seconds=seconds))
    found = lag.read_lag([shard])[shard.pk]
    assert [(sample.at, sample.behind) for sample in found] == [(NOW, 4), (NOW + timedelta(seconds=10), 2)]


def test_half_an_hour_is_kept_and_no_more(shard, monkeypatch):
    monkeypatch.setattr(TickStream, "last_position", lambda self: StreamPosition(3, 10))
    monkeypatch.setattr(lag, "KEPT", 3)
    for number in range(5):
        lag.sample_lag(NOW + timedelta(seconds=10 * number))
    assert [one.at.second for one in lag.read_lag([shard])[shard.pk]] == [20, 30, 40]
