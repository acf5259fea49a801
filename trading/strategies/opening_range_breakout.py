"""Opening-range breakout: a live price beyond the range of the session's first minutes is followed."""

# ruff: noqa: RUF009 (each default is a dataclass field, made anew)

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trading.strategies.api import (
    IST,
    Candle,
    Context,
    Enter,
    Fill,
    Held,
    Intent,
    JSONObject,
    Moments,
    Outlook,
    PastCandles,
    Reason,
    Session,
    SharedParameters,
    Side,
    Tick,
    Track,
    TrackingStrategy,
    Wait,
    ceil_to_tick,
    clock_time,
    counted,
    floor_to_tick,
    money,
    nearest_tick,
    nearness,
    number,
    one_of,
    whole,
)

OTHER_SIDE, BY_DISTANCE = "other side", "distance"
FULL_DAY = 375
MINUTE, DAY, IST_OFFSET = 60, 86_400, 19_800  # seconds
HIGHEST = 2**31 - 1  # of a column of prices
# An outlook may say too often that a price is beyond a bound, never too seldom: floats err by less, of the price.
DOUBT = 1e-9


@dataclass(frozen=True)
class OpeningRangeParameters(SharedParameters):
    interval: int = one_of(1, (1, 3, 5, 15), label="Candle", unit="min")
    minutes: int = whole(15, least=1, most=120, label="Opening range", unit="min")
    buffer: Decimal = number(
        "0.05", least="0", most="5", label="Buffer", unit="%", help="How far beyond the range a price must be."
    )
    stop_at: str = one_of(
        OTHER_SIDE,
        (OTHER_SIDE, BY_DISTANCE),
        label="Stop at",
        help="The range's other side, or the stop distance from the price.",
    )
    target_ranges: Decimal = number(
        "2", least="0", most="20", label="Target", unit="× range", help="From the broken side; 0: no target."
    )
    no_entry_after: time = clock_time("13:30", label="No entry after")

    def conflicts(self) -> Iterator[tuple[str, str]]:
        if self.minutes % self.interval:
            yield "minutes", f"{self.minutes} is not a whole number of {self.interval}-minute candles"


class RangeTrack(Track):
    """The day's opening candles, and the sides entered today."""

    day = ""
    seen = 0
    high = low = Decimal(0)
    entered: tuple[str, ...] = ()

    def begin(self, day: str) -> None:
        if day != self.day:
            self.day, self.seen, self.entered = day, 0, ()

    def widen(self, candle: Candle) -> None:
        self.high = max(self.high, candle.high) if self.seen else candle.high
        self.low = min(self.low, candle.low) if self.seen else candle.low
        self.seen += 1

    def save(self) -> JSONObject:
        own = {"day": self.day, "seen": self.seen, "entered": list(self.entered)}
        return super().save() | own | {"high": str(self.high), "low": str(self.low)}

    def restore(self, saved: JSONObject) -> None:
        super().restore(saved)
        self.day, self.seen, self.entered = saved["day"], saved["seen"], tuple(saved["entered"])
        self.high, self.low = Decimal(saved["high"]), Decimal(saved["low"])


class BreakoutOutlook:
    """Where a price is beyond a whole opening range, on a side not entered that day; what is held is never left."""

    def __init__(self, strategy: OpeningRangeBreakout, key: str, moments: Moments, *, may_short: bool) -> None:
        self.strategy, self.key, self.at, parameters = strategy, key, moments.at, strategy.parameters
        candles, opened, newest = moments.candles, moments.opened, np.maximum(moments.heard - 1, 0)
        is_within = (candles.start >= opened) & (candles.start < opened + parameters.minutes * MINUTE)
        days = np.flatnonzero(np.diff(opened, prepend=-2))
        nth_day, seen = np.searchsorted(days, newest, side="right") - 1, np.cumsum(is_within)
        seen_before = np.concatenate([[0], seen])[days]
        highs = np.maximum.reduceat(np.where(is_within, candles.high, 0), days)[nth_day]
        lows = np.minimum.reduceat(np.where(is_within, candles.low, HIGHEST), days)[nth_day]
        is_whole = seen[newest] - seen_before[nth_day] >= parameters.minutes // parameters.interval
        # The candle heard last may be of the day before.
        is_open = is_whole & (self.at - opened[newest] <= DAY) & (self._clock() < _seconds(parameters.no_entry_after))
        share = float(parameters.buffer) / 100
        self._above = is_open & (moments.price > highs * (1 + share - DOUBT))
        self._below = is_open & (moments.price < lows * (1 - share + DOUBT)) & may_short

    def _clock(self) -> NDArray[Any]:
        """Return the Indian time of day of each moment, in seconds."""
        clock: NDArray[Any] = (self.at + IST_OFFSET) % DAY
        return clock

    def may_act(self, held: Held | None, ahead: slice) -> NDArray[np.bool_]:
        above, below, track = self._above[ahead], self._below[ahead], self.strategy.tracks.get(self.key)
        if held is not None or not isinstance(track, RangeTrack) or not len(above):
            return np.zeros(len(above), np.bool_)
        day = datetime.fromtimestamp(int(self.at[ahead.start]) - 1, IST).date()
        entered = track.entered if track.day == str(day) else ()
        return above & ("BUY" not in entered) | below & ("SELL" not in entered)


