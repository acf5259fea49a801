"""Raw ticker frames for tests: random ones from a seed, and single packets in words."""

import random
import struct
from collections.abc import Iterator

import numpy as np

from market.domain.ticks import (
    HEAD_FIELDS,
    INDEX_FIELDS,
    MODE_OF_LENGTH,
    SEGMENTS,
    Rows,
    empty_rows,
)

LENGTHS = tuple(MODE_OF_LENGTH)
INFY, SBIN, NIFTY = 408065, 779521, 256265


def random_packet(rng: random.Random, length: int, token: int | None = None) -> bytes:
    chosen = token if token is not None else (rng.randrange(1 << 24) << 8) | rng.choice(list(SEGMENTS.values()))
    return struct.pack(">I", chosen) + rng.randbytes(length - 4)


def frame(packets: list[bytes]) -> bytes:
    return struct.pack(">H", len(packets)) + b"".join(struct.pack(">H", len(p)) + p for p in packets)


def random_frame(rng: random.Random, count: int, lengths: tuple[int, ...] = LENGTHS) -> bytes:
    return frame([random_packet(rng, rng.choice(lengths)) for _ in range(count)])


def full_rows(*ticks: dict[str, object]) -> Rows:
    """Rows in full mode with a sound two-sided book; each dict overrides fields of one row."""
    rows = empty_rows(len(ticks))
    for row, tick in zip(rows, ticks, strict=True):
        row["token"], row["mode"], row["last_price"], row["close"] = INFY, 3, 150_000, 150_000
        row["exchange_timestamp"], row["volume"] = 1_764_560_700, 1_000
        for name, value in tick.items():
            row[name] = value
        for level in range(5) if "bid_price" not in tick else ():
            row["bid_price"][level] = row["last_price"] - 5 * (level + 1)
            row["ask_price"][level] = row["last_price"] + 5 * (level + 1)
            row["bid_quantity"][level] = row["ask_quantity"][level] = 100
            row["bid_orders"][level] = row["ask_orders"][level] = 3
    return rows


def encode_frame(rows: Rows) -> bytes:
    """Return the frame that ``decode_frame`` turns into ``rows``."""
    return struct.pack(">H", len(rows)) + b"".join(_packets(rows))


def _packets(rows: Rows) -> Iterator[bytes]:
    length_of_mode = {mode: length for length, mode in MODE_OF_LENGTH.items()}
    for row in rows:
        length = length_of_mode[int(row["mode"])]
        yield struct.pack(">H", length) + _packet(row, length)


def _packet(row: np.void, length: int) -> bytes:
    head = [int(row[name]) for name in HEAD_FIELDS]
    if length in (28, 32):
        body = [int(row[name]) for name in INDEX_FIELDS]
        change = (body[1] - body[5]) & 0xFFFFFFFF
        return struct.pack(">8I", *body, change, int(row["exchange_timestamp"]))[:length]
    body_bytes = struct.pack(f">{len(HEAD_FIELDS)}I", *head)[:length]
    for side in ("bid", "ask") if length == 184 else ():
        levels = zip(row[f"{side}_quantity"], row[f"{side}_price"], row[f"{side}_orders"], strict=True)
        body_bytes += b"".join(struct.pack(">IIHxx", *map(int, level)) for level in levels)
    return body_bytes
