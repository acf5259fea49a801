"""One raw Kite ticker frame in, one table of ticks out, prices still as the integers on the wire."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

LTP, QUOTE, FULL, INDEX_QUOTE, INDEX_FULL = 1, 2, 3, 4, 5

HEAD_FIELDS = (
    "token", "last_price", "last_quantity", "average_price", "volume", "buy_quantity", "sell_quantity",
    "open", "high", "low", "close", "last_trade_time", "oi", "oi_day_high", "oi_day_low",
    "exchange_timestamp",
)  # fmt: skip
INDEX_FIELDS = ("token", "last_price", "high", "low", "open", "close")

#: One row per packet. Prices are unsigned wire integers (see ``divisor_for``): widen to int64 to subtract.
TICK_DTYPE = np.dtype(
    [(name, "<u4") for name in HEAD_FIELDS]
    + [(name, "<u4", (5,)) for name in ("bid_quantity", "bid_price", "ask_quantity", "ask_price")]
    + [("bid_orders", "<u2", (5,)), ("ask_orders", "<u2", (5,)), ("mode", "u1"), ("padding", "V3")]
)
#: Fields that hold prices in wire integers.
PRICE_FIELDS = ("last_price", "average_price", "open", "high", "low", "close", "bid_price", "ask_price")

Rows = NDArray[np.void]

MODE_OF_LENGTH = {8: LTP, 44: QUOTE, 184: FULL, 28: INDEX_QUOTE, 32: INDEX_FULL}
SEGMENTS = {
    "nse": 1, "nfo": 2, "cds": 3, "bse": 4, "bfo": 5, "bcd": 6, "mcx": 7, "mcxsx": 8, "indices": 9, "nco": 12,
}  # fmt: skip
_DIVISORS = {SEGMENTS["cds"]: 10_000_000, SEGMENTS["bcd"]: 10_000, SEGMENTS["nco"]: 10_000}

_HEAD_WORDS = len(HEAD_FIELDS)
_ROW_BYTES = TICK_DTYPE.itemsize
_ROW_WORDS, _ROW_HALVES = _ROW_BYTES // 4, _ROW_BYTES // 2
_ORDERS_AT = _HEAD_WORDS * 2 + 40
_INDEX_COLUMNS = [HEAD_FIELDS.index(name) for name in INDEX_FIELDS]
_TIME_COLUMN = HEAD_FIELDS.index("exchange_timestamp")

# numpy costs 3 to 7 µs a frame before it has done anything; below this many packets struct is faster.
_FEW_PACKETS = 4


@dataclass(frozen=True, slots=True)
class TickBatch:
    """The ticks of one frame, in the order of the wire.

    ``rows`` has dtype ``TICK_DTYPE``; ``received_at`` is milliseconds since 1970;
    ``faults`` counts what could not be read, by reason.
    """

    rows: Rows
    received_at: int
    faults: Mapping[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.rows)


def divisor_for(token: int) -> int:
    """Return what wire prices are divided by: it depends on the segment, the token's last byte."""
    return _DIVISORS.get(token & 0xFF, 100)


def to_price(wire: int, token: int) -> Decimal:
    """Return a wire price as money, exactly."""
    return Decimal(int(wire)) / divisor_for(int(token))


def to_wire(price: Decimal, token: int) -> int:
    """Return money as a wire price; digits finer than the wire are cut off."""
    return int(price * divisor_for(int(token)))


def is_index(tokens: NDArray[np.uint32]) -> NDArray[np.bool_]:
    return (tokens & 0xFF) == SEGMENTS["indices"]


def empty_rows(count: int = 0) -> Rows:
    return np.zeros(count, TICK_DTYPE)


def decode_frame(raw: bytes, received_at_ms: int) -> TickBatch:
    """Decode every packet of a frame; a bad frame gives the rows before the damage and a counted fault.

    Never raises. A frame shorter than two bytes is the heartbeat. Packets of unknown length are skipped.
    """
    if len(raw) < 2:
        return TickBatch(empty_rows(), received_at_ms)
    count = (raw[0] << 8) | raw[1]
    if count < _FEW_PACKETS:
        return _decode_few(raw, count, received_at_ms)
    if _is_uniform(raw, count):
        return TickBatch(_decode_uniform(raw, count), received_at_ms)
    return _decode_mixed(raw, count, received_at_ms)


