"""What stood still and reads on is said once, with how long; a replay is never late."""

from datetime import UTC, datetime, timedelta

import pytest

from alphapanda.core.journal.models import Event
from market.domain.entries import StreamEntry, StreamPosition, to_milliseconds
from market.domain.ticks import TickBatch, empty_rows
from market.models import Feed, Shard
from trading.ticks import standstill

NOW = datetime(2026, 11, 23, 5, 8, 41, tzinfo=UTC)
pytestmark = pytest.mark.django_db


@pytest.fixture
def shard(monkeypatch):
    monkeypatch.setattr(standstill, "wall_now", lambda: NOW)
    monkeypatch.setattr(standstill, "clock_stands", lambda: False)
    monkeypatch.setattr(standstill, "_behind", set())
    return Shard.objects.create(feed=Feed.objects.create(name="kite", data_account="x"), number=0)


def waited(seconds: float) -> list[StreamEntry]:
    at = NOW - timedelta(seconds=seconds)
    return [StreamEntry(StreamPosition(1, 7), "ticks", at, TickBatch(empty_rows(1), to_milliseconds(at)))]


def test_it_is_said_once_and_again_only_after_it_was_up_to_date(shard):
    for seconds in (61, 55, 30, 0.2, 0.1, 12):
        standstill.note_standstill(shard, waited(seconds))
    said = [event.payload["words"] for event in Event.objects.filter(kind="shard.caught_up").order_by("written_at")]
    assert [words.partition(";")[0] for words in said] == [
        "it reads on from 10:37:40, after 61 s",
        "it reads on from 10:38:29, after 12 s",
    ]


def test_what_waits_a_moment_and_what_is_replayed_is_not(shard, monkeypatch):
    standstill.note_standstill(shard, waited(9))
    standstill.note_standstill(shard, [])
    monkeypatch.setattr(standstill, "clock_stands", lambda: True)
    standstill.note_standstill(shard, waited(3600))
    assert not Event.objects.exists()
