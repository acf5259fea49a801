"""The tick stream in files, one a market day: what leaves Valkey is kept, so that a day can be run again as it was.

Format: ``APSTR001``, ``<I`` bytes a tick's row takes, then records of
``<q epoch><q n><q market_time_ms><q received_at_ms><B flags><I length><rows, deflated>``, little-endian.
"""

from __future__ import annotations

import fcntl
import os
import struct
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import BinaryIO

import numpy as np
from django.conf import settings

from alphapanda.core.timezone import day_of
from market.domain.entries import START, Kind, StreamEntry, StreamPosition, from_milliseconds, to_milliseconds
from market.domain.ticks import TICK_DTYPE, TickBatch
from market.records import AnotherKindOfFile, cut_to_whole_records

MAGIC = b"APSTR001" + struct.pack("<I", TICK_DTYPE.itemsize)
SUFFIX = ".apstr"
_RECORD = struct.Struct("<qqqqBI")
_HAS_TICKS, _GAP = 1, 2
# Rows of Kite's largest frame, 3,000 instruments, in the clear.
_LONGEST = 4 * 1024 * 1024
# Quick rather than small: it runs while the market does.
_LEVEL = 1
# The last whole position of a file by its path and size: to read a day's file through each time would take seconds.
_ends: dict[Path, tuple[int, StreamPosition]] = {}


class NotAKeptStream(Exception):
    """The file does not begin as one does, or is of another version's ticks."""


def stream_folder(feed: str) -> Path:
    return Path(settings.STATE_DIR) / "streams" / feed


def stream_files() -> Iterator[Path]:
    """Yield every file of every feed, those put aside too."""
    return Path(settings.STATE_DIR, "streams").glob("*/*.*")


def kept_file(feed: str, day: date) -> Path:
    return stream_folder(feed) / f"{day.isoformat()}{SUFFIX}"


def read_kept(path: Path) -> Iterator[StreamEntry]:
    """Yield the entries of a day in order; a last record cut short is left out. Raises NotAKeptStream or OSError."""
    with path.open("rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            raise NotAKeptStream(f"{path} is no stream that this version has kept")
        while (entry := _next_entry(file)) is not None:
            yield entry


def _next_entry(file: BinaryIO) -> StreamEntry | None:
    head = file.read(_RECORD.size)
    if len(head) < _RECORD.size:
        return None
    epoch, n, market_time, received_at, flags, length = _RECORD.unpack(head)
    packed = file.read(length) if length <= _LONGEST else b""
    if len(packed) < length:
        return None
    batch = None
    if flags & _HAS_TICKS:
        batch = TickBatch(np.frombuffer(zlib.decompress(packed), TICK_DTYPE), received_at)
    kind: Kind = "ticks" if batch is not None else "watermark"
    return StreamEntry(StreamPosition(epoch, n), kind, from_milliseconds(market_time), batch, gap=bool(flags & _GAP))


def _next_position(file: BinaryIO) -> StreamPosition | None:
    """Pass over one whole record, its rows unread: a day of a large feed unpacks for half a minute."""
    head = file.read(_RECORD.size)
    if len(head) < _RECORD.size:
        return None
    epoch, n, *_, length = _RECORD.unpack(head)
    if file.seek(length, os.SEEK_CUR) > os.fstat(file.fileno()).st_size:
        return None
    return StreamPosition(epoch, n)


def _packed(entry: StreamEntry) -> bytes:
    batch = entry.batch
    rows = zlib.compress(batch.rows.tobytes(), _LEVEL) if batch is not None else b""
    flags = (_HAS_TICKS if batch is not None else 0) | (_GAP if entry.gap else 0)
    received_at = batch.received_at if batch is not None else 0
    head = _RECORD.pack(*entry.position, to_milliseconds(entry.market_time), received_at, flags, len(rows))
    return head + rows


@contextmanager
def keeping(feed: str) -> Iterator[bool]:
    """Hold the right to keep a feed's stream: one process at a time; False if another holds it. Raises OSError."""
    folder = stream_folder(feed)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def keep_entries(feed: str, entries: Iterable[StreamEntry]) -> None:
    """Append what is not kept yet to the files of its days, and see it on the disk. Raises OSError."""
    after = last_kept(feed)
    fresh = (entry for entry in entries if entry.position > after)
    for day, of_day in groupby(fresh, key=lambda entry: day_of(entry.market_time)):
        path, last = kept_file(feed, day), START
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(MAGIC)
            _drop_old(feed)
        with path.open("ab") as file:
            for entry in of_day:
                file.write(_packed(entry))
                last = entry.position
            file.flush()
            os.fsync(file.fileno())
            _ends[path] = file.tell(), last


def last_kept(feed: str) -> StreamPosition:
    """Return the newest position kept; what was cut short by a crash is cut off first. START where none is."""
    files = _files(feed)
    return _end_of(files[-1]) if files else START


def _end_of(path: Path) -> StreamPosition:
    size = path.stat().st_size
    known_size, position = _ends.get(path, (-1, START))
    if known_size == size:
        return position
    position = START
    try:
        for position in cut_to_whole_records(path, MAGIC, _next_position):  # noqa: B007  # the last is wanted
            pass
    except AnotherKindOfFile:
        _put_aside(path)  # of a version with other ticks, which can read it still
        return START
    _ends[path] = path.stat().st_size, position
    return position


def put_aside(feed: str) -> None:
    """Let all that is kept of a feed stand under another name, and begin anew."""
    for path in _files(feed):
        _put_aside(path)


def _put_aside(path: Path) -> None:
    path.rename(path.with_suffix(".other"))
    _ends.pop(path, None)


def _files(feed: str) -> list[Path]:
    return sorted(stream_folder(feed).glob(f"*{SUFFIX}"))


def _drop_old(feed: str) -> None:
    for path in _files(feed)[: -settings.STREAM_DAYS]:
        path.unlink()
        _ends.pop(path, None)
