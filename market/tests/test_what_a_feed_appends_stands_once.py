"""The writer's numbers have no holes and no doubles, whatever Valkey does in between."""

from datetime import UTC, datetime

import numpy as np
import pytest
import redis
from kombu.exceptions import OperationalError
from redis.backoff import NoBackoff
from redis.retry import Retry

from market import writer as writer_module
from market.domain.entries import START
from market.domain.ticks import TickBatch
from market.quotes import FeedState, Liveness
from market.stream import OlderEpoch
from market.tests.feeding import SentTasks, feed_and_shard
from market.tests.frames import full_rows
from market.writer import FeedWriter, ValkeyGone

T0 = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
BATCH = TickBatch(full_rows({}), 0)


def quote_at(paise: int) -> TickBatch:
    return TickBatch(full_rows({"last_price": paise}), 0)


class Flaky:
    """A Valkey client whose next appends fail: before the server hears of them, or after."""

    def __init__(self, client, *failures):
        self._client, self._failures = client, list(failures)

    def __getattr__(self, name):
        return getattr(self._client, name)

    def register_script(self, text):
        script = self._client.register_script(text)

        def run(**what):
            failure = self._failures.pop(0) if self._failures else ""
            if failure == "before":
                raise redis.ConnectionError("refused")
            answer = script(**what)
            if failure == "after":
                raise redis.TimeoutError("the answer got lost")
            return answer

        return run


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
    writer.append_watermark(T0, False)
    assert (positions(writer), writer.n) == (["1-1", "1-2"], 2)


def test_a_newer_epoch_is_never_mistaken_for_our_own_lost_answer(valkey):
    valkey.flushdb()
    writer = make(Flaky(valkey, "before"))
    valkey.xadd(writer.stream.key, {"m": 1}, id="2-1")
    with pytest.raises(OlderEpoch):
        writer.append_watermark(T0, False)


def test_a_superseded_feed_puts_up_no_quote(valkey):
    """Its last frame may be minutes old by the time it wakes up."""
    valkey.flushdb()
    new = make(valkey, epoch=2)
    old = FeedWriter(valkey, new.feed, 1, [])
    new.ticks(quote_at(2000), quote_at(2000), T0, False)
    with pytest.raises(OlderEpoch):
        old.ticks(quote_at(1000), quote_at(1000), T0, False)
    assert new.board.read([408065], now=T0)[408065].last_price == 20


def test_the_quote_of_a_tick_that_was_tried_again_is_up_as_well(valkey):
    valkey.flushdb()
    writer = make(Flaky(valkey, "before", "after"))
    writer.ticks(quote_at(2000), quote_at(2000), T0, False)
    assert writer.board.read([408065], now=T0)[408065].last_price == 20


def test_a_frame_of_three_thousand_quotes_fits_one_step(valkey):
    valkey.flushdb()
    rows = np.repeat(full_rows({}), 3000)
    rows["token"] = np.arange(1, 3001)
    writer = make(valkey)
    writer.ticks(TickBatch(rows, 0), TickBatch(rows, 0), T0, False)
    assert valkey.hlen("quotes") == 3000
    assert [len(entry.batch) for entry in writer.stream.read(START)] == [3000]


def test_it_gives_up_when_valkey_stays_away(valkey, monkeypatch):
    monkeypatch.setattr(writer_module, "PATIENCE", -1.0)
    with pytest.raises(ValkeyGone):
        make(Flaky(valkey, "before")).append_watermark(T0, False)


def test_after_a_flush_the_numbers_go_on(valkey):
    valkey.flushdb()
    writer = make(valkey)
    writer.append_watermark(T0, False)
    valkey.flushdb()
    writer.append_watermark(T0, False)
    assert positions(writer) == ["1-2"]


def test_a_task_that_could_not_be_sent_is_sent_with_the_next_batch(valkey):
    valkey.flushdb()

    def unreachable(*_):
        raise OperationalError("broker away")

    writer, sent = make(valkey, unreachable), SentTasks()
    writer.ticks(BATCH, BATCH, T0, False)
    writer._send = sent
    writer.append_watermark(T0, False)
    assert len(sent) == 1


def test_the_flag_is_set_before_the_task_is_sent(valkey):
    valkey.flushdb()
    seen = []
    writer = make(valkey)
    flag = f"awake:{writer._shards[0].pk}"
    writer._send = lambda *_: seen.append((valkey.exists(flag), len(positions(writer))))
    writer.append_watermark(T0, False)
    assert seen == [(1, 1)]
    assert 0 < valkey.pttl(flag) <= 2000


def test_only_shown_rows_make_no_entry(valkey):
    valkey.flushdb()
    writer = make(valkey)
    writer.ticks(TickBatch(BATCH.rows[:0], 0), BATCH, T0, False)
    assert (positions(writer), len(writer.board.read([408065], now=T0))) == ([], 1)


def test_saying_how_the_feed_is_never_fails(valkey):
    dead = redis.Redis(port=1, retry=Retry(NoBackoff(), 0))
    make(dead).publish_state(FeedState("test", Liveness.LIVE))
