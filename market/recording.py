"""A day's raw frames in a file: appended, flushed to the disk each second, readable however it ended.

Format: ``APREC001``, then records of ``<q received_at_ms><q market_time_ms><I length><payload>``, little-endian.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import struct
import time
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from django.conf import settings

from alphapanda.core.timezone import IST
from market.domain.entries import to_milliseconds
from market.feeds import Inbox
from market.models import Feed, Recording
from market.records import cut_to_whole_records

MAGIC = b"APREC001"
_RECORD = struct.Struct("<qqI")
# Kite's largest frame is 3,000 full packets; a longer record means that this is not a recording.
_LONGEST = 4 * 1024 * 1024
SYNC_SECONDS = 1.0


class NotARecording(Exception):
    """The file does not begin as a recording does."""


class RecordedFrame(NamedTuple):
    """Times in milliseconds since 1970: of the wall and of the market."""

    received_at: int
    market_time: int
    payload: bytes


def read_recording(path: Path) -> Iterator[RecordedFrame]:
    """Yield the frames of a recording. A last record cut short by a crash is left out; raises NotARecording."""
    with path.open("rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            raise NotARecording(f"{path} does not begin with {MAGIC.decode()}")
        while frame := _next_frame(file):
            yield frame


def _next_frame(file: BinaryIO) -> RecordedFrame | None:
    head = file.read(_RECORD.size)
    if len(head) < _RECORD.size:
        return None
    received_at, market_time, length = _RECORD.unpack(head)
    payload = file.read(length) if length <= _LONGEST else b""
    return RecordedFrame(received_at, market_time, payload) if len(payload) == length else None


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Recorder:
    """Writes one file per market day, goes on with the day's file after a restart, closes it with its checksum."""

    def __init__(self, feed: Feed, folder: Path | None = None) -> None:
        self.feed = feed
        self.folder = folder or settings.STATE_DIR / "recordings" / feed.name
        self.recording: Recording | None = None
        self._file: BinaryIO | None = None
        self._synced_at = 0.0

    def write(self, payload: bytes, received_at: int, market_time: datetime) -> None:
        """Append a frame to the file of its day. Raises OSError if the disk will not have it."""
        day = market_time.astimezone(IST).date()
        if self.recording is None or self.recording.day != day:
            self.close()
            self._open(day)
        assert self.recording is not None
        assert self._file is not None
        self._file.write(_RECORD.pack(received_at, to_milliseconds(market_time), len(payload)) + payload)
        self.recording.frames += 1
        self.recording.bytes += _RECORD.size + len(payload)
        if time.monotonic() - self._synced_at >= SYNC_SECONDS:
            self.sync()

    def sync(self) -> None:
        """Make what was written survive a power cut."""
        if self._file is not None:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._synced_at = time.monotonic()

    def close(self) -> Recording | None:
        """Close the day's file and note its size and checksum; None if there is no file."""
        if self._file is None or self.recording is None:
            return None
        self.sync()
        self._file.close()
        recording, self.recording, self._file = self.recording, None, None
        recording.sha256 = sha256_of(Path(recording.path))
        recording.state = Recording.State.CLOSED
        recording.save(update_fields=["frames", "bytes", "sha256", "state"])
        return recording

    def _open(self, day: date) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{day.isoformat()}.aprec"
        path.touch()
        frames = sum(1 for _ in cut_to_whole_records(path, MAGIC, _next_frame))
        self._file = path.open("ab")
        self.recording, _ = Recording.objects.update_or_create(
            feed=self.feed,
            day=day,
            defaults={
                "path": str(path), "frames": frames, "bytes": path.stat().st_size, "sha256": "",
                "state": Recording.State.OPEN,
            },
        )  # fmt: skip


class RecordedSource:
    """A TickSource that plays recordings, as fast as they are taken."""

    account_id = ""

    def __init__(self, feed: Any, inbox: Inbox, paths: list[Path] | None = None) -> None:
        """``paths``: by default the feed's closed recordings, oldest first."""
        self._feed, self._inbox, self._paths = feed, inbox, paths
        self._may_read = asyncio.Event()
        self._may_read.set()
        self._playing: asyncio.Task[None] | None = None

    @property
    def connected(self) -> bool:
        return self._playing is not None and not self._playing.done()

    async def start(self) -> None:
        if self._paths is None:
            self._paths = await asyncio.to_thread(self._recorded_paths)
        self._playing = asyncio.create_task(self._play(self._paths))

    def _recorded_paths(self) -> list[Path]:
        closed = Recording.objects.filter(feed=self._feed, state=Recording.State.CLOSED).order_by("day")
        return [Path(path) for path in closed.values_list("path", flat=True)]

    def want(self, modes: Mapping[int, str]) -> None:
        """A recording holds what was subscribed then; wishes change nothing."""

    def pause(self) -> None:
        self._may_read.clear()

    def resume(self) -> None:
        self._may_read.set()

    async def stop(self) -> None:
        if self._playing is not None:
            self._playing.cancel()

    async def _play(self, paths: list[Path]) -> None:
        self._inbox.connection()
        for path in paths:
            for frame in read_recording(path):
                await self._may_read.wait()
                self._inbox.frame(frame.payload, frame.received_at, frame.market_time)
                await asyncio.sleep(0)
        self._inbox.end()
