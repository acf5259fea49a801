"""A recording played without a feed gives the entries a lockstep feed appends, one by one."""

import random

import numpy as np
import pytest

from market.domain.entries import START
from market.playback import Playback, play_recordings, tokens_in
from market.recording import _RECORD, MAGIC, RecordedFrame
from market.tests.feeding import STAMP, lockstep_of, make_parts, raw, running, writing_thread
from market.tests.frames import INFY, SBIN, random_frame

HEARTBEAT = b"\0"


def recorded(seed):
    """Ticks of two shares with pauses, heartbeats, damage, prices out of bounds and repeated times."""
    draw, at = random.Random(seed), 0.0
    for _ in range(60):
        at += draw.choice((0, 0.3, 1, 4.9, 5, 5.1, 90))
        price = draw.choice((150_000, 150_010, 149_990, 60, 900_000))
        payload = draw.choice((
            raw({"last_price": price, "exchange_timestamp": STAMP + int(at)}),
            raw({"token": SBIN, "last_price": 80_000, "exchange_timestamp": STAMP + int(at)}, {"last_price": price}),
            HEARTBEAT, random_frame(draw, 2)[:50],
        ))  # fmt: skip
        yield RecordedFrame(int((STAMP + at) * 1000) + 7, int((STAMP + at) * 1000), payload)


async def appended(valkey, frames):
    valkey.flushdb()

    async def quiesced(feed_id, position):
        """At once."""

    with writing_thread() as thread:
        parts = make_parts(valkey, thread, lockstep_of([], quiesced))
        async with running(parts):
            for frame in frames:
                parts.inbox.frame(frame.payload, frame.received_at, frame.market_time)
            parts.inbox.end()
    return parts.writer.stream.read(START, 1000)


@pytest.mark.parametrize("seed", range(5))
async def test_entry_by_entry(valkey, seed):
    playback, frames = Playback(rules=[]), list(recorded(seed))
    played = [entry for frame in frames for entry in playback.take_frame(frame)] + list(playback.end())
    wanted = await appended(valkey, frames)
    assert [(e.position, e.kind, e.market_time, e.gap) for e in played] == [
        (e.position, e.kind, e.market_time, e.gap) for e in wanted
    ]
    for one, other in zip(played, wanted, strict=True):
        assert (one.batch is None) == (other.batch is None)
        if one.batch is not None and other.batch is not None:
            assert one.batch.received_at == other.batch.received_at
            assert np.array_equal(one.batch.rows, other.batch.rows)
    assert {entry.kind for entry in played} == {"ticks", "watermark"}


def test_files_say_which_tokens_they_tell_of(tmp_path):
    path = tmp_path / "day.aprec"
    frames = [RecordedFrame(1, STAMP * 1000, raw({}, {"token": SBIN, "exchange_timestamp": 0}))]
    path.write_bytes(MAGIC + b"".join(_RECORD.pack(one[0], one[1], len(one[2])) + one[2] for one in frames))
    assert tokens_in([path]) == {INFY: True, SBIN: False}
    assert [entry.kind for entry in play_recordings([path], [])] == ["ticks", "watermark"]
