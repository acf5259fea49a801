"""Mean reversion: a close outside its Bollinger bands with an extreme RSI is expected to come back."""

# ruff: noqa: RUF009 (each default is a dataclass field, made anew)

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import talib
from numpy.typing import NDArray

from trading.strategies.api import (
    NEUTRAL_RSI,
    WILDER_CONVERGED,
    WILDER_MEMORY,
    Bands,
    BollingerBands,
    Candle,
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
    RelativeStrength,
    SharedParameters,
    Side,
    Track,
    TrackingStrategy,
    Wait,
    money,
    nearest_tick,
    nearness,
    number,
    one_of,
    rolling_sums,
    whole,
    yes_no,
)

MIDDLE, RSI_50, EITHER = "middle band", "RSI 50", "whichever is first"
# An outlook may say too often that a candle is one to act on, never too seldom: floats err by less.
RSI_DOUBT, BANDS_DOUBT = 1e-3, 1e-9
MOST_EXACT = 2**31  # of a window's sum: its square fits 64 bits


@dataclass(frozen=True)
class MeanReversionParameters(SharedParameters):
    period: int = whole(20, least=2, most=200, label="Bands", unit="candles")
    width: Decimal = number("2", least="0.5", most="5", label="Band width", unit="deviations")
    rsi_period: int = whole(14, least=2, most=100, label="RSI period", unit="candles")
    oversold: int = whole(30, least=1, most=49, label="Oversold under", help="Buys only under this RSI.")
    overbought: int = whole(70, least=51, most=99, label="Overbought over", help="Sells first only over this RSI.")
    leave_at: str = one_of(EITHER, (MIDDLE, RSI_50, EITHER), label="Leave at")
    use_target: bool = yes_no(
        True,
        label="Target at the middle band",
        help="Leaves by a live price that reaches the middle band of the entry.",
    )


class ReversionTrack(Track):
    """Keeps bands and RSI going from candle to candle."""

    def __init__(self, size: int, bands: BollingerBands, strength: RelativeStrength) -> None:
        super().__init__(size)
        self.bands, self.strength = bands, strength

    def save(self) -> JSONObject:
        return super().save() | {"bands": self.bands.save(), "strength": self.strength.save()}

    def restore(self, saved: JSONObject) -> None:
        super().restore(saved)
        self.bands.restore(saved["bands"])
        self.strength.restore(saved["strength"])


