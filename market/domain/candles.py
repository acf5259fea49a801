"""Ticks into candles of 1 to 60 minutes and the day, for all instruments at once and always the same way.

A bucket closes when the watermark (the newest exchange time, or a watermark) is ``allowance`` seconds past its end. Its
volume is the cumulative volume less that of the last tick before it. No tick, no candle. A tick for a bucket that
has closed is counted and changes nothing.

Minutes are those of continuous trading. The day is the exchange's, as Kite's day candle has it: it begins with the
pre-open match (the first tick of the day with a volume), takes the day's whole volume, and ends with the closing
auction. An index has no volume, so its day is that of continuous trading.
"""

from __future__ import annotations

import base64
import zlib
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from market.domain.ticks import FULL, INDEX_FULL, SEGMENTS, WITHHELD, TickBatch
from market.domain.tokens import TokenTable, grow_array, split_rounds

DAY_INTERVAL = 1440
INTERVALS = (1, 3, 5, 15, 30, 60, DAY_INTERVAL)
ALLOWANCE_SECONDS = 2
_IST_OFFSET, _DAY_SECONDS = 19_800, 86_400
_FAR = 1 << 62
_SLOT_FIELDS = (
    "bucket", "open", "high", "low", "close", "first", "last", "most_volume", "least_volume", "ticks", "complete",
    "lacking", "lacked",
)  # fmt: skip
# Begin at −1: no bucket.
_BUCKET_FIELDS = ("bucket", "lacking")
_SEVERAL = -1


@dataclass(frozen=True, slots=True)
class ClosedCandle:
    """One closed bucket. Prices are wire integers; ``start`` is aware, UTC; ``interval`` in minutes."""

    token: int
    interval: int
    start: datetime
    open: int
    high: int
    low: int
    close: int
    volume: int
    ticks: int
    complete: bool


