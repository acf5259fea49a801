"""How far a play has come, as bytes: read back, it goes on as if it had never been interrupted, or it is not read.

What a play is given (candles, sessions, facts, terms, the callbacks' guard) is not in them: it is made anew, and put in
its places. Bytes are signed, since to read them is to run what they say, and marked with all that a result depends on.
"""

from __future__ import annotations

import hashlib
import io
import pickle
import platform
import zlib
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
import structlog
from django.utils.crypto import constant_time_compare, salted_hmac

log = structlog.get_logger()
T = TypeVar("T")
SALT, SIGNATURE = "trading.lab.halfway", 32
# Our own choice: a year of fifty shares comes to a tenth of it. More would hold up the play, and the database.
MOST_BYTES = 32 * 2**20
ROOTS = ("alphapanda/core", "instruments", "market", "portfolio", "trading")
NOT_PLAYED = frozenset({"tests", "migrations", "management", "admin", "api"})


class Keeper(Protocol):
    """Where a play is kept on its way."""

    def kept(self) -> bytes | None:
        """What was kept last."""

    def keep(self, state: Callable[[], bytes | None]) -> None:
        """Keep it, if it is time to; ``state`` is dear, and None where it cannot be had."""


class NothingKept:
    """For a play that nobody goes on with."""

    def kept(self) -> bytes | None:
        return None

    def keep(self, state: Callable[[], bytes | None]) -> None:
        return None


NOTHING_KEPT = NothingKept()


class TooMuch(Exception):
    """More than may be kept."""


def pack(play: Any, outside: Mapping[str, Any], marks: str) -> bytes | None:
    """Return a play without what is ``outside`` it; None, and a line in the log, where it cannot be had."""
    try:
        data = marks.encode() + zlib.compress(_Pickler.dump_of(play, outside), 1)
        if len(data) > MOST_BYTES:
            raise TooMuch(f"{len(data):,} bytes")
    except Exception as error:  # a strategy may keep anything
        log.warning("backtest_not_kept", error=repr(error)[:300])
        return None
    return _signature(data) + data


def unpack(kept: bytes | None, outside: Mapping[str, Any], marks: str, kind: type[T]) -> T | None:
    """Return the play that was kept, with what is ``outside`` it; None where it is of other code, data or request."""
    if kept is None:
        return None
    signature, data, begin = kept[:SIGNATURE], kept[SIGNATURE:], len(marks)
    if not constant_time_compare(signature, _signature(data)) or data[:begin] != marks.encode():
        log.info("backtest_begun_anew", why="what was kept is of other code, data or request")
        return None
    try:
        play = _Unpickler(zlib.decompress(data[begin:]), outside).load()
    except Exception as error:
        log.exception("backtest_begun_anew", why=repr(error)[:300])
        return None
    return play if isinstance(play, kind) else None


def marks_of(*parts: str) -> str:
    """Return a digest (hex) of all that a result depends on: these, our own code, Python and numpy."""
    whole = "\n".join((*parts, own_code(), platform.python_version(), np.__version__))
    return hashlib.sha256(whole.encode()).hexdigest()


@cache
def own_code() -> str:
    """SHA-256 (hex) over our sources as they stood when this process first asked."""
    home, digest = Path(__file__).parents[2], hashlib.sha256()
    for path in sorted(path for root in ROOTS for path in (home / root).rglob("*.py")):
        name = path.relative_to(home)
        if NOT_PLAYED.isdisjoint(name.parts):
            digest.update(f"{name}\n".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _signature(data: bytes) -> bytes:
    return salted_hmac(SALT, data, algorithm="sha256").digest()


class _Pickler(pickle.Pickler):
    def __init__(self, file: io.BytesIO, outside: Mapping[str, Any]) -> None:
        super().__init__(file, pickle.HIGHEST_PROTOCOL)
        self._names = {id(one): name for name, one in outside.items()}

    @classmethod
    def dump_of(cls, play: Any, outside: Mapping[str, Any]) -> bytes:
        file = io.BytesIO()
        cls(file, outside).dump(play)
        return file.getvalue()

    def persistent_id(self, obj: Any) -> str | None:
        return self._names.get(id(obj))


class _Unpickler(pickle.Unpickler):  # of bytes we have signed ourselves
    def __init__(self, data: bytes, outside: Mapping[str, Any]) -> None:
        super().__init__(io.BytesIO(data))
        self._outside = outside

    def persistent_load(self, pid: Any) -> Any:
        return self._outside[pid]
