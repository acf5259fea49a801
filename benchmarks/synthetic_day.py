"""A market for load: seeded random walks as Kite's full packets, in the file format of the platform's recorder."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

MAGIC = b"APREC001"
HEAD = struct.Struct("<qqI")
NSE = 1
TICK = 5  # paise
# A step at every tick: about a quarter of a percent in a minute of three ticks a second.
STEP = 0.0002
WORDS = (
    "token", "last_price", "last_quantity", "average_price", "volume", "buy_quantity", "sell_quantity", "open",
    "high", "low", "close", "last_trade_time", "oi", "oi_day_high", "oi_day_low", "exchange_timestamp",
)  # fmt: skip
DEPTH = np.dtype([("quantity", ">u4"), ("price", ">u4"), ("orders", ">u2"), ("unused", ">u2")])
PACKET = np.dtype([("length", ">u2"), *((name, ">u4") for name in WORDS), ("depth", DEPTH, (10,))])


def tokens_of(count: int) -> list[int]:
    return [(1_000 + number) << 8 | NSE for number in range(count)]


@dataclass
class Walk:
    """All instruments' state between packets; prices in paise."""

    count: int
    seed: int = 1
    rng: np.random.Generator = field(init=False)
    packets: np.ndarray[Any, Any] = field(init=False)

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)
        self.packets = np.zeros(self.count, PACKET)
        self.packets["length"] = PACKET.itemsize - 2
        self.packets["token"] = tokens_of(self.count)
        first = self.rng.integers(2_000, 60_000, self.count) * TICK
        for name in ("last_price", "open", "high", "low", "close", "average_price"):
            self.packets[name] = first
        self.packets["volume"] = self.rng.integers(10_000, 1_000_000, self.count)
        self.packets["depth"]["orders"] = 3

    def step(self, which: np.ndarray[Any, Any], second: int) -> bytes:
        """Let some instruments trade once; return the frame that tells so."""
        rows = self.packets[which]
        price = rows["last_price"].astype(np.int64)
        moves = np.rint(self.rng.normal(0, STEP, len(which)) * price / TICK).astype(np.int64)
        price = np.maximum(price + moves * TICK, 100 * TICK)
        traded = self.rng.integers(1, 500, len(which))
        rows["last_price"], rows["last_quantity"] = price, traded
        rows["volume"] += traded.astype(np.uint32)
        rows["high"], rows["low"] = np.maximum(rows["high"], price), np.minimum(rows["low"], price)
        rows["last_trade_time"] = rows["exchange_timestamp"] = second
        levels = np.arange(5) * TICK
        rows["depth"]["price"][:, :5] = price[:, None] - levels
        rows["depth"]["price"][:, 5:] = price[:, None] + TICK + levels
        rows["depth"]["quantity"] = self.rng.integers(100, 5_000, (len(which), 10))
        self.packets[which] = rows
        return struct.pack(">H", len(rows)) + rows.tobytes()

    def history(self, places: int, minutes: int) -> Iterator[list[tuple[Decimal, Decimal, Decimal, Decimal, int]]]:
        """Yield one-minute candles (open, high, low, close, volume) of the first instruments, up to their price now."""
        rng = np.random.default_rng(self.seed + 1)
        for price in self.packets["last_price"][:places].tolist():
            moves = rng.normal(0, STEP * np.sqrt(180), minutes).cumsum()
            closes = np.rint(price * (1 + moves - moves[-1]) / TICK) * TICK
            opens = np.concatenate([closes[:1], closes[:-1]])
            highs, lows = np.maximum(opens, closes) + 2 * TICK, np.minimum(opens, closes) - 2 * TICK
            columns = (opens, highs, lows, closes)
            yield [
                (*(Decimal(int(value)) / 100 for value in values), 10_000)  # type: ignore[misc]
                for values in zip(*columns, strict=True)
            ]


def write_recording(path: Path, walk: Walk, first: datetime, rates: list[int], size: int = 1_000) -> int:
    """Write frames of ``size`` packets, instruments in turn; ``rates``: ticks of each second. Returns how many."""
    frames, at = 0, 0
    with path.open("wb") as file:
        file.write(MAGIC)
        for second, rate in enumerate(rates):
            for nth in range(max(1, round(rate / size))):
                moment = first + timedelta(seconds=second + nth * size / max(rate, size))
                which = (np.arange(at, at + size)) % walk.count
                payload = walk.step(which, int(moment.timestamp()))
                milliseconds = int(moment.timestamp() * 1000)
                file.write(HEAD.pack(milliseconds, milliseconds, len(payload)) + payload)
                frames, at = frames + 1, (at + size) % walk.count
    return frames
