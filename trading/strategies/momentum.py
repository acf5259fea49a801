"""Momentum: a live price that breaks the range of the last candles, fast enough, is followed."""

# ruff: noqa: RUF009 (each default is a dataclass field, made anew)

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trading.strategies.api import (
    Candle,
    ChangeStop,
    Context,
    Exit,
    FixedOutlook,
    Held,
    Intent,
    JSONObject,
    Moments,
    Outlook,
    PastCandles,
    Reason,
    SharedParameters,
    Side,
    Tick,
    Track,
    TrackingStrategy,
    Wait,
    ceil_to_tick,
    counted,
    floor_to_tick,
    money,
    nearness,
    newest,
    number,
    percent,
    rate_of_change,
    rolling_highs,
    rolling_lows,
    whole,
)

# A trailing stop is moved once it gains a fifth of its distance, not at every tick.
TRAIL_STEPS = 5
DOUBT = 1e-9


@dataclass(frozen=True)
class MomentumParameters(SharedParameters):
    lookback: int = whole(
        20,
        least=2,
        most=200,
        label="Range",
        unit="candles",
        help="Closed candles whose high and low a price must break.",
    )
    min_rate: Decimal = number(
        "0.15",
        least="0",
        most="20",
        label="Least rate of change",
        unit="%",
        help="From the close before the range to the live price.",
    )
    exit_lookback: int = whole(
        10,
        least=0,
        most=200,
        label="Exit range",
        unit="candles",
        help="Leaves when the price breaks this range the other way; 0: never.",
    )
    trail_percent: Decimal = number(
        "0.8", least="0", most="20", label="Trailing stop", unit="%", help="0: the stop stays where it began."
    )

    def conflicts(self) -> Iterator[tuple[str, str]]:
        if self.exit_lookback > self.lookback:
            yield "exit_lookback", f"{self.exit_lookback} is longer than the range, {self.lookback}"


class MomentumTrack(Track):
    """Keeps the ranges of the closed candles ready for each tick."""

    high = low = exit_high = exit_low = reference = Decimal(0)

    def measure(self, lookback: int, exit_lookback: int) -> None:
        highs, lows = newest(self.bars.highs, lookback), newest(self.bars.lows, lookback)
        self.high, self.low = max(highs), min(lows)
        if exit_lookback:
            self.exit_high, self.exit_low = max(highs[-exit_lookback:]), min(lows[-exit_lookback:])
        self.reference = newest(self.bars.closes, lookback + 1)[0]


class MomentumOutlook:
    """Where a price leaves the ranges; while held, also where the stop trails it.

    Prices are whole numbers; a float is never nearer to a bound than ``DOUBT`` of the price.
    """

    def __init__(self, parameters: MomentumParameters, moments: Moments, enough: int, *, may_short: bool) -> None:
        self.parameters, self.unit, self.price = parameters, moments.unit, moments.price
        newest = np.maximum(moments.heard - 1, 0)
        candles, lookback = moments.candles, parameters.lookback
        highs, lows = rolling_highs(candles.high, lookback), rolling_lows(candles.low, lookback)
        before = candles.close[np.maximum(newest - lookback, 0)].astype(np.float64)
        rate = (self.price - before) * 100 / before
        least = float(parameters.min_rate) - DOUBT
        buys, sells = (self.price > highs[newest]) & (rate >= least), (self.price < lows[newest]) & (rate <= -least)
        flat = (buys | sells if may_short else buys) & (moments.heard >= enough)
        self._fixed = FixedOutlook(flat, *self._turned(moments, newest))

    def _turned(self, moments: Moments, newest: NDArray[Any]) -> Iterator[NDArray[np.bool_]]:
        """Yield where a price is beyond the exit range, of what is held long and short."""
        candles, count = moments.candles, self.parameters.exit_lookback
        if count:
            yield self.price < rolling_lows(candles.low, count)[newest]
            yield self.price > rolling_highs(candles.high, count)[newest]
        else:
            yield from np.zeros((2, len(self.price)), np.bool_)

    def may_act(self, held: Held | None, ahead: slice) -> NDArray[np.bool_]:
        acts = self._fixed.may_act(held, ahead)
        return acts if held is None or not self.parameters.trail_percent else acts | self._trails(held, ahead)

    def _trails(self, held: Held, ahead: slice) -> NDArray[np.bool_]:
        price, side = self.price[ahead].astype(np.float64), 1 if held.quantity > 0 else -1
        distance = price * float(self.parameters.trail_percent) / 100
        if held.stop is None:
            return np.ones(len(price), np.bool_)
        gain = (price - float(held.stop) * self.unit) * side - distance
        trails: NDArray[np.bool_] = gain * TRAIL_STEPS >= distance - price * DOUBT
        return trails


