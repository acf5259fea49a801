"""From frame to stream, board, browser and wake-up; gaps, overflow, marks and lockstep on the way."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from market.domain.entries import START
from market.domain.staleness import Liveness
from market.stream import OlderEpoch, TickStream
from market.tests.feeding import STAMP, T0, lockstep_of, make_parts, raw, running, writing_thread
from market.tests.frames import INFY, SBIN


@pytest.fixture
def thread():
    with writing_thread() as executor:
        yield executor


@pytest.fixture
def parts(valkey, thread):
    valkey.flushdb()
    return make_parts(valkey, thread)


def entries(parts):
    return parts.writer.stream.read(START)


async def feed(parts, *frames, seconds=0):
    async with running(parts):
        for payload in frames:
            parts.inbox.frame(payload, STAMP * 1000)
        for _ in range(seconds):
            parts.inbox.put_once({"type": "feed.second"})


async def test_a_frame_becomes_one_entry_with_only_believable_rows(parts):
    await feed(parts, raw({"last_price": 150_100}, {"token": SBIN, "last_price": 0, "bid_price": 0}))
    [entry] = entries(parts)
    assert entry.batch.rows["token"].tolist() == [INFY]
    assert (entry.market_time, entry.batch.received_at, entry.gap) == (T0, STAMP * 1000, True)


async def test_only_the_first_entry_after_a_connection_follows_a_gap(parts):
    async with running(parts):
        parts.inbox.connection()
        parts.inbox.frame(raw({"volume": 1}), 0)
        parts.inbox.frame(raw({"volume": 2}), 0)
        parts.inbox.disconnection("reset")
        parts.inbox.connection()
        parts.inbox.frame(raw({"volume": 3}), 0)
    assert [entry.gap for entry in entries(parts)] == [True, False, True]


async def test_a_repeat_refreshes_the_quote_but_not_the_stream(parts):
    async with running(parts):
        parts.inbox.frame(raw({}), 0)
        while not parts.inbox.is_empty or not parts.writer.n:
            await asyncio.sleep(0.005)
        parts.clock.pass_seconds(7)
        parts.inbox.frame(raw({}), 0)
    assert len(entries(parts)) == 1
    quote = parts.writer.board.read([INFY], now=T0)[INFY]
    assert (quote.market_time, quote.last_price) == (T0 + timedelta(seconds=7), Decimal(1500))


async def test_the_shard_is_woken_once_for_many_frames(parts):
    await feed(parts, raw({"volume": 1}), raw({"volume": 2}), raw({"volume": 3}))
    shard = parts.writer._shards[0]
    assert parts.writer._send == [("trading.tasks.process_ticks", [str(shard.pk)], "ticks.test-0")]


async def test_a_damaged_frame_costs_only_what_is_damaged(parts):
    await feed(parts, raw({}, {"token": SBIN})[:-20], b"\xff\xff", raw({"volume": 9}))
    assert [len(entry.batch) for entry in entries(parts)] == [1, 1]


async def test_a_full_inbox_drops_the_oldest_frames_and_says_that_there_is_a_gap(valkey, thread):
    valkey.flushdb()
    parts = make_parts(valkey, thread, most_frames=2)
    parts.gap = False
    for volume in (1, 2, 3, 4):
        parts.inbox.frame(raw({"volume": volume}), 0)
    assert parts.inbox.dropped == {"inbox_full": 2}
    async with running(parts):
        pass
    assert [(entry.batch.rows["volume"][0], entry.gap) for entry in entries(parts)] == [(3, True), (4, False)]


async def test_a_second_is_marked_while_the_link_lives(parts):
    parts.inbox.heard()
    await feed(parts, seconds=1)
    assert [(entry.kind, entry.market_time, entry.gap) for entry in entries(parts)] == [("watermark", T0, True)]


async def test_no_mark_claims_a_second_in_which_nothing_was_heard(parts):
    parts.inbox._heard_at = -10.0
    await feed(parts, seconds=1)
    assert entries(parts) == []


async def test_marks_go_on_without_a_connection_and_say_so(parts):
    parts.inbox.source.connected = False
    await feed(parts, seconds=1)
    assert [(entry.kind, entry.gap) for entry in entries(parts)] == [("watermark", True)]
    assert parts.gap


async def test_browsers_get_the_latest_of_each_instrument_at_once(parts):
    async with running(parts):
        parts.inbox.connection()
        parts.inbox.frame(raw({"last_price": 150_000}), 0)
        parts.inbox.frame(raw({"last_price": 151_240, "close": 149_000}, {"token": SBIN}), 0)
        parts.inbox.put_once({"type": "feed.flush"})
    [(group, message)] = parts.updates._layer
    assert (group, message["type"]) == ("market", "market.update")
    assert message["payload"] == {
        "v": [1, 2],
        "at": "2026-11-20T09:30:00.000+05:30",
        "quotes": [
            {"k": "NSE:INFY", "p": "1512.40", "b": "1512.35", "a": "1512.45", "c": "1490.00"}
            | {"t": "2026-11-20T09:30:00.000+05:30", "e": "2026-11-20T09:30:00.000+05:30", "s": "live"}
        ],
    }


async def test_browsers_are_told_that_a_cached_packet_of_an_earlier_day_is_dead(parts):
    async with running(parts):
        parts.inbox.connection()
        parts.inbox.frame(raw({"exchange_timestamp": STAMP - 3 * 86_400}), 0)
        parts.inbox.put_once({"type": "feed.flush"})
    [(_, message)] = parts.updates._layer
    [quote] = message["payload"]["quotes"]
    assert (quote["e"], quote["s"]) == ("2026-11-17T09:30:00.000+05:30", "dead")


async def test_nothing_new_is_not_announced(parts):
    async with running(parts):
        parts.inbox.put_once({"type": "feed.flush"})
    assert parts.updates._layer == []


async def test_many_order_updates_make_the_orders_be_read_once(parts):
    async with running(parts):
        parts.inbox.hint('{"type": "order", "data": {}}')
        parts.inbox.hint('{"type": "order", "data": {}}')
        parts.inbox.put_once({"type": "feed.flush"})
    assert parts.writer._send == [("trading.tasks.book_trades", ["account-1"], "broker.family")]


async def test_a_refusal_makes_the_feed_dead_with_its_reason(parts):
    async with running(parts):
        parts.inbox.connection()
        parts.inbox.refusal("the ticker answered 403 to our login")
    from market.consumers import FeedConsumer

    state = FeedConsumer(parts).state()
    assert (state.state, state.reason) == (Liveness.DEAD, "the ticker answered 403 to our login")


async def test_a_newer_feed_ends_this_one(parts, valkey):
    TickStream(valkey, parts.writer.feed.pk).append_watermark(2, 1, T0)
    parts.inbox.frame(raw({}), 0)
    with pytest.raises(OlderEpoch):
        async with running(parts):
            pass


def frame_at(seconds):
    return raw({"exchange_timestamp": STAMP + seconds, "volume": seconds + 1})


async def test_in_lockstep_the_next_frame_waits_until_the_last_one_is_settled(valkey, thread):
    valkey.flushdb()
    told, asked, may_go = [], [], asyncio.Event()

    async def quiesced(feed_id, position):
        asked.append(str(position))
        await may_go.wait()

    parts = make_parts(valkey, thread, lockstep_of(told, quiesced))
    async with running(parts):
        for seconds in (0, 1):
            parts.inbox.frame(frame_at(seconds), 0)
        while not asked:
            await asyncio.sleep(0.005)
        assert (len(entries(parts)), parts.inbox.source.paused) == (1, True)
        may_go.set()
    assert asked == ["1-1", "1-2"]
    assert told == [T0, T0 + timedelta(seconds=1)]
    assert not parts.inbox.dropped


async def test_in_lockstep_a_pause_in_the_data_gets_one_mark_that_follows_from_the_data(valkey, thread):
    valkey.flushdb()
    told = []

    async def quiesced(feed_id, position):
        """At once."""

    parts = make_parts(valkey, thread, lockstep_of(told, quiesced))
    async with running(parts):
        for seconds in (0, 5, 600):
            parts.inbox.frame(frame_at(seconds), 0)
        parts.inbox.end()
        await asyncio.sleep(0.2)
    seen = [(entry.kind, (entry.market_time - T0).total_seconds()) for entry in entries(parts)]
    assert seen == [("ticks", 0), ("ticks", 5), ("watermark", 8), ("ticks", 600), ("watermark", 603)]


async def test_market_time_in_lockstep_is_the_newest_exchange_time_heard(valkey, thread):
    valkey.flushdb()
    told = []

    async def quiesced(feed_id, position):
        """At once."""

    parts = make_parts(valkey, thread, lockstep_of(told, quiesced))
    async with running(parts):
        for seconds in (3, 1, 4):
            parts.inbox.frame(frame_at(seconds), 0)
    assert told == [datetime.fromtimestamp(STAMP + seconds, UTC) for seconds in (3, 4)]


async def test_in_lockstep_nothing_happens_before_the_first_packet_that_carries_a_time(valkey, thread):
    valkey.flushdb()
    told = []

    async def quiesced(feed_id, position):
        """At once."""

    parts = make_parts(valkey, thread, lockstep_of(told, quiesced))
    async with running(parts):
        parts.inbox.frame(raw({"exchange_timestamp": 0, "volume": 7}), STAMP * 1000)
        parts.inbox.frame(frame_at(1), STAMP * 1000)
    assert [entry.batch.rows["volume"].tolist() for entry in entries(parts)] == [[2]]
    assert told == [T0 + timedelta(seconds=1)]