class CandleSeries:
    """The candles being made. Two buckets of an instrument may be open at once: late ticks have two seconds."""

    def __init__(self, intervals: tuple[int, ...] = INTERVALS, allowance: int = ALLOWANCE_SECONDS) -> None:
        self.intervals, self.allowance = intervals, allowance
        self.watermark = 0  # seconds since 1970, market time
        self.newest = 0
        self.resumed_at = 0  # since when nothing has been missed
        self.counts: Counter[str] = Counter()
        self._table = TokenTable()
        self._seconds = np.array([[minutes * 60] for minutes in intervals], np.int64)
        self._is_day = self._seconds == DAY_INTERVAL * 60
        self._opens, self._closes, self._live_since, self._day_ends = (np.zeros(0, np.int64) for _ in range(4))
        # Cumulative volume at the last tick before the bucket that is open or will open next; -1: never heard.
        self._base = np.zeros((len(intervals), 0), np.int64)
        # ``lacking`` is the bucket in which a price is withheld, ``lacked`` that tick's order in time (or several's).
        self._slots = {name: np.zeros((len(intervals), 2, 0), np.int64) for name in _SLOT_FIELDS}
        self._overtaken: list[tuple[int, ClosedCandle]] = []
        self._next_due = _FAR

    # ---- what the caller says ------------------------------------------------------------------------------

    def set_session(self, token: int, opens_at: int, closes_at: int, day_ends_at: int | None = None) -> None:
        """Say when ``token`` trades today (seconds since 1970). Ticks of tokens without a session make no candle.

        ``day_ends_at`` is the end of its closing auction; None: it has none.
        A token new to the series counts as heard from now on, one it knows as heard all along.
        """
        places = self._table.find(np.array([token], np.int64))
        is_new = places[0] < 0
        place = int(self._place(token)) if is_new else int(places[0])
        self._day_ends[place] = day_ends_at or closes_at
        if not is_new and self._opens[place] == opens_at:
            # An early close, announced during the day, cuts no candle that is being made.
            self._closes[place] = closes_at
            self._next_due = int(self._ends().min(initial=_FAR))
            return
        self._close_all_of(place)
        self._opens[place], self._closes[place] = opens_at, closes_at
        # An index has no volume, so none can be missing.
        self._base[:, place] = 0 if token & 0xFF == SEGMENTS["indices"] else -1
        if is_new:
            self._live_since[place] = max(self.watermark, self.resumed_at)

    def note_gap(self, resumed_at: int) -> None:
        """Say that ticks may be missing before ``resumed_at``: what it falls into is not complete."""
        self.resumed_at = resumed_at
        self._live_since[:] = resumed_at
        self._slots["complete"][...] = 0

    def advance(self, batch: TickBatch) -> None:
        """Take in the ticks of a batch; only packets that carry an exchange time count."""
        modes, stamps = batch.rows["mode"], batch.rows["exchange_timestamp"]
        rows = batch.rows[((modes == FULL) | (modes == INDEX_FULL) | (modes == WITHHELD)) & (stamps > 0)]
        if not len(rows):
            return
        places = self._table.find(rows["token"].astype(np.int64))
        self.counts["no_session"] += int(np.count_nonzero(places < 0))
        rows, places = rows[places >= 0], places[places >= 0]
        columns = [rows[name].astype(np.int64) for name in ("exchange_timestamp", "last_price", "volume")]
        is_withheld = rows["mode"] == WITHHELD
        for run in split_rounds(places) if len(places) else ():
            at, stamp, price, volume = places[run], *(column[run] for column in columns)
            lacks = is_withheld[run]
            if lacks.any():
                self._note_lacking(at[lacks], stamp[lacks], volume[lacks])
            self._fold_batch(at[~lacks], stamp[~lacks], price[~lacks], volume[~lacks])
        self.newest = max(self.newest, int(columns[0].max(initial=0)))

    def close_until(self, watermark: datetime) -> list[ClosedCandle]:
        """Move the watermark and return what it closes, ordered by end, interval and token."""
        self.watermark = max(self.watermark, self.newest, int(watermark.timestamp()))
        if self._next_due + self.allowance <= self.watermark:
            due = np.flatnonzero(self._ends() + self.allowance <= self.watermark)
            self._close(due)
            self._next_due = int(self._ends().min(initial=_FAR))
        closed, self._overtaken = self._overtaken, []
        closed.sort(key=lambda ended: (ended[0], ended[1].interval, ended[1].token))
        return [candle for _, candle in closed]

    def _note_lacking(self, at: NDArray, stamp: NDArray, volume: NDArray) -> None:
        """Note that a price is withheld in a bucket: it is not complete unless that very tick still comes."""
        bucket, inside = self._buckets(at, stamp, volume)
        order = np.broadcast_to(stamp << 32 | volume, bucket.shape)[inside]
        flat, bucket = self._flat(bucket & 1, at)[inside], bucket[inside]
        lacking, lacked = self._slots["lacking"].reshape(-1), self._slots["lacked"].reshape(-1)
        is_another = (lacking[flat] == bucket) & (lacked[flat] != order)
        lacking[flat], lacked[flat] = bucket, np.where(is_another, _SEVERAL, order)

    def _buckets(self, at: NDArray, stamp: NDArray, volume: NDArray) -> tuple[NDArray, NDArray]:
        """Return by interval the bucket of each tick, and whether it belongs in one."""
        opens = self._opens[at]
        inside = (stamp >= opens) & (stamp < self._closes_of(at))
        matched = (stamp < opens) & (_ist_day(stamp) == _ist_day(opens)) & (volume > 0)
        return np.maximum((stamp - opens) // self._seconds, 0), inside | (self._is_day & matched)

    def _closes_of(self, at: NDArray | slice) -> NDArray:
        return np.where(self._is_day, self._day_ends[at], self._closes[at])

    # ---- ticks into slots ----------------------------------------------------------------------------------

    def _fold_batch(self, at: NDArray, stamp: NDArray, price: NDArray, volume: NDArray) -> None:
        """Take one tick each of different instruments."""
        opens = self._opens[at]
        bucket, inside = self._buckets(at, stamp, volume)
        before = (stamp < opens) & (_ist_day(stamp) == _ist_day(opens))
        self._raise_base(before & ~inside, at, volume)
        some = inside.any(axis=0)
        self.counts["outside_session"] += int(np.count_nonzero(~some & ~before))
        if some.any():
            self._fold(at[some], bucket[:, some], inside[:, some], stamp[some], price[some], volume[some])

    def _fold(
        self, at: NDArray, bucket: NDArray, inside: NDArray, stamp: NDArray, price: NDArray, volume: NDArray
    ) -> None:
        ends = np.minimum(self._opens[at] + (bucket + 1) * self._seconds, self._closes_of(at))
        self._close(self._overtaken_slots(at, bucket))
        flat = self._flat(bucket & 1, at)
        held = self._slots["bucket"].reshape(-1)[flat]
        found = self._slots["lacked"].reshape(-1)[flat] == (stamp << 32 | volume)
        self._slots["lacking"].reshape(-1)[flat[found]] = -1
        late = inside & ((ends + self.allowance <= self.watermark) | (held > bucket))
        if late.any():
            self.counts["late"] += int(np.count_nonzero(late.any(axis=0)))
            self._raise_base(late, at, volume)
        ticks = (np.broadcast_to(column, bucket.shape) for column in (stamp, price, volume))
        stamp, price, volume = ticks
        new, more = inside & ~late & (held != bucket), inside & ~late & (held == bucket)
        if new.any():
            starts = self._opens[at] + bucket * self._seconds
            complete = self._live_since[at] <= starts
            self._begin(flat[new], bucket[new], stamp[new], price[new], volume[new], complete[new])
            self._next_due = min(self._next_due, int(ends[new].min()))
        if more.any():
            self._extend(flat[more], stamp[more], price[more], volume[more])

    def _begin(
        self, flat: NDArray, bucket: NDArray, stamp: NDArray, price: NDArray, volume: NDArray, complete: NDArray
    ) -> None:
        order = stamp << 32 | volume
        values = {
            "bucket": bucket, "open": price, "high": price, "low": price, "close": price, "first": order,
            "last": order, "most_volume": volume, "least_volume": volume, "ticks": 1, "complete": complete,
        }  # fmt: skip
        for name, value in values.items():
            self._slots[name].reshape(-1)[flat] = value

    def _extend(self, flat: NDArray, stamp: NDArray, price: NDArray, volume: NDArray) -> None:
        slot = {name: array.reshape(-1) for name, array in self._slots.items()}
        # Ticks of one second are ordered by cumulative volume; exchange times have no finer resolution.
        order = stamp << 32 | volume
        earlier, later = order < slot["first"][flat], order >= slot["last"][flat]
        slot["open"][flat[earlier]], slot["first"][flat[earlier]] = price[earlier], order[earlier]
        slot["close"][flat[later]], slot["last"][flat[later]] = price[later], order[later]
        slot["high"][flat] = np.maximum(slot["high"][flat], price)
        slot["low"][flat] = np.minimum(slot["low"][flat], price)
        slot["most_volume"][flat] = np.maximum(slot["most_volume"][flat], volume)
        slot["least_volume"][flat] = np.minimum(slot["least_volume"][flat], volume)
        slot["ticks"][flat] += 1

    def _raise_base(self, which: NDArray, at: NDArray, volume: NDArray) -> None:
        """Note the cumulative volume of ticks that lie before the bucket to come."""
        kind, nth = np.nonzero(which)
        self._base[kind, at[nth]] = np.maximum(self._base[kind, at[nth]], volume[nth])

    # ---- slots into candles --------------------------------------------------------------------------------

    def _overtaken_slots(self, at: NDArray, bucket: NDArray) -> NDArray:
        """Return the slots two or more buckets behind these ticks: due, and their place is needed."""
        pairs = np.concatenate([self._flat(bucket & 1, at), self._flat((bucket + 1) & 1, at)])
        held = self._slots["bucket"].reshape(-1)[pairs]
        return pairs[(held >= 0) & (held < np.concatenate([bucket, bucket]) - 1)]

    def _close_all_of(self, place: int) -> None:
        every = self._flat(np.array([[0, 1]] * len(self.intervals)), np.array([place, place])).ravel()
        self._close(every[self._slots["bucket"].reshape(-1)[every] >= 0])

    def _close(self, flat: NDArray) -> None:
        """Turn slots into candles, an instrument's older bucket before its newer one."""
        if not len(flat):
            return
        flat = flat[np.argsort(self._slots["bucket"].reshape(-1)[flat], kind="stable")]
        size = len(self._opens)
        owner = flat // (2 * size) * size + flat % size
        for run in split_rounds(owner):
            self._close_one_each(flat[run])

    def _close_one_each(self, flat: NDArray) -> None:
        size = len(self._opens)
        kind, at = flat // (2 * size), flat % size
        slot = {name: array.reshape(-1)[flat] for name, array in self._slots.items()}
        heard, since_open = self._base[kind, at], self._live_since[at] <= self._opens[at]
        base = np.where(heard >= 0, heard, np.where(since_open, 0, slot["least_volume"]))
        base = np.where(self._is_day[kind, 0], 0, base)
        complete = (slot["complete"] > 0) & ((heard >= 0) | since_open) & (slot["lacking"] != slot["bucket"])
        volume = np.maximum(slot["most_volume"] - base, 0)
        self._base[kind, at] = np.maximum(heard, slot["most_volume"])
        self._slots["bucket"].reshape(-1)[flat] = -1
        seconds = self._seconds[kind, 0]
        starts = self._opens[at] + slot["bucket"] * seconds
        ends = np.minimum(starts + seconds, np.where(self._is_day[kind, 0], self._day_ends[at], self._closes[at]))
        columns = [
            self._table.tokens[at], np.array(self.intervals)[kind], starts, slot["open"], slot["high"],
            slot["low"], slot["close"], volume, slot["ticks"], complete,
        ]  # fmt: skip
        for end, token, interval, start, *values in zip(
            ends.tolist(), *(column.tolist() for column in columns), strict=True
        ):
            candle = ClosedCandle(token, interval, datetime.fromtimestamp(start, UTC), *values)
            self._overtaken.append((end, candle))

    def _ends(self) -> NDArray:
        """Return when each slot's bucket ends, far in the future for empty slots; flat."""
        bucket = self._slots["bucket"]
        ends = self._opens + (bucket + 1) * self._seconds[:, :, None]
        closes = self._closes_of(slice(None))[:, None, :]
        return np.where(bucket >= 0, np.minimum(ends, closes), _FAR).reshape(-1)

    def _flat(self, parity: NDArray, at: NDArray) -> NDArray:
        size = len(self._opens)
        return (np.arange(len(self.intervals))[:, None] * 2 + parity) * size + at

    def _place(self, token: int) -> int:
        [place] = self._table.place(np.array([token], np.int64))
        size = len(self._table)
        self._opens, self._closes = grow_array(self._opens, size), grow_array(self._closes, size)
        self._day_ends = grow_array(self._day_ends, size)
        self._live_since, self._base = grow_array(self._live_since, size), grow_array(self._base, size, -1)
        for name in _SLOT_FIELDS:
            self._slots[name] = grow_array(self._slots[name], size, -1 if name in _BUCKET_FIELDS else 0)
        return int(place)

    # ---- checkpoints ---------------------------------------------------------------------------------------

    def save(self) -> dict[str, Any]:
        """Return everything as JSON-able values. What ``advance`` closed early must have been collected."""
        if self._overtaken:
            raise ValueError("close_until must be called before save")
        size = len(self._table)
        arrays = [self._opens, self._closes, self._live_since, self._base, *self._slots.values(), self._day_ends]
        raw = b"".join(array[..., :size].astype("<i8").tobytes() for array in arrays)
        return {
            "intervals": list(self.intervals), "allowance": self.allowance, "watermark": self.watermark,
            "fields": list(_SLOT_FIELDS),
            "newest": self.newest, "resumed_at": self.resumed_at, "counts": dict(self.counts),
            "tokens": self._table.tokens.tolist(),
            "arrays": base64.b64encode(zlib.compress(raw, 1)).decode(),
        }  # fmt: skip

    @classmethod
    def restore(cls, saved: dict[str, Any]) -> CandleSeries:
        """Return the series that ``save`` was called on."""
        series = cls(tuple(saved["intervals"]), saved["allowance"])
        series.watermark, series.newest = saved["watermark"], saved["newest"]
        series.resumed_at, series.counts = saved["resumed_at"], Counter(saved["counts"])
        series._table = TokenTable(saved["tokens"])
        size, kinds = len(series._table), len(series.intervals)
        values = np.frombuffer(zlib.decompress(base64.b64decode(saved["arrays"])), "<i8").astype(np.int64)
        plain, rest = values[: 3 * size].reshape(3, size), values[3 * size :]
        series._opens, series._closes, series._live_since = (row.copy() for row in plain)
        series._base, rest = rest[: kinds * size].reshape(kinds, size).copy(), rest[kinds * size :]
        for name in _SLOT_FIELDS:
            series._slots[name] = grow_array(series._slots[name], size, -1 if name in _BUCKET_FIELDS else 0)
        for name in saved.get("fields", _SLOT_FIELDS[:11]):
            part, rest = rest[: 2 * kinds * size], rest[2 * kinds * size :]
            series._slots[name] = part.reshape(kinds, 2, size).copy()
        series._day_ends = rest.copy() if len(rest) else series._closes.copy()
        series._next_due = int(series._ends().min(initial=_FAR))
        return series


def _ist_day(stamp: NDArray) -> NDArray:
    return (stamp + _IST_OFFSET) // _DAY_SECONDS
