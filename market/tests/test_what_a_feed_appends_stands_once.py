"""The writer's numbers have no holes and no doubles, whatever Valkey does in between."""

from datetime import UTC, datetime

import pytest
import redis
from kombu.exceptions import OperationalError
from redis.backoff import NoBackoff
from redis.retry import Retry

from market import writer as writer_module
from market.domain.ticks import TickBatch
from market.quotes import FeedState, Liveness
from market.stream import START, OlderEpoch
from market.tests.feeding import SentTasks, feed_and_shard
from market.tests.frames import full_rows
from market.writer import FeedWriter, ValkeyGone

T0 = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
BATCH = TickBatch(full_rows({}), 0)


class Flaky:
    """A Valkey client whose next XADDs fail: before the server hears of them, or after."""

    def __init__(self, client, *failures):
        self._client, self._failures = client, list(failures)

    def __getattr__(self, name):
        return getattr(self._client, name)

    def xadd(self, *args, **kwargs):
        failure = self._failures.pop(0) if self._failures else ""
        if failure == "before":
            raise redis.ConnectionError("refused")
        answer = self._client.xadd(*args, **kwargs)
        if failure == "after":
            raise redis.TimeoutError("the answer got lost")
        return answer


def make(client, send=None, epoch=1):
    feed, shard = feed_and_shard()
    return FeedWriter(client, feed, epoch, [shard], send=send or SentTasks(), sleep=lambda s: None)


def positions(writer):
    return [str(entry.position) for entry in writer.stream.read(START)]


@pytest.mark.parametrize("failures", [["before"], ["after"], ["before", "after", "before"], ["after", "after"]])
def test_an_append_is_tried_again_and_stands_once(valkey, failures):
    valkey.flushdb()
    writer = make(Flaky(valkey, *failures))
    writer.ticks(BATCH, BATCH, T0, False)
    writer.mark(T0, False)
    assert (positions(writer), writer.n) == (["1-1", "1-2"], 2)


def test_a_newer_epoch_is_never_mistaken_for_our_own_lost_answer(valkey):
    valkey.flushdb()
    writer = make(Flaky(valkey, "before"))
    valkey.xadd(writer.stream.key, {"m": 1}, id="2-1")
    with pytest.raises(OlderEpoch):
        writer.mark(T0, False)


def test_it_gives_up_when_valkey_stays_away(valkey, monkeypatch):
    monkeypatch.setattr(writer_module, "PATIENCE", -1.0)
    with pytest.raises(ValkeyGone):
        make(Flaky(valkey, "before")).mark(T0, False)


def test_after_a_flush_the_numbers_go_on(valkey):
    valkey.flushdb()
    writer = make(valkey)
    writer.mark(T0, False)
    valkey.flushdb()
    writer.mark(T0, False)
    assert positions(writer) == ["1-2"]


def test_a_task_that_could_not_be_sent_is_sent_with_the_next_batch(valkey):
    valkey.flushdb()

    def unreachable(*_):
        raise OperationalError("broker away")

    writer, sent = make(valkey, unreachable), SentTasks()
    writer.ticks(BATCH, BATCH, T0, False)
    writer._send = sent
    writer.mark(T0, False)
    assert len(sent) == 1


def test_the_flag_is_set_before_the_task_is_sent(valkey):
    valkey.flushdb()
    seen = []
    writer = make(valkey)
    flag = f"awake:{writer._shards[0].pk}"
    writer._send = lambda *_: seen.append((valkey.exists(flag), len(positions(writer))))
    writer.mark(T0, False)
    assert seen == [(1, 1)]
    assert 0 < valkey.pttl(flag) <= 2000


def test_only_shown_rows_make_no_entry(valkey):
    valkey.flushdb()
    writer = make(valkey)
    writer.ticks(TickBatch(BATCH.rows[:0], 0), BATCH, T0, False)
    assert (positions(writer), len(writer.board.read([408065], now=T0))) == ([], 1)


def test_saying_how_the_feed_is_never_fails(valkey):
    dead = redis.Redis(port=1, retry=Retry(NoBackoff(), 0))
    make(dead).say(FeedState("test", Liveness.LIVE))
