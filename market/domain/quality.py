"""Which packets may be believed: bad ones are dropped with a reason, odd ones kept and counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from market.domain.ticks import FULL, TICK_DTYPE, WITHHELD, Rows, TickBatch, is_index
from market.domain.tokens import TokenTable, grow_array, split_rounds

# The wire is unsigned; a price below zero arrives as one above this (-37.63 as 42,949,635.33).
SIGN_BIT = 1 << 31
IST_OFFSET = 19_800
DAY = 86_400
_WORDS = TICK_DTYPE.itemsize // 8
_DEPTH = slice(TICK_DTYPE.fields["bid_quantity"][1], TICK_DTYPE.fields["mode"][1])  # type: ignore[index]

DROPPED = ("price_out_of_range", "future_time", "stale_time", "untimed", "duplicate", "price_unconfirmed")


@dataclass(frozen=True, slots=True)
class InstrumentRules:
    """What is known of one instrument: its tick in wire integers (0: unknown), the band around the previous
    close in thousandths (0: none, for options; -1: the default one), and whether its packets carry a time."""

    token: int
    tick: int = 0
    band: int = 0
    timed: bool = False


@dataclass(frozen=True, slots=True)
class QualityLimits:
    """``band``: for instruments without one of their own, in thousandths of the previous close.

    A price outside its band is held until the next packet comes within ``near`` of it, or another within
    ``held_seconds`` lies nearer to it than either does to the previous close. It is believed then, and so are the next
    ones as long as they stay within ``step`` of the last believed one. Our own choice, all of it: a listing day and a
    share at its circuit limit pass, one broken packet does not.
    """

    band: int = 250
    near: int = 10
    step: int = 50
    held_seconds: int = 30
    future_seconds: int = 5


@dataclass(frozen=True, slots=True)
class CheckedBatch:
    """``streamed`` is what may be decided on, with the held packets that came back, and in their place those whose
    price is withheld. ``shown`` is for screens: it also has what only refreshes or informs, repeats and the cached
    packet of an earlier day that Kite sends first."""

    streamed: TickBatch
    shown: TickBatch
    counts: Counter[str]

    @property
    def kept(self) -> TickBatch:
        return self.streamed.believed()


class QualityFilter:
    """Sifts batches, remembering the last believed packet of each instrument."""

    def __init__(self, limits: QualityLimits | None = None) -> None:
        self.limits = limits or QualityLimits()
        self._table = TokenTable()
        self._last = np.zeros((_WORDS, 0), np.uint64)  # the last kept packet, byte for byte
        self._held = np.zeros((_WORDS, 0), np.uint64)  # the last one outside its band, until it is believed or not
        self._held_at = np.zeros(0, np.int64)  # since when, market time
        self._timed = np.zeros(0, np.int64)
        self._tick = np.zeros(0, np.int64)
        self._band = np.zeros(0, np.int64)

    def learn(self, rules: Iterable[InstrumentRules]) -> None:
        """Take what is known of instruments; those never mentioned get the default band and no tick size."""
        known = np.array([(rule.token, rule.tick, rule.band, rule.timed) for rule in rules], np.int64)
        if len(known):
            places = self._places(known[:, 0])
            self._tick[places], self._band[places], self._timed[places] = known[:, 1:].T

    def check_quality(self, batch: TickBatch, now: int, future_seconds: int | None = None) -> CheckedBatch:
        """Judge each row. ``now`` is market time in seconds since 1970."""
        counts = Counter[str](batch.faults)
        rows = batch.rows.copy()
        if not len(rows):
            return CheckedBatch(batch, batch, counts)
        limit = now + (self.limits.future_seconds if future_seconds is None else future_seconds)
        places = self._places(rows["token"].astype(np.int64))
        kept, shown, withheld = (np.zeros(len(rows), np.bool_) for _ in range(3))
        back: list[tuple[int, NDArray]] = []
        for run in split_rounds(places):
            kept[run], shown[run], withheld[run] = self._judge(rows, run, places[run], (now, limit), counts, back)
        _without_unsound_books(rows, kept, counts)
        shown_rows = rows[shown]
        rows["mode"][withheld] = WITHHELD
        streamed = _with_those_back(rows, kept | withheld, back)
        return CheckedBatch(TickBatch(streamed, batch.received_at), TickBatch(shown_rows, batch.received_at), counts)

    def _places(self, tokens: NDArray) -> NDArray:
        places = self._table.place(tokens)
        size = len(self._table)
        self._last, self._held = grow_array(self._last, size), grow_array(self._held, size)
        self._held_at = grow_array(self._held_at, size)
        self._tick, self._band = grow_array(self._tick, size), grow_array(self._band, size, -1)
        self._timed = grow_array(self._timed, size)
        return places

    def _judge(
        self,
        rows: Rows,
        run: NDArray,
        at: NDArray,
        times: tuple[int, int],
        counts: Counter[str],
        back: list[tuple[int, NDArray]],
    ) -> tuple[NDArray, NDArray, NDArray]:
        """Return which rows of a run to keep, show and withhold; remember the kept ones.

        Held packets that they confirm are added to ``back``, each with the row before which it comes.
        """
        these = rows[run]
        words, price = these.view(np.uint64).reshape(len(run), _WORDS), these["last_price"].astype(np.int64)
        bad, refreshing = self._refused(these, words, price, at, times, counts)
        refused, now = bad | refreshing, times[0]
        confirmed = self._confirms(these, words, price, at, now) & ~refused
        unsure = self._is_outside(these, price, at) & ~self._follows(price, at) & ~confirmed & ~refused
        _count(counts, "price_unconfirmed", unsure)
        kept = ~(refused | unsure)
        self._release(run, at, confirmed, back)
        self._hold(words, at, unsure, now)
        self._forget(at, kept, now)
        self._count_oddities(these, price, at, kept, counts)
        self._last[:, at[kept]] = words[kept].T
        return kept, kept | refreshing, unsure

    def _refused(
        self, these: Rows, words: NDArray, price: NDArray, at: NDArray, times: tuple[int, int], counts: Counter[str]
    ) -> tuple[NDArray, NDArray]:
        """Return which rows are worth nothing, and which only refresh or inform a screen."""
        now, limit = times
        stamp = these["exchange_timestamp"].astype(np.int64)
        bad = _count(counts, "price_out_of_range", (price == 0) | (price >= SIGN_BIT))
        bad |= _count(counts, "future_time", ~bad & (stamp > limit))
        stale = _count(counts, "stale_time", ~bad & (stamp > 0) & (_day(stamp) < _day(now)))
        # What Kite sends first after a subscription has no time, and may be yesterday's.
        stale |= _count(counts, "untimed", ~bad & (stamp == 0) & (self._timed[at] > 0))
        repeat = (words == self._last[:, at].T).all(axis=1)
        repeat = _count(counts, "duplicate", repeat & ~bad & ~stale)
        return bad, stale | repeat

    def _is_outside(self, these: Rows, price: NDArray, at: NDArray) -> NDArray:
        close = these["close"].astype(np.int64)
        band = np.where(self._band[at] < 0, self.limits.band, self._band[at])
        return (close > 0) & (band > 0) & (abs(price - close) * 1000 > band * close)

    def _follows(self, price: NDArray, at: NDArray) -> NDArray:
        believed = _price_in(self._last, at)
        return (believed > 0) & (abs(price - believed) * 1000 <= self.limits.step * believed)

    def _confirms(self, these: Rows, words: NDArray, price: NDArray, at: NDArray, now: int) -> NDArray:
        """Whether a packet makes the held one credible; a repeat of its bytes says nothing new."""
        held, close = _price_in(self._held, at), these["close"].astype(np.int64)
        if not held.any():
            return np.zeros(len(at), np.bool_)
        apart = abs(price - held)
        nearer = (apart < abs(price - close)) & (apart < abs(held - close))
        nearer &= now - self._held_at[at] <= self.limits.held_seconds
        is_other = (words != self._held[:, at].T).any(axis=1)
        return (held > 0) & is_other & (nearer | (apart * 1000 <= self.limits.near * held))

    def _release(self, run: NDArray, at: NDArray, confirmed: NDArray, back: list[tuple[int, NDArray]]) -> None:
        for nth in np.flatnonzero(confirmed):
            back.append((int(run[nth]), self._held[:, at[nth]].copy()))
        self._held[:, at[confirmed]] = 0

    def _hold(self, words: NDArray, at: NDArray, unsure: NDArray, now: int) -> None:
        if not unsure.any():
            return
        new = unsure & (words != self._held[:, at].T).any(axis=1)
        self._held[:, at[new]], self._held_at[at[new]] = words[new].T, now

    def _forget(self, at: NDArray, kept: NDArray, now: int) -> None:
        """Give up what the next packets have not confirmed in time."""
        over = kept & (_price_in(self._held, at) > 0) & (now - self._held_at[at] > self.limits.held_seconds)
        if over.any():
            self._held[:, at[over]] = 0

    def _count_oddities(self, these: Rows, price: NDArray, at: NDArray, kept: NDArray, counts: Counter[str]) -> None:
        tick = np.maximum(self._tick[at], 1)
        _count(counts, "off_tick", kept & (price % tick != 0) & ~is_index(these["token"]))
        last = self._last.T[at].copy().view(TICK_DTYPE).reshape(len(at))
        older = these["exchange_timestamp"] < last["exchange_timestamp"]
        _count(counts, "out_of_order", kept & older & (these["exchange_timestamp"] > 0))
        same_day = _day(these["exchange_timestamp"].astype(np.int64)) == _day(
            last["exchange_timestamp"].astype(np.int64)
        )
        fell = (these["mode"] == FULL) & (these["volume"] < last["volume"]) & same_day
        _count(counts, "volume_fell", kept & ~older & fell)


def _with_those_back(rows: Rows, streamed: NDArray, back: list[tuple[int, NDArray]]) -> Rows:
    """Return the streamed rows, and before the one that confirmed it each held packet that comes back."""
    if not back:
        return rows[streamed]
    before = np.searchsorted(np.flatnonzero(streamed), [place for place, _ in back])
    held = np.stack([words for _, words in back]).view(TICK_DTYPE).reshape(len(back))
    return np.insert(rows[streamed], before, held)


def _price_in(memory: NDArray, at: NDArray) -> NDArray:
    """Return the last prices of remembered packets: the upper half of their first eight bytes."""
    return (memory[0, at] >> np.uint64(32)).astype(np.int64)


def _day(stamp: NDArray | int) -> NDArray | int:
    return (stamp + IST_OFFSET) // DAY


def _count(counts: Counter[str], reason: str, which: NDArray) -> NDArray:
    found = int(np.count_nonzero(which))
    if found:
        counts[reason] += found
    return which


def _without_unsound_books(rows: Rows, kept: NDArray, counts: Counter[str]) -> None:
    """Take the depth out of rows whose book cannot be traded on: they carry no quote."""
    full = rows["mode"] == FULL
    bid, ask = rows["bid_price"][:, 0].astype(np.int64), rows["ask_price"][:, 0].astype(np.int64)
    nothing = (bid > 0) & (rows["bid_quantity"][:, 0] == 0) | (ask > 0) & (rows["ask_quantity"][:, 0] == 0)
    empty = full & (((bid == 0) & (ask == 0)) | nothing)
    crossed = full & ~empty & (bid > 0) & (ask > 0) & (bid >= ask)
    crossed |= full & ~empty & ((bid >= SIGN_BIT) | (ask >= SIGN_BIT))
    _count(counts, "empty_book", empty & kept)
    _count(counts, "crossed_book", crossed & kept)
    unsound = empty | crossed
    if unsound.any():
        raw = rows.view(np.uint8).reshape(len(rows), TICK_DTYPE.itemsize)
        raw[unsound, _DEPTH] = 0