# ---- few packets: precompiled struct --------------------------------------------------------------------


def _from_wire_order() -> tuple[int, ...]:
    """Return, for each integer of a row, which integer of a full packet it is."""
    depth = np.arange(_HEAD_WORDS, _HEAD_WORDS + 30).reshape(2, 5, 3)
    words = [*range(_HEAD_WORDS)]
    for side in depth:
        words += [*side[:, 0], *side[:, 1]]
    return tuple(int(at) for at in [*words, *depth[0, :, 2], *depth[1, :, 2]])


_WIRE_FULL = struct.Struct(">16I" + "IIHxx" * 10)
_ROW_FULL = struct.Struct("<16I20I10HB3x")
_FULL_ORDER = itemgetter(*_from_wire_order())
_WIRE_HEAD = {8: struct.Struct(">2I"), 44: struct.Struct(">11I")}
_ROW_HEAD = {8: struct.Struct("<2I"), 44: struct.Struct("<11I")}
_WIRE_INDEX = {28: struct.Struct(">6I"), 32: struct.Struct(">6I4xI")}


def _pack_row(raw: bytes, at: int, length: int, out: bytearray, row_at: int) -> None:
    if length == 184:
        _ROW_FULL.pack_into(out, row_at, *_FULL_ORDER(_WIRE_FULL.unpack_from(raw, at)), FULL)
        return
    if length in _ROW_HEAD:
        _ROW_HEAD[length].pack_into(out, row_at, *_WIRE_HEAD[length].unpack_from(raw, at))
    else:
        token, last, high, low, open_, close, *time = _WIRE_INDEX[length].unpack_from(raw, at)
        struct.pack_into("<2I", out, row_at, token, last)
        struct.pack_into("<4I", out, row_at + 28, open_, high, low, close)
        struct.pack_into("<I", out, row_at + 60, *time or (0,))
    out[row_at + 164] = MODE_OF_LENGTH[length]


