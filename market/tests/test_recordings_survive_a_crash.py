"""Raw frames by day: what was written is read back, a cut tail is left out, a restart goes on after it."""

import asyncio
import hashlib
import struct
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from market.feeds import Inbox
from market.models import Feed, Recording
from market.recording import MAGIC, NotARecording, RecordedSource, Recorder, read_recording

T0 = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
FRAMES = [b"\x00", b"\x00\x01\x00\x08abcdefgh", b""]


@pytest.fixture
def feed(db):
    return Feed.objects.create(name="kite")


def record(feed, folder, frames=FRAMES, at=T0):
    recorder = Recorder(feed, folder)
    for nth, payload in enumerate(frames):
        recorder.write(payload, 1000 + nth, at + timedelta(seconds=nth))
    return recorder


def payloads(path):
    return [frame.payload for frame in read_recording(Path(path))]


def test_what_was_written_is_read_back(feed, tmp_path):
    recording = record(feed, tmp_path).close()
    frames = list(read_recording(Path(recording.path)))
    assert [frame.payload for frame in frames] == FRAMES
    assert [frame.received_at for frame in frames] == [1000, 1001, 1002]
    assert frames[1].market_time == int(T0.timestamp() * 1000) + 1000


def test_closing_notes_size_and_checksum(feed, tmp_path):
    path = Path(record(feed, tmp_path).close().path)
    row = Recording.objects.get()
    assert (row.frames, row.state, row.bytes) == (3, "closed", path.stat().st_size)
    assert row.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("cut", range(1, 33))
def test_a_cut_tail_costs_only_the_cut_record(feed, tmp_path, cut):
    path = Path(record(feed, tmp_path).close().path)
    path.write_bytes(path.read_bytes()[:-cut])
    left = payloads(path)
    assert left == FRAMES[: len(left)]
    assert len(left) == (2 if cut <= 20 else 1)


def test_a_restart_goes_on_after_the_last_whole_record(feed, tmp_path):
    recorder = record(feed, tmp_path)
    recorder.sync()
    path = Path(recorder.recording.path)
    path.write_bytes(path.read_bytes() + b"half a record")
    recording = record(feed, tmp_path, [b"more"]).close()
    assert (payloads(path), recording.frames) == ([*FRAMES, b"more"], 4)


def test_a_new_market_day_begins_a_new_file(feed, tmp_path):
    recorder = record(feed, tmp_path, [b"a"])
    recorder.write(b"b", 0, T0 + timedelta(days=1))
    recorder.close()
    states = Recording.objects.order_by("day").values_list("day", "state", "frames")
    assert [(str(day), state, frames) for day, state, frames in states] == [
        ("2026-11-20", "closed", 1),
        ("2026-11-21", "closed", 1),
    ]


def test_something_else_is_not_taken_for_a_recording(tmp_path):
    (tmp_path / "x").write_bytes(b"PK\x03\x04 and so on")
    with pytest.raises(NotARecording):
        list(read_recording(tmp_path / "x"))


def test_noise_after_the_header_ends_the_recording(tmp_path):
    (tmp_path / "x").write_bytes(MAGIC + b"\xff" * 64)
    assert list(read_recording(tmp_path / "x")) == []


async def test_a_recording_plays_in_order_and_waits_while_paused(tmp_path):
    path = tmp_path / "x.aprec"
    path.write_bytes(MAGIC + b"".join(struct.pack("<qqI", 1, 2, len(frame)) + frame for frame in FRAMES))
    inbox = Inbox(lossless=True)
    inbox.source = source = RecordedSource(None, inbox, [path])
    await source.start()
    types = [(await asyncio.wait_for(inbox.get(), 5))["type"] for _ in range(2)]
    await asyncio.sleep(0.02)
    assert (types, inbox.is_empty) == (["feed.connected", "feed.frame"], True)
    rest = [(await asyncio.wait_for(inbox.get(), 5))["type"] for _ in range(3)]
    assert rest == ["feed.frame", "feed.frame", "feed.ended"]
    await source.stop()
