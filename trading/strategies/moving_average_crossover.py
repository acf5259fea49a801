"""Moving-average crossover: goes with the fast average when it crosses the slow one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from numpy.typing import NDArray

from trading.strategies.api import (
    EMA_CONVERGED,
    EMA_MEMORY,
    Average,
    Candle,
    CandleColumns,
    Context,
    Exit,
    ExponentialAverage,
    Held,
    Intent,
    JSONObject,
    Moments,
    Outlook,
    PastCandles,
    Reason,
    SharedParameters,
    Side,
    SimpleAverage,
    Track,
    TrackingStrategy,
    Wait,
    counted,
    ema_sides,
    money,
    nearness,
    one_of,
    side_outlook,
    sign,
    sma_sides,
    whole,
)


@dataclass(frozen=True)
class CrossoverParameters(SharedParameters):
    kind: str = one_of("EMA", ("EMA", "SMA"), label="Average")
    fast: int = whole(9, least=2, most=199, label="Fast", unit="candles")
    slow: int = whole(21, least=3, most=200, label="Slow", unit="candles")
    enter_within: int = whole(
        1,
        least=0,
        most=20,
        label="Enter within",
        unit="candles",
        help="How late after the cross an entry still makes sense; 0: only on its candle.",
    )
    cooldown: int = whole(
        0, least=0, most=100, label="Cool-down", unit="candles", help="Candles to sit out after a position closes."
    )

    def conflicts(self) -> Iterator[tuple[str, str]]:
        if self.fast >= self.slow:
            yield "fast", f"{self.fast} is not below the slow average, {self.slow}"


class CrossoverTrack(Track):
    """``side``: which side of the slow average the fast one is on (an exact tie keeps the last);
    ``age``: candles since it got there, None if that was before the history began."""

    side = 0
    age: int | None = None

    def __init__(self, size: int, fast: Average, slow: Average) -> None:
        super().__init__(size)
        self.fast, self.slow = fast, slow

    def see(self, side: int) -> None:
        if self.age is not None:
            self.age += 1
        if side and side != self.side:
            self.age = 0 if self.side else None
            self.side = side

    def follow(self, past: PastCandles, warming: int) -> None:
        """See candles one after the other; after the first ``warming`` of them there are enough to compare."""
        self.fast.begin(past.since)
        self.slow.begin(past.since)
        for nth, close in enumerate(past.closes, start=1):
            self.fast.add_close(close)
            self.slow.add_close(close)
            if nth > warming:
                self.see(sign(self.fast.value - self.slow.value))

    def save(self) -> JSONObject:
        averages = {"fast": self.fast.save(), "slow": self.slow.save()}
        return super().save() | {"side": self.side, "age": self.age, **averages}

    def restore(self, saved: JSONObject) -> None:
        super().restore(saved)
        self.side, self.age = saved["side"], saved["age"]
        self.fast.restore(saved["fast"])
        self.slow.restore(saved["slow"])


class MovingAverageCrossover(TrackingStrategy[CrossoverParameters]):
    """Buys on a cross upwards, sells first on one downwards where allowed; leaves on the opposite cross."""

    name = "moving_average_crossover"
    title = "Moving-average crossover"
    Parameters = CrossoverParameters

    def new_track(self) -> CrossoverTrack:
        average = ExponentialAverage if self.parameters.kind == "EMA" else SimpleAverage
        return CrossoverTrack(self.window(), average(self.parameters.fast), average(self.parameters.slow))

    def needed(self) -> int:
        return self.parameters.slow * (EMA_CONVERGED if self.parameters.kind == "EMA" else 1)

    def kept(self) -> int:
        return self.parameters.slow * (EMA_MEMORY if self.parameters.kind == "EMA" else 1)

    def warmup(self) -> dict[int, int]:
        return {self.parameters.interval: self.window() + self.parameters.enter_within + 1}

    def track(self, key: str) -> CrossoverTrack:
        track = self.tracks[key]
        assert isinstance(track, CrossoverTrack)
        return track

    def learned(self, ctx: Context, candle: Candle) -> None:
        track = self.track(candle.instrument)
        track.fast.add(candle)
        track.slow.add(candle)
        if len(track.bars) >= self.needed():
            track.see(sign(track.fast.value - track.slow.value))

    def learn_all(self, ctx: Context, past: PastCandles) -> None:
        if past.instrument in self.tracks:
            warming = self.needed() - 1 - len(self.tracks[past.instrument].bars)
            self.remember_all(past)
            self.track(past.instrument).follow(past, warming)

    def signals(self, bars: CandleColumns) -> NDArray[Any]:
        sides_of = ema_sides if self.parameters.kind == "EMA" else sma_sides
        sides = sides_of(bars.close, self.parameters.fast, self.parameters.slow)
        sides[: self.needed() - 1] = 0
        return sides

    def needs(self) -> int | None:
        return None if self.parameters.kind == "EMA" else self.parameters.slow

    def outlook(self, ctx: Context, key: str, moments: Moments) -> Outlook:
        return side_outlook(self.signals(moments.candles), self.parameters.enter_within)

    def averages(self, key: str) -> tuple[Decimal, Decimal]:
        track = self.track(key)
        return track.fast.value, track.slow.value

    def on_candle(self, ctx: Context, candle: Candle) -> Iterable[Intent]:
        key = candle.instrument
        if key not in self.tracks or ctx.in_flight(key):
            return ()
        held = ctx.held(key)
        if held is not None:
            return self._manage(ctx, held, key, candle.close)
        hindrance = self.hindrance(ctx, key)
        return (hindrance,) if hindrance else self._look(ctx, key, candle.close)

    def _look(self, ctx: Context, key: str, close: Decimal) -> Iterator[Intent]:
        track = self.track(key)
        side: Side = "BUY" if track.side > 0 else "SELL"
        allowed = side == "BUY" or self.may_sell_first(ctx)
        if track.age is not None and track.age <= self.parameters.enter_within and allowed:
            yield self.entry(key, side, close, self._crossed(key, track))
        else:
            yield from self._no_cross(ctx, key)

    def _crossed(self, key: str, track: CrossoverTrack) -> Reason:
        when = f", {counted(track.age, 'candle')} ago" if track.age else ""
        where = "above" if track.side > 0 else "below"
        return Reason(f"{self._compared(key, f'crossed {where}')}{when}", self._numbers(key), "crossed")

    def _no_cross(self, ctx: Context, key: str) -> Iterator[Wait]:
        fast, slow = self.averages(key)
        gap = fast - slow
        where = "above" if gap > 0 else "below" if gap < 0 else "level with"
        code = f"no_cross_{where.replace(' ', '_')}"
        if not ctx.records_wait(key, code):
            return
        words = f"{self._compared(key, where)} by {money(abs(gap))}; no new cross"
        reach = max(self.tracks[key].bars.highs) - min(self.tracks[key].bars.lows)
        near = nearness(1 - abs(gap) / reach) if reach else None
        yield Wait(key, Reason(words, self._numbers(key), code), near)

    def _compared(self, key: str, how: str) -> str:
        fast, slow = self.averages(key)
        kind = self.parameters.kind
        fast_words = f"{kind} {self.parameters.fast} {money(fast)}"
        return f"{fast_words} {how} {kind} {self.parameters.slow} {money(slow)}"

    def _numbers(self, key: str) -> dict[str, str | int | float]:
        fast, slow = self.averages(key)
        return {"fast": f"{fast:.4f}", "slow": f"{slow:.4f}", "gap": f"{fast - slow:.4f}"}

    def _manage(self, ctx: Context, held: Held, key: str, close: Decimal) -> Iterator[Intent]:
        track = self.track(key)
        if track.side * held.quantity < 0:
            yield Exit(key, self._crossed(key, track))
        else:
            yield from self.holding(ctx, held, key, close)