def _decode_few(raw: bytes, count: int, received_at_ms: int) -> TickBatch:
    out = bytearray(count * _ROW_BYTES)
    faults: dict[str, int] = {}
    at, row_at, end = 2, 0, len(raw)
    for _ in range(count):
        length = (raw[at] << 8) | raw[at + 1] if at + 2 <= end else end
        if at + 2 + length > end:
            faults["truncated"] = 1
            at = end
            break
        if length in MODE_OF_LENGTH:
            _pack_row(raw, at + 2, length, out, row_at)
            row_at += _ROW_BYTES
        else:
            faults["unknown_length"] = faults.get("unknown_length", 0) + 1
        at += 2 + length
    if at < end:
        faults["trailing_bytes"] = 1
    return TickBatch(np.frombuffer(out, TICK_DTYPE)[: row_at // _ROW_BYTES], received_at_ms, faults)


# ---- many packets of one length: three strided copies ----------------------------------------------------


def _is_uniform(raw: bytes, count: int) -> bool:
    length = (raw[2] << 8) | raw[3] if len(raw) > 3 else 0
    if length not in MODE_OF_LENGTH or len(raw) != 2 + count * (length + 2):
        return False
    lengths = np.ndarray((count,), ">u2", raw, 2, (length + 2,))
    return bool((lengths == length).all())


def _decode_uniform(raw: bytes, count: int) -> Rows:
    length = (raw[2] << 8) | raw[3]
    return _decode_block(raw, 4, length + 2, length, count)


def _decode_block(raw: bytes | Rows, at: int, stride: int, length: int, count: int) -> Rows:
    """Decode ``count`` packets of one length that lie ``stride`` bytes apart from offset ``at`` on."""
    rows = np.empty(count, TICK_DTYPE) if length == 184 else np.zeros(count, TICK_DTYPE)
    words = rows.view("<u4").reshape(count, _ROW_WORDS)
    source = np.ndarray((count, length // 4), ">u4", raw, at, (stride, 4))
    if length in (28, 32):
        words[:, _INDEX_COLUMNS] = source[:, :6]
        if length == 32:
            words[:, _TIME_COLUMN] = source[:, 7]
    else:
        head = min(length // 4, _HEAD_WORDS)
        words[:, :head] = source[:, :head]
    if length == 184:
        # On the wire a level is (quantity, price, orders); here each of them is a column of five levels.
        levels = np.ndarray((count, 2, 2, 5), ">u4", raw, at + 64, (stride, 60, 4, 12))
        words[:, _HEAD_WORDS : _HEAD_WORDS + 20].reshape(count, 2, 2, 5)[...] = levels
        orders = np.ndarray((count, 10), ">u2", raw, at + 72, (stride, 12))
        rows.view("<u2").reshape(count, _ROW_HALVES)[:, _ORDERS_AT : _ORDERS_AT + 10] = orders
        words[:, -1] = FULL
    else:
        words[:, -1] = MODE_OF_LENGTH[length]
    return rows


# ---- many packets of several lengths ---------------------------------------------------------------------

# The bytes from one packet to the next, by the low byte of its length: one look-up instead of an addition.
_STEPS = tuple(low + 2 for low in range(256))


def _walk(raw: bytes, count: int) -> tuple[list[int], Counter[str]]:
    """Return the offset of each whole packet's length prefix, and what was wrong with the frame."""
    starts: list[int] = []
    at, end, faults = 2, len(raw), Counter[str]()
    for _ in range(count):
        if at + 2 > end or at + 2 + (length := (raw[at] << 8) | raw[at + 1]) > end:
            faults["truncated"] = 1
            return starts, faults
        starts.append(at)
        at += 2 + length
    if at < end:
        faults["trailing_bytes"] = 1
    return starts, faults


def _walk_sound(raw: bytes, count: int) -> list[int] | None:
    """Return what ``_walk`` would, faster, or None where the frame has any fault."""
    starts = [0] * count
    at = 2
    try:
        for nth in range(count):
            starts[nth] = at
            at += _STEPS[raw[at + 1]]
    except IndexError:
        return None
    return starts if at == len(raw) else None


def _decode_mixed(raw: bytes, count: int, received_at_ms: int) -> TickBatch:
    faults = Counter[str]()
    found = _walk_sound(raw, count)
    starts = np.array(found if found is not None else [], np.intp)
    lengths = _lengths_at(raw, starts)
    if found is None or lengths.max(initial=0) > 0xFF:
        walked, faults = _walk(raw, count)
        starts = np.array(walked, np.intp)
        lengths = _lengths_at(raw, starts)
    rows = np.zeros(len(starts), TICK_DTYPE)
    known = np.zeros(len(starts), np.bool_)
    for length in MODE_OF_LENGTH:
        which = np.flatnonzero(lengths == length)
        if len(which):
            rows[which] = _gather(raw, starts[which], length)
            known[which] = True
    if not known.all():
        faults["unknown_length"] = int(np.count_nonzero(~known))
        rows = rows[known]
    return TickBatch(rows, received_at_ms, dict(faults))


def _lengths_at(raw: bytes, starts: NDArray[np.intp]) -> NDArray[np.uint16]:
    return np.ndarray((len(raw) - 1,), ">u2", raw, 0, (1,))[starts].astype(np.uint16)


def _gather(raw: bytes, starts: NDArray[np.intp], length: int) -> Rows:
    """Copy the packets that begin at ``starts`` side by side, then decode them as one block."""
    windows = np.ndarray((len(raw) - length - 1,), f"V{length}", raw, 2, (1,))
    packets = windows[starts]
    return _decode_block(packets, 0, length, length, len(packets))


def encode_frame(rows: Rows) -> bytes:
    """Return the frame that ``decode_frame`` turns into ``rows``: for recordings and tests."""
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
        return struct.pack(">8I", *body, change, head[_TIME_COLUMN])[:length]
    body_bytes = struct.pack(f">{_HEAD_WORDS}I", *head)[:length]
    for side in ("bid", "ask") if length == 184 else ():
        levels = zip(row[f"{side}_quantity"], row[f"{side}_price"], row[f"{side}_orders"], strict=True)
        body_bytes += b"".join(struct.pack(">IIHxx", *map(int, level)) for level in levels)
    return body_bytes