class Momentum(TrackingStrategy[MomentumParameters]):
    """Buys above, and where allowed sells below, the range; leaves by stop or the opposite, shorter range."""

    name = "momentum"
    title = "Momentum breakout"
    Parameters = MomentumParameters
    wants_ticks = True

    def new_track(self) -> MomentumTrack:
        return MomentumTrack(self.window())

    def needed(self) -> int:
        return self.parameters.lookback + 1

    def track(self, key: str) -> MomentumTrack:
        track = self.tracks[key]
        assert isinstance(track, MomentumTrack)
        return track

    def learned(self, ctx: Context, candle: Candle) -> None:
        self._measure(candle.instrument)

    def learn_all(self, ctx: Context, past: PastCandles) -> None:
        if self.remember_all(past):
            self._measure(past.instrument)

    def outlook(self, ctx: Context, key: str, moments: Moments) -> Outlook:
        return MomentumOutlook(self.parameters, moments, self.enough(), may_short=self.may_sell_first(ctx))

    def restore(self, state: JSONObject) -> None:
        super().restore(state)
        for key, track in self.tracks.items():
            if track.bars:
                self._measure(key)

    def _measure(self, key: str) -> None:
        self.track(key).measure(self.parameters.lookback, self.parameters.exit_lookback)

    def on_tick(self, ctx: Context, tick: Tick) -> Iterable[Intent]:
        key, price = tick.instrument, tick.last_price
        if key not in self.tracks or ctx.in_flight(key):
            return ()
        held = ctx.held(key)
        if held is not None:
            return self._manage(ctx, held, key, price)
        hindrance = self.hindrance(ctx, key)
        return (hindrance,) if hindrance else self._look(ctx, key, price)

    def _look(self, ctx: Context, key: str, price: Decimal) -> Iterator[Intent]:
        track = self.track(key)
        if price > track.high:
            yield self._if_fast(key, "BUY", price, track.high)
        elif price < track.low and self.may_sell_first(ctx):
            yield self._if_fast(key, "SELL", price, track.low)
        elif ctx.records_wait(key, "inside_range"):
            yield self._inside(ctx, key, price)

    def _if_fast(self, key: str, side: Side, price: Decimal, broken: Decimal) -> Intent:
        rate = rate_of_change(price, self.track(key).reference)
        least = self.parameters.min_rate
        fast_enough = rate >= least if side == "BUY" else rate <= -least
        over = "above" if side == "BUY" else "below"
        numbers = {"last": str(price), "broken": str(broken), "rate": str(round(rate, 4)), "least": str(least)}
        words = f"{money(price)} is {over} {money(broken)}, the range of {self._candles()}"
        if fast_enough:
            return self.entry(key, side, price, Reason(f"{words}; change {percent(rate)}", numbers, "breakout"))
        words = f"{words}, but change {percent(rate)}, under {least:.2f}\u00a0%"
        return Wait(key, Reason(words, numbers, "too_slow"), nearness(abs(rate) / least) if least else 0.0)

    def _inside(self, ctx: Context, key: str, price: Decimal) -> Wait:
        track = self.track(key)
        words = f"{money(price)} inside {money(track.low)} to {money(track.high)}, the range of {self._candles()}"
        numbers = {"last": str(price), "low": str(track.low), "high": str(track.high)}
        return Wait(key, Reason(words, numbers, "inside_range"), self._nearness(ctx, track, price))

    def _nearness(self, ctx: Context, track: MomentumTrack, price: Decimal) -> float:
        """Return how far from the middle of the range towards a side that may be entered."""
        half = (track.high - track.low) / 2
        lean = price - (track.high + track.low) / 2
        if not half:
            return 1.0
        return nearness((abs(lean) if self.may_sell_first(ctx) else lean) / half)

    def _candles(self) -> str:
        return counted(self.parameters.lookback, "candle")

    def _manage(self, ctx: Context, held: Held, key: str, price: Decimal) -> Iterator[Intent]:
        track = self.track(key)
        turned = price < track.exit_low if held.quantity > 0 else price > track.exit_high
        if self.parameters.exit_lookback and turned and len(track.bars):
            yield self._turned(held, key, price)
            return
        if self.parameters.trail_percent:
            yield from self._trail(held, key, price)
        yield from self.holding(ctx, held, key, price)

    def _turned(self, held: Held, key: str, price: Decimal) -> Exit:
        track, is_long = self.track(key), held.quantity > 0
        broken = track.exit_low if is_long else track.exit_high
        span = counted(self.parameters.exit_lookback, "candle")
        words = f"{money(price)} is {'below' if is_long else 'above'} {money(broken)}, the range of {span}"
        return Exit(key, Reason(words, {"last": str(price), "broken": str(broken)}, "turned"))

    def _trail(self, held: Held, key: str, price: Decimal) -> Iterator[ChangeStop]:
        distance = price * self.parameters.trail_percent / 100
        tick = self.instruments[key].tick_size
        if held.quantity > 0:
            stop = floor_to_tick(price - distance, tick)
            gain = stop - held.stop if held.stop is not None else distance
        else:
            stop = ceil_to_tick(price + distance, tick)
            gain = held.stop - stop if held.stop is not None else distance
        if gain * TRAIL_STEPS >= distance:
            words = f"stop to {money(stop)}, {self.parameters.trail_percent:.2f}\u00a0% from {money(price)}"
            yield ChangeStop(key, stop, Reason(words, {"last": str(price), "stop": str(stop)}, "trailed"))
