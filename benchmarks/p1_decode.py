"""P1: decode a ticker frame into all columns, beside kiteconnect's own parser and a plain copy of the bytes.

Run alone: ``python -m benchmarks.p1_decode``. Rival, floor and ours are timed in turns in the same run; medians of
the processor's seconds, so that what else runs on the machine counts as little as it can.
"""

import json
import platform
import random
import statistics
import struct
import sys
import time
from datetime import UTC, datetime
from importlib.metadata import version

import numpy as np
from kiteconnect import KiteTicker

from market.domain.ticks import INDEX_FULL, INDEX_QUOTE, LTP, QUOTE, SEGMENTS, decode_frame, divisor_for

SIZES = (1, 10, 100, 500, 3000)
ROUNDS = 9
# A round is long enough for the clock and short enough to take turns: the machine's speed drifts.
SECONDS_A_ROUND = 0.02
TARGETS = {1: 1.0, 10: 20.0, 100: 100.0, 500: 150.0, 3000: 150.0}
FULL_ONLY = (184,)
# A feed as we subscribe it: full for what is traded, a few indices, some in quote and ltp mode.
MIXED = (184,) * 14 + (44,) * 2 + (8,) * 2 + (32, 28)
MODE_NAMES = {LTP: "ltp", QUOTE: "quote", INDEX_QUOTE: "quote", 3: "full", INDEX_FULL: "full"}


def make_frame(count: int, lengths: tuple[int, ...], seed: int = 1) -> bytes:
    rng = random.Random(seed)
    packets = [make_packet(rng, rng.choice(lengths)) for _ in range(count)]
    return struct.pack(">H", count) + b"".join(struct.pack(">H", len(packet)) + packet for packet in packets)


def make_packet(rng: random.Random, length: int) -> bytes:
    segment = SEGMENTS["indices"] if length in (28, 32) else SEGMENTS["nse"]
    token = (rng.randrange(1 << 16) << 8) | segment
    # Small numbers, as real ones are: dates stay within what kiteconnect can convert.
    words = [rng.randrange(1 << 31) for _ in range(length // 4 - 1)]
    return struct.pack(f">{length // 4}I", token, *words)


def check_equal(kite: KiteTicker, raw: bytes) -> None:
    """Raise AssertionError unless both sides read the same figures out of a frame."""
    theirs, rows = kite._parse_binary(raw), decode_frame(raw, 0).rows
    assert len(theirs) == len(rows)
    for tick, row in zip(theirs, rows, strict=True):
        divisor = divisor_for(int(row["token"]))
        assert tick["instrument_token"] == row["token"]
        assert tick["mode"] == MODE_NAMES[int(row["mode"])]
        assert tick["last_price"] == int(row["last_price"]) / divisor
        assert tick.get("volume_traded", 0) == row["volume"]
        assert all(tick["ohlc"][name] == int(row[name]) / divisor for name in tick.get("ohlc", ()))
        for side, prefix in (("buy", "bid"), ("sell", "ask")):
            for nth, level in enumerate(tick.get("depth", {}).get(side, ())):
                assert level["price"] == int(row[f"{prefix}_price"][nth]) / divisor
                assert level["quantity"] == row[f"{prefix}_quantity"][nth]
                assert level["orders"] == row[f"{prefix}_orders"][nth]


def time_in_turns(works: dict) -> dict[str, float]:
    """Return the median seconds of one call of each work, timed one after the other in every round."""
    repeats = {name: max(1, round(SECONDS_A_ROUND / time_once(work))) for name, work in works.items()}
    timings: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(ROUNDS):
        for name, work in works.items():
            begun = time.thread_time()
            for _ in range(repeats[name]):
                work()
            timings[name].append((time.thread_time() - begun) / repeats[name])
    return {name: statistics.median(seconds) for name, seconds in timings.items()}


def time_once(work) -> float:  # type: ignore[no-untyped-def]
    work()
    begun = time.thread_time()
    work()
    return max(time.thread_time() - begun, 1e-7)


def measure_frames(kite: KiteTicker, count: int, kind: str, lengths: tuple[int, ...]) -> dict:
    raw = make_frame(count, lengths)
    check_equal(kite, raw)
    buffer = np.frombuffer(raw, np.uint8)
    seconds = time_in_turns(
        {
            "kiteconnect": lambda: kite._parse_binary(raw),
            "alphapanda": lambda: decode_frame(raw, 0),
            "memcpy": buffer.copy,
        }
    )
    ours = seconds["alphapanda"]
    return {
        "frame": kind,
        "packets": count,
        "bytes": len(raw),
        "kiteconnect_packets_per_s": round(count / seconds["kiteconnect"]),
        "alphapanda_packets_per_s": round(count / ours),
        "alphapanda_ns_per_packet": round(ours / count * 1e9),
        "times_kiteconnect": round(seconds["kiteconnect"] / ours, 1),
        "times_memcpy": round(ours / seconds["memcpy"], 1),
        "target": TARGETS[count],
        "met": seconds["kiteconnect"] / ours >= TARGETS[count],
    }


def describe_machine() -> dict[str, str]:
    return {
        "at": datetime.fromtimestamp(time.time(), UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "kiteconnect": version("kiteconnect"),
        "machine": f"{platform.machine()}, {platform.system()} {platform.release()}",
    }


def main() -> None:
    kite = KiteTicker("key", "token")
    kinds = (("full", FULL_ONLY), ("mixed", MIXED))
    rows = [measure_frames(kite, count, kind, lengths) for kind, lengths in kinds for count in SIZES]
    if "--json" not in sys.argv:
        print("| frame | packets | kiteconnect /s | ours /s | ns a packet | × kiteconnect | × memcpy | target | met |")
        print("|---|--:|--:|--:|--:|--:|--:|--:|---|")
        for row in rows:
            print(
                f"| {row['frame']} | {row['packets']} | {row['kiteconnect_packets_per_s']:,} "
                f"| {row['alphapanda_packets_per_s']:,} | {row['alphapanda_ns_per_packet']} "
                f"| {row['times_kiteconnect']} | {row['times_memcpy']} | ≥ {row['target']:g} "
                f"| {'yes' if row['met'] else 'no'} |"
            )
    print(json.dumps({"benchmark": "P1 decode", **describe_machine(), "results": rows}))


if __name__ == "__main__":
    main()
