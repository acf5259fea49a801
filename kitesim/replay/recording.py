"""Play back raw ticker frames as the platform's recorder wrote them."""

import asyncio
import gzip
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kitesim.exchange.board import Board, Rows
from kitesim.exchange.candles import Bars, no_bars
from kitesim.exchange.exchange import Exchange
from kitesim.exchange.listing import INDEX_TOKENS, INDICES, SHARES, Instrument, share_row
from kitesim.exchange.trading_days import day_of, hours_of
from kitesim.replay.candle_replay import Stage
from kitesim.server.ticker import TickerSocket

MAGIC = b"APREC001"
_HEAD = struct.Struct("<qqI")
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True)
class Record:
    """One frame and when it was received; times in epoch milliseconds."""

    received_at: int
    market_time: int
    payload: bytes


def is_recording(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        head = file.read(8)
    if head[:2] == _GZIP:
        with gzip.open(path) as file:
            head = file.read(8)
    return head == MAGIC


def read_recording(path: Path) -> list[Record]:
    """All whole records; one cut short at the end (the recorder was killed) is left out."""
    raw = path.read_bytes()
    raw = gzip.decompress(raw) if raw[:2] == _GZIP else raw
    if raw[:8] != MAGIC:
        raise ValueError(f"{path} is not a recording")
    return list(_records(raw))


def _records(raw: bytes) -> Iterator[Record]:
    at = len(MAGIC)
    while at + _HEAD.size <= len(raw):
        received_at, market_time, length = _HEAD.unpack_from(raw, at)
        at += _HEAD.size
        if at + length > len(raw):
            return
        yield Record(received_at, market_time, raw[at : at + length])
        at += length


def tokens_in(frame: bytes) -> set[int]:
    """The instruments of a binary frame; a frame cut short gives those before the cut."""
    found, at = set(), 2
    while at + 6 <= len(frame):
        length = int.from_bytes(frame[at : at + 2], "big")
        if length >= 8:
            found.add(int.from_bytes(frame[at + 2 : at + 6], "big"))
        at += 2 + length
    return found


class RecordedMarket:
    """Knows the instruments that were recorded; their prices are only in the frames."""

    def __init__(self, records: list[Record]) -> None:
        if not records:
            raise ValueError("the recording is empty")
        self.day = day_of(records[0].market_time / 1000)
        self.hours = hours_of(self.day)
        tokens = set().union(*(tokens_in(record.payload) for record in records if record.payload[:1] != b"{"))
        self.board = Board(_named(token) for token in sorted(tokens))

    def step(self, second: int) -> Rows:
        """Frames are sent as they are, so the board stays as it is."""
        return np.empty(0, np.intp)

    def seek(self, second: int) -> None:
        """See step."""


def _named(token: int) -> Instrument:
    known = {row.token: row for row in map(share_row, SHARES)}
    indices = {token: name for name, token in INDEX_TOKENS.items()}
    if token in known:
        return known[token]
    name, segment = indices.get(token, f"T{token}"), "INDICES" if token & 0xFF == INDICES else "NSE"
    return Instrument(token, name, name, "NSE", segment, "EQ", 5)


class NoHistory:
    """A recording has no candles."""

    def candles(self, token: int, interval: str, first: float, last: float, now: float) -> Bars:
        return no_bars()


class RecordingReplay(Stage):
    """Every payload in turn, to every socket, whatever it subscribed to."""

    def __init__(self, exchange: Exchange, records: list[Record], lockstep: bool) -> None:
        super().__init__(exchange, lockstep)
        self._records = records

    def _is_ready(self, socket: TickerSocket) -> bool:
        return bool(socket.tokens) and super()._is_ready(socket)

    async def run(self) -> None:
        self.exchange.open_day()
        if self.lockstep:
            self.exchange.clock.set_rate(0)
        for record in self._records:
            frame = record.payload.decode() if record.payload[:1] == b"{" else record.payload
            if self.lockstep:
                await self.in_lockstep(record.market_time // 1000, lambda it=frame: self._show(it))  # type: ignore[misc]
            else:
                await self._wait_for(record.market_time)
                await self._show(frame)
        await self.finish()

    async def _show(self, frame: bytes | str) -> None:
        self.exchange.seq += 1
        await self.to_everyone(lambda _: frame)

    async def _wait_for(self, market_ms: int) -> None:
        clock = self.exchange.clock
        while clock.now_ms() < market_ms:
            await asyncio.sleep(clock.seconds_until(market_ms))
