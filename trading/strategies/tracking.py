"""What the strategies of this folder share: memory per instrument, stops, cooling down, words for waits."""

# ruff: noqa: RUF009 (each default is a dataclass field, made anew)

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any, TypeVar

from alphapanda.core.figures import counted
from alphapanda.core.figures import plain as money
from instruments.domain.prices import ceil_to_tick, floor_to_tick
from trading.strategies.indicators import WILDER_CONVERGED, WILDER_MEMORY, Bars, atr
from trading.strategies.parameters import StrategyParameters, number, one_of, whole, yes_no
from trading.strategies.values import (
    Candle,
    Context,
    Enter,
    Fill,
    Held,
    Intent,
    JSONObject,
    PastCandles,
    Reason,
    Side,
    Strategy,
    Wait,
)

INTERVALS = (1, 3, 5, 15, 30, 60)


@dataclass(frozen=True)
class SharedParameters(StrategyParameters):
    """Parameters every strategy of this folder has."""

    interval: int = one_of(5, INTERVALS, label="Candle", unit="min")
    long_only: bool = yes_no(False, label="Buy only", help="Never sells first, whatever the product allows.")
    cooldown: int = whole(
        3, least=0, most=100, label="Cool-down", unit="candles", help="Candles to sit out after a position closes."
    )
    stop_kind: str = one_of("percent", ("percent", "ATR"), label="Stop by")
    stop_percent: Decimal = number(
        "1", least="0.05", most="20", label="Stop distance", unit="%", when=("stop_kind", "percent")
    )
    stop_atr: Decimal = number(
        "2", least="0.1", most="20", label="Stop distance", unit="× ATR", when=("stop_kind", "ATR")
    )
    atr_period: int = whole(14, least=2, most=100, label="ATR period", unit="candles", when=("stop_kind", "ATR"))

    def atr_candles(self, periods: int) -> int:
        """Return how many candles so many periods of ATR take: none if the stop is a percentage."""
        return self.atr_period * periods + 1 if self.stop_kind == "ATR" else 0


SharedT = TypeVar("SharedT", bound=SharedParameters)


class Track:
    """Memory of one instrument: its candles, and how many to sit out."""

    def __init__(self, size: int) -> None:
        self.bars = Bars(size)
        self.idle = 0

    def save(self) -> JSONObject:
        return {"bars": self.bars.save(), "idle": self.idle}

    def restore(self, saved: JSONObject) -> None:
        self.bars.restore(saved["bars"])
        self.idle = saved["idle"]


TrackT = TypeVar("TrackT", bound=Track)


class TrackingStrategy(Strategy[SharedT]):
    """Treats each instrument by itself; an index among them is not traded."""

    def __init__(self, parameters: SharedT, instruments: Iterable[Any]) -> None:
        super().__init__(parameters, list(instruments))
        self.tracks = {key: self.new_track() for key, spec in self.instruments.items() if not spec.is_index}

    def new_track(self) -> Track:
        """Return the memory an instrument begins with."""
        return Track(self.window())

    def needed(self) -> int:
        """Return how many candles the rule needs before it decides, the stop's aside."""
        raise NotImplementedError

    def kept(self) -> int:
        """Return how many candles the rule looks back on, where there are more than it needs."""
        return self.needed()

    def enough(self) -> int:
        return max(self.needed(), self.parameters.atr_candles(WILDER_CONVERGED))

    def window(self) -> int:
        return max(self.kept(), self.parameters.atr_candles(WILDER_MEMORY))

    def intervals(self) -> tuple[int, ...]:
        return (self.parameters.interval,)

    def warmup(self) -> dict[int, int]:
        return {self.parameters.interval: self.window()}

    def learn(self, ctx: Context, candle: Candle) -> None:
        track = self.tracks.get(candle.instrument)
        if track is not None:
            track.bars.add(candle)
            track.idle = max(track.idle - 1, 0)
            self.learned(ctx, candle)

    def learned(self, ctx: Context, candle: Candle) -> None:
        """Remember more of the candle just added, where the strategy needs it."""

    def remember_all(self, past: PastCandles) -> bool:
        """Let the window take them all in, for a ``learn_all`` of one's own; whether the instrument is tracked."""
        track = self.tracks.get(past.instrument)
        if track is not None:
            track.bars.add_all(past)
            track.idle = max(track.idle - len(past), 0)
        return track is not None

    def on_fill(self, ctx: Context, fill: Fill) -> Iterable[Intent]:
        if ctx.held(fill.instrument) is None and fill.instrument in self.tracks:
            self.tracks[fill.instrument].idle = self.parameters.cooldown
        return ()

    def save(self) -> JSONObject:
        return {key: track.save() for key, track in self.tracks.items()}

    def restore(self, state: JSONObject) -> None:
        """An instrument the state does not know begins anew."""
        for key in self.tracks:
            self.tracks[key] = self.new_track()
            if key in state:
                self.tracks[key].restore(state[key])

    # Shared answers

    def may_sell_first(self, ctx: Context) -> bool:
        return ctx.may_short and not self.parameters.long_only

    def hindrance(self, ctx: Context, key: str) -> Wait | None:
        """Return the wait for what keeps any entry back: too little history, or cooling down."""
        track = self.tracks[key]
        if len(track.bars) < self.enough():
            return still_warming(key, len(track.bars), self.enough())
        return still_cooling(key, track.idle) if track.idle else None

    def stop_for(self, key: str, side: Side, price: Decimal) -> Decimal:
        """Return the first stop, on the tick away from the price and at least one tick off."""
        tick = self.instruments[key].tick_size
        distance = max(self._stop_distance(key, price), tick)
        if side == "BUY":
            return max(floor_to_tick(price - distance, tick), tick)
        return ceil_to_tick(price + distance, tick)

    def _stop_distance(self, key: str, price: Decimal) -> Decimal:
        if self.parameters.stop_kind == "ATR":
            return self.parameters.stop_atr * atr(self.tracks[key].bars, self.parameters.atr_period)
        return price * self.parameters.stop_percent / 100

    def entry(self, key: str, side: Side, price: Decimal, reason: Reason, target: Decimal | None = None) -> Enter:
        return Enter(key, side, self.stop_for(key, side, price), reason, target)

    def holding(self, ctx: Context, held: Held, key: str, price: Decimal) -> Iterator[Wait]:
        """Say what is held and how far its stop is."""
        if held.stop is None or not ctx.records_wait(key, "holding"):
            return
        away = abs(price - held.stop) * 100 / price
        words = f"holding from {money(held.average_price)}; stop {money(held.stop)} is {away:.2f}\u00a0% away"
        numbers = {"average": str(held.average_price), "stop": str(held.stop), "last": str(price)}
        yield Wait(key, Reason(words, numbers, "holding"))


# Ticks ask these over and over: the words are built once.
@lru_cache(maxsize=1024)
def still_warming(key: str, seen: int, needed: int) -> Wait:
    words = f"{seen} of {counted(needed, 'candle')} seen that the rule needs"
    return Wait(key, Reason(words, {"seen": seen, "needed": needed}, "warming"), None)


@lru_cache(maxsize=1024)
def still_cooling(key: str, idle: int) -> Wait:
    words = f"cooling down: {counted(idle, 'candle')} to go before the next entry"
    return Wait(key, Reason(words, {"candles": idle}, "cooling"), 0.0)


def nearness(value: Decimal | float) -> float:
    """Clip to 0..1 and keep three digits."""
    return round(min(max(float(value), 0.0), 1.0), 3)
