"""One raw Kite ticker frame in, one table of ticks out, prices still as the integers on the wire."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache, partial
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

LTP, QUOTE, FULL, INDEX_QUOTE, INDEX_FULL = 1, 2, 3, 4, 5
# Not of the wire: a packet whose price is not believed yet. Only its place in time counts: a candle there lacks it.
WITHHELD = 6

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

Rows = NDArray[np.void]

MODE_OF_LENGTH = {8: LTP, 44: QUOTE, 184: FULL, 28: INDEX_QUOTE, 32: INDEX_FULL}
SEGMENTS = {
    "nse": 1, "nfo": 2, "cds": 3, "bse": 4, "bfo": 5, "bcd": 6, "mcx": 7, "mcxsx": 8, "indices": 9, "nco": 12,
}  # fmt: skip
_DIVISORS = {SEGMENTS["cds"]: 10_000_000, SEGMENTS["bcd"]: 10_000, SEGMENTS["nco"]: 10_000}

_HEAD_WORDS = len(HEAD_FIELDS)
_ROW_BYTES = TICK_DTYPE.itemsize
_ROW_WORDS = _ROW_BYTES // 4
_ORDERS_AT = _HEAD_WORDS * 4 + 80
# The last word of a row: its mode and nothing else.
_EMPTY_WORD = _ROW_WORDS - 1
# Made once: numpy takes as long to read "<u4" as to copy a hundred of them.
_U2, _U4, _WIRE_U2, _WIRE_U4 = (np.dtype(text) for text in ("<u2", "<u4", ">u2", ">u4"))
_FULL_PACKET = np.dtype("V184")
_INDEX_COLUMNS = [HEAD_FIELDS.index(name) for name in INDEX_FIELDS]
_TIME_COLUMN = HEAD_FIELDS.index("exchange_timestamp")

# numpy costs 8 µs a frame of equal packets and 25 µs a mixed one before it has done anything: below these
# numbers of packets struct is faster (benchmarks/p1_decode.py).
_FEW_EQUAL, _FEW_MIXED = 3, 12


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

    def believed(self) -> TickBatch:
        """Return the ticks that may be decided on: all but those whose price is withheld."""
        withheld = self.rows["mode"] == WITHHELD
        return TickBatch(self.rows[~withheld], self.received_at) if withheld.any() else self


def divisor_for(token: int) -> int:
    """Return what wire prices are divided by: it depends on the segment, the token's last byte."""
    return _DIVISORS.get(token & 0xFF, 100)


def to_price(wire: int, token: int) -> Decimal:
    """Return a wire price as money, exactly."""
    return _money(divisor_for(int(token)), int(wire))


def prices_of(token: int) -> Callable[[int], Decimal]:
    """Return what makes money of the wire prices of one instrument, where many are asked for."""
    return partial(_money, divisor_for(token))


@lru_cache(maxsize=1 << 16)
def _money(divisor: int, wire: int) -> Decimal:
    """The same prices come again and again."""
    return Decimal(wire) / divisor


def levels_of(row: np.void, side: str, token: int) -> tuple[tuple[Decimal, int], ...]:
    """Return the quoted levels of one side (``bid`` or ``ask``), best first; empty ones are left out."""
    prices, quantities = row[f"{side}_price"].tolist(), row[f"{side}_quantity"].tolist()
    return tuple(
        (to_price(price, token), quantity)
        for price, quantity in zip(prices, quantities, strict=True)
        if price and quantity
    )


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
    if count >= _FEW_EQUAL and _is_uniform(raw, count):
        return TickBatch(_decode_uniform(raw, count), received_at_ms)
    decode = _decode_few if count < _FEW_MIXED else _decode_mixed
    return decode(raw, count, received_at_ms)


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
    step = length + 2
    if length not in MODE_OF_LENGTH or len(raw) != 2 + count * step:
        return False
    return raw[3::step] == bytes((length,)) * count and raw[2::step] == bytes(count)