def _seconds(at: time) -> int:
    return at.hour * 3600 + at.minute * 60 + at.second


class OpeningRangeBreakout(TrackingStrategy[OpeningRangeParameters]):
    """One entry a side and day, on a tick beyond a range of which every candle was seen."""

    name = "opening_range_breakout"
    title = "Opening-range breakout"
    Parameters = OpeningRangeParameters
    wants_ticks = True

    def new_track(self) -> RangeTrack:
        return RangeTrack(self.window())

    def needed(self) -> int:
        return 1

    def warmup(self) -> dict[int, int]:
        """Today's candles since the open, however late the run starts."""
        return {self.parameters.interval: max(self.window(), FULL_DAY // self.parameters.interval)}

    def track(self, key: str) -> RangeTrack:
        track = self.tracks[key]
        assert isinstance(track, RangeTrack)
        return track

    def learned(self, ctx: Context, candle: Candle) -> None:
        session, track = ctx.session(candle.instrument), self.track(candle.instrument)
        track.begin(str(candle.start.astimezone(IST).date()))
        if session is not None and session.opens_at <= candle.start < self._range_end(session):
            track.widen(candle)

    def learn_all(self, ctx: Context, past: PastCandles) -> None:
        if self.remember_all(past):
            session, track = ctx.session(past.instrument), self.track(past.instrument)
            track.begin(str(past.since.astimezone(IST).date()))
            for candle in past.between(session.opens_at, self._range_end(session)) if session else ():
                track.widen(candle)

    def outlook(self, ctx: Context, key: str, moments: Moments) -> Outlook:
        return BreakoutOutlook(self, key, moments, may_short=self.may_sell_first(ctx))

    def _range_end(self, session: Session) -> datetime:
        return session.opens_at + timedelta(minutes=self.parameters.minutes)

    def on_fill(self, ctx: Context, fill: Fill) -> Iterable[Intent]:
        held = ctx.held(fill.instrument)
        if held is not None and fill.instrument in self.tracks:
            track, side = self.track(fill.instrument), "BUY" if held.quantity > 0 else "SELL"
            track.begin(str(ctx.day))
            track.entered = tuple(sorted({*track.entered, side}))
        return super().on_fill(ctx, fill)

    def on_tick(self, ctx: Context, tick: Tick) -> Iterable[Intent]:
        key, price = tick.instrument, tick.last_price
        if key not in self.tracks or ctx.in_flight(key):
            return ()
        held = ctx.held(key)
        if held is not None:
            return self.holding(ctx, held, key, price)
        self.track(key).begin(str(ctx.day))
        wait = self._too_early(ctx, key) or self._too_late(ctx, key) or self.hindrance(ctx, key)
        return (wait,) if wait else self._look(ctx, key, price)

    def _too_early(self, ctx: Context, key: str) -> Wait | None:
        """Return the wait until the range is whole; one with a hole is not traded that day."""
        session, seen = ctx.session(key), self.track(key).seen
        needed = self.parameters.minutes // self.parameters.interval
        if session is None:
            return unknown_session(key)
        if seen >= needed:
            return None
        ends_at = self._range_end(session)
        if ctx.now < ends_at + timedelta(minutes=self.parameters.interval):
            return range_forming(key, seen, needed, ends_at)
        return range_incomplete(key, seen, needed)

    def _too_late(self, ctx: Context, key: str) -> Wait | None:
        last = self.parameters.no_entry_after
        return too_late(key, last) if ctx.now.astimezone(IST).time() >= last else None

    def _look(self, ctx: Context, key: str, price: Decimal) -> Iterator[Intent]:
        upper, lower = self._triggers(key)
        if price > upper:
            yield self._once(key, "BUY", price, upper)
        elif price < lower and self.may_sell_first(ctx):
            yield self._once(key, "SELL", price, lower)
        elif ctx.records_wait(key, "inside_range"):
            yield self._inside(ctx, key, price, upper, lower)

    def _triggers(self, key: str) -> tuple[Decimal, Decimal]:
        track, share = self.track(key), self.parameters.buffer / 100
        return track.high * (1 + share), track.low * (1 - share)

    def _once(self, key: str, side: Side, price: Decimal, trigger: Decimal) -> Intent:
        if side in self.track(key).entered:
            return entered_today(key, side)
        beyond = "above" if side == "BUY" else "below"
        words = f"{money(price)} is {beyond} {money(trigger)}, the first {self.parameters.minutes} min and buffer"
        numbers = self._numbers(key, price) | {"trigger": f"{trigger:.4f}"}
        return self._entry(key, side, price, Reason(words, numbers, "breakout"))

    def _entry(self, key: str, side: Side, price: Decimal, reason: Reason) -> Enter:
        target = self._target(key, side)
        if self.parameters.stop_at == BY_DISTANCE:
            return self.entry(key, side, price, reason, target)
        track, tick = self.track(key), self.instruments[key].tick_size
        stop = floor_to_tick(track.low, tick) if side == "BUY" else ceil_to_tick(track.high, tick)
        return Enter(key, side, stop, reason, target)

    def _target(self, key: str, side: Side) -> Decimal | None:
        track = self.track(key)
        reach = (track.high - track.low) * self.parameters.target_ranges
        target = track.high + reach if side == "BUY" else track.low - reach
        return nearest_tick(target, self.instruments[key].tick_size) if reach and target > 0 else None

    def _inside(self, ctx: Context, key: str, price: Decimal, upper: Decimal, lower: Decimal) -> Wait:
        track = self.track(key)
        words = f"{money(price)} inside the opening range {money(track.low)} to {money(track.high)}"
        half, lean = (upper - lower) / 2, price - (upper + lower) / 2
        near = abs(lean) if self.may_sell_first(ctx) else lean
        reason = Reason(words, self._numbers(key, price), "inside_range")
        return Wait(key, reason, nearness(near / half) if half else 1.0)

    def _numbers(self, key: str, price: Decimal) -> dict[str, str | int | float]:
        track = self.track(key)
        return {"last": str(price), "high": str(track.high), "low": str(track.low)}


# Ticks ask these over and over: the words are built once.
@lru_cache(maxsize=1024)
def unknown_session(key: str) -> Wait:
    return Wait(key, Reason("today's session is not known", {}, "no_session"))


@lru_cache(maxsize=1024)
def range_forming(key: str, seen: int, needed: int, ends_at: datetime) -> Wait:
    words = f"opening range until {ends_at.astimezone(IST):%H:%M}: {seen} of {counted(needed, 'candle')} seen"
    return Wait(key, Reason(words, {"seen": seen, "needed": needed}, "range_forming"), 0.0)


@lru_cache(maxsize=1024)
def range_incomplete(key: str, seen: int, needed: int) -> Wait:
    words = f"{seen} of {counted(needed, 'candle')} of the opening range seen; not traded today"
    return Wait(key, Reason(words, {"seen": seen, "needed": needed}, "range_incomplete"), 0.0)


@lru_cache(maxsize=1024)
def too_late(key: str, last: time) -> Wait:
    return Wait(key, Reason(f"no entry after {last:%H:%M}", {"last": f"{last:%H:%M}"}, "too_late"), 0.0)


@lru_cache(maxsize=1024)
def entered_today(key: str, side: Side) -> Wait:
    words = f"{'bought' if side == 'BUY' else 'sold'} once today; one entry a side and day"
    return Wait(key, Reason(words, {"side": side}, f"entered_{side.lower()}"), 0.0)
