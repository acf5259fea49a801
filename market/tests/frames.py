"""Raw ticker frames for tests: random ones from a seed, and single packets in words."""

import random
import struct

from market.domain.ticks import MODE_OF_LENGTH, SEGMENTS, TICK_DTYPE, Rows, empty_rows

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


assert TICK_DTYPE.itemsize == 168