def _decode_uniform(raw: bytes, count: int) -> Rows:
    length = raw[3]
    if length == 184:
        return _decode_full(raw, 4, 186, count)
    words = np.zeros((count, _ROW_WORDS), _U4)
    source = np.ndarray((count, length // 4), _WIRE_U4, raw, 4, (length + 2, 4))
    if length in (28, 32):
        words[:, _INDEX_COLUMNS] = source[:, :6]
        if length == 32:
            words[:, _TIME_COLUMN] = source[:, 7]
    else:
        words[:, : length // 4] = source
    words[:, _EMPTY_WORD] = MODE_OF_LENGTH[length]
    return words.view(TICK_DTYPE)[:, 0]


def _decode_full(raw: bytes | Rows, at: int, stride: int, count: int) -> Rows:
    """Decode ``count`` full packets that lie ``stride`` bytes apart from offset ``at`` on."""
    words = np.empty((count, _ROW_WORDS), _U4)
    words[:, :_HEAD_WORDS] = np.ndarray((count, _HEAD_WORDS), _WIRE_U4, raw, at, (stride, 4))
    # On the wire a level is (quantity, price, orders); here each of them is a column of five levels.
    levels = np.ndarray((count, 2, 2, 5), _WIRE_U4, raw, at + 64, (stride, 60, 4, 12))
    np.ndarray((count, 2, 2, 5), _U4, words, _HEAD_WORDS * 4, (_ROW_BYTES, 40, 20, 4))[...] = levels
    orders = np.ndarray((count, 10), _WIRE_U2, raw, at + 72, (stride, 12))
    np.ndarray((count, 10), _U2, words, _ORDERS_AT, (_ROW_BYTES, 2))[...] = orders
    words[:, _EMPTY_WORD] = FULL
    return words.view(TICK_DTYPE)[:, 0]


# ---- many packets of several lengths: read them all as if full, then put the others right ----------------

_KIND_OF_LENGTH = np.zeros(256, np.uint8)
_KIND_OF_LENGTH[list(MODE_OF_LENGTH)] = list(MODE_OF_LENGTH.values())


def _columns_of_kinds() -> NDArray[np.intp]:
    """Return, by mode, where each word of a row was read to; what a packet has not comes from the empty word."""
    columns = np.full((6, _ROW_WORDS), _EMPTY_WORD, np.intp)
    columns[LTP, :2] = (0, 1)
    columns[QUOTE, :11] = range(11)
    for mode in (INDEX_QUOTE, INDEX_FULL):
        columns[mode, _INDEX_COLUMNS] = range(6)
    columns[INDEX_FULL, _TIME_COLUMN] = 7
    return columns


_COLUMNS_OF_KIND = _columns_of_kinds()
_TWO = np.intp(2)


def _decode_mixed(raw: bytes, count: int, received_at_ms: int) -> TickBatch:
    starts, kinds, faults = _find_packets(raw, count)
    known = kinds > 0
    if not known.all():
        faults = faults | {"unknown_length": int(np.count_nonzero(~known))}
        starts, kinds = starts[known], kinds[known]
    if not len(starts):
        return TickBatch(empty_rows(), received_at_ms, faults)
    padded = raw + bytes(184)
    windows = np.ndarray((len(raw),), _FULL_PACKET, padded, 0, (1,))
    rows = _decode_full(windows[starts], 0, 184, len(starts))
    words = rows.view(_U4).reshape(len(starts), _ROW_WORDS)
    small = np.flatnonzero(kinds != FULL)
    if len(small):
        mistaken = words[small]
        mistaken[:, _EMPTY_WORD] = 0
        wanted = _COLUMNS_OF_KIND[kinds[small]]
        wanted += np.arange(0, mistaken.size, _ROW_WORDS)[:, None]
        words[small] = mistaken.reshape(-1)[wanted]
        words[small, _EMPTY_WORD] = kinds[small]
    return TickBatch(rows, received_at_ms, faults)


def _find_packets(raw: bytes, count: int) -> tuple[NDArray[np.intp], NDArray[np.uint8], dict[str, int]]:
    """Return where each packet's body begins, its mode (0: unknown length), and what is wrong with the frame."""
    lows, at = bytearray(count), 3
    try:
        for nth in range(count):
            lows[nth] = low = raw[at]
            at += low + 2
    except IndexError:
        return _find_packets_slowly(raw, count)
    if at != len(raw) + 1:
        return _find_packets_slowly(raw, count)
    lengths = np.frombuffer(lows, np.uint8)
    ends = np.cumsum(lengths + _TWO) + 2
    starts: NDArray[np.intp] = np.subtract(ends, lengths, dtype=np.intp)
    if np.frombuffer(raw, np.uint8)[starts - 2].any():
        return _find_packets_slowly(raw, count)
    return starts, _KIND_OF_LENGTH[lengths], {}


def _find_packets_slowly(raw: bytes, count: int) -> tuple[NDArray[np.intp], NDArray[np.uint8], dict[str, int]]:
    """Do the same for a frame that is cut short, too long, or has packets longer than a byte can say."""
    starts, kinds, faults = [], [], {}
    at, end = 2, len(raw)
    for _ in range(count):
        if at + 2 > end or at + 2 + (length := (raw[at] << 8) | raw[at + 1]) > end:
            faults["truncated"] = 1
            at = end
            break
        starts.append(at + 2)
        kinds.append(MODE_OF_LENGTH.get(length, 0))
        at += 2 + length
    if at < end:
        faults["trailing_bytes"] = 1
    return np.array(starts, np.intp), np.array(kinds, np.uint8), faults