class MeanReversion(TrackingStrategy[MeanReversionParameters]):
    """Decides on closed candles; leaves at the middle band, at RSI 50, by target or by stop."""

    name = "mean_reversion"
    title = "Mean reversion"
    Parameters = MeanReversionParameters

    def new_track(self) -> ReversionTrack:
        bands = BollingerBands(self.parameters.period, self.parameters.width)
        return ReversionTrack(self.window(), bands, RelativeStrength(self.parameters.rsi_period))

    def track(self, key: str) -> ReversionTrack:
        track = self.tracks[key]
        assert isinstance(track, ReversionTrack)
        return track

    def learned(self, ctx: Context, candle: Candle) -> None:
        track = self.track(candle.instrument)
        track.bands.add(candle)
        track.strength.add(candle)

    def learn_all(self, ctx: Context, past: PastCandles) -> None:
        if self.remember_all(past):
            track = self.track(past.instrument)
            track.bands.add_all(past)
            track.strength.add_all(past)

    def outlook(self, ctx: Context, key: str, moments: Moments) -> Outlook:
        closes = moments.candles.close.astype(np.int64)
        outside, rsi = self._outside(closes), talib.RSI(closes / moments.unit, timeperiod=self.parameters.rsi_period)
        buys = (outside < 0) & (rsi < self.parameters.oversold + RSI_DOUBT)
        sells = (outside > 0) & (rsi > self.parameters.overbought - RSI_DOUBT)
        flat = buys | sells if self.may_sell_first(ctx) else buys
        flat[: self.enough() - 1] = False
        return FixedOutlook(flat, self._back_at(closes, rsi, 1), self._back_at(closes, rsi, -1))

    def _outside(self, closes: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return by candle which side of the bands its close is on, or may be: 0 within."""
        period, middle = self.parameters.period, closes - int(closes[0])
        totals, squares = rolling_sums(middle, period), rolling_sums(middle * middle, period)
        beyond, scatter = (period * middle - totals).astype(np.float64), (period * squares - totals * totals)
        is_outside = beyond * beyond > float(self.parameters.width) ** 2 * scatter * (1 - BANDS_DOUBT)
        if int(np.abs(middle).max()) * period >= MOST_EXACT:
            is_outside[:] = True
        return np.where(is_outside, np.sign(beyond), 0).astype(np.int64)

    def _back_at(self, closes: NDArray[np.int64], rsi: NDArray[Any], direction: int) -> NDArray[np.bool_]:
        """Return by candle whether what is held that way may be left."""
        period, leave_at = self.parameters.period, self.parameters.leave_at
        # Of a price that did not move TA-Lib says 0, and we 50.
        is_past_50 = ((rsi - NEUTRAL_RSI) * direction >= -RSI_DOUBT) | (rsi == 0)
        is_past_middle = (closes * period - rolling_sums(closes, period)) * direction >= 0
        back = is_past_50 & (leave_at != MIDDLE) | is_past_middle & (leave_at != RSI_50)
        back[: self.needed() - 1] = False
        return back

    def needed(self) -> int:
        return max(self.parameters.period, self.parameters.rsi_period * WILDER_CONVERGED + 1)

    def kept(self) -> int:
        return max(self.parameters.period, self.parameters.rsi_period * WILDER_MEMORY + 1)

    def on_candle(self, ctx: Context, candle: Candle) -> Iterable[Intent]:
        key = candle.instrument
        if key not in self.tracks or ctx.in_flight(key):
            return ()
        held = ctx.held(key)
        if held is None:
            hindrance = self.hindrance(ctx, key)
            return (hindrance,) if hindrance else self._look(ctx, key, candle.close)
        return self._manage(ctx, held, key, candle.close)

    def _measure(self, key: str) -> tuple[Bands, float]:
        track = self.track(key)
        return track.bands.bands, track.strength.value

    def _look(self, ctx: Context, key: str, close: Decimal) -> Iterator[Intent]:
        bands, strength = self._measure(key)
        if bands.side < 0:
            yield self._if_extreme(key, "BUY", close, bands, strength)
        elif bands.side > 0 and self.may_sell_first(ctx):
            yield self._if_extreme(key, "SELL", close, bands, strength)
        else:
            yield from self._not_outside(ctx, key, close, bands, strength)

    def _if_extreme(self, key: str, side: Side, close: Decimal, bands: Bands, strength: float) -> Intent:
        is_buy = side == "BUY"
        limit = self.parameters.oversold if is_buy else self.parameters.overbought
        band, where = (bands.lower, "below") if is_buy else (bands.upper, "above")
        outside = f"close {money(close)} {where} the band {money(band)}"
        numbers = self._numbers(close, bands, strength) | {"limit": limit}
        if strength < limit if is_buy else strength > limit:
            reason = Reason(f"{outside}; RSI {strength:.1f}", numbers, "outside_bands")
            return self.entry(key, side, close, reason, self._target(key, bands))
        words = f"{outside}, but RSI {strength:.1f}, not {'under' if is_buy else 'over'} {limit}"
        near = limit / strength if is_buy else strength / limit
        return Wait(key, Reason(words, numbers, "rsi_not_extreme"), nearness(near))

    def _target(self, key: str, bands: Bands) -> Decimal | None:
        if not self.parameters.use_target:
            return None
        return nearest_tick(bands.middle, self.instruments[key].tick_size)

    def _not_outside(self, ctx: Context, key: str, close: Decimal, bands: Bands, strength: float) -> Iterator[Wait]:
        where = "above" if bands.side > 0 else "inside"
        if not ctx.records_wait(key, f"{where}_bands"):
            return
        words = f"close {money(close)} {where} the bands {money(bands.lower)} to {money(bands.upper)}"
        words += f"; RSI {strength:.1f}"
        lean = bands.middle - close
        if self.may_sell_first(ctx):
            lean = abs(lean)
        half = bands.upper - bands.middle
        near = nearness(lean / half) if half else 0.0
        yield Wait(key, Reason(words, self._numbers(close, bands, strength), f"{where}_bands"), near)

    def _numbers(self, close: Decimal, bands: Bands, strength: float) -> dict[str, str | int | float]:
        return {
            "close": str(close),
            "lower": f"{bands.lower:.4f}",
            "middle": f"{bands.middle:.4f}",
            "upper": f"{bands.upper:.4f}",
            "rsi": round(strength, 2),
        }

    def _manage(self, ctx: Context, held: Held, key: str, close: Decimal) -> Iterator[Intent]:
        if len(self.tracks[key].bars) >= self.needed() and (reason := self._back(held, key, close)):
            yield Exit(key, reason)
        else:
            yield from self.holding(ctx, held, key, close)

    def _back(self, held: Held, key: str, close: Decimal) -> Reason | None:
        """Return why the move back is done, if it is."""
        bands, strength = self._measure(key)
        direction = 1 if held.quantity > 0 else -1
        numbers = self._numbers(close, bands, strength)
        if self.parameters.leave_at != RSI_50 and (close - bands.middle) * direction >= 0:
            words = f"close {money(close)} is back at the middle band {money(bands.middle)}"
            return Reason(words, numbers, "middle_band")
        if self.parameters.leave_at != MIDDLE and (strength - NEUTRAL_RSI) * direction >= 0:
            return Reason(f"RSI {strength:.1f} is back at 50", numbers, "rsi_50")
        return None
