"""Strategies for tests: the plainest there can be, and those that go wrong."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from threading import Lock

from trading.strategies.api import (
    Candle,
    Context,
    Enter,
    Exit,
    Fill,
    InstrumentSpec,
    Intent,
    JSONObject,
    Reason,
    Strategy,
    StrategyParameters,
    Tick,
    Wait,
    number,
)


@dataclass(frozen=True)
class Prices(StrategyParameters):
    buy_at: Decimal = number("1500", label="Buy at", least="1", most="100000")
    sell_at: Decimal = number("1510", label="Sell at", least="1", most="100000")
    stop_percent: Decimal = number("1", label="Stop", least="0.1", most="50", unit="%")


class OneLot(Strategy[Prices]):
    """Buy when the price is at or under one level, sell when it is at or over another."""

    name = "test-one-lot"
    title = "One lot"
    Parameters = Prices
    wants_ticks = True

    def on_tick(self, ctx: Context, tick: Tick) -> Iterable[Intent]:
        held, p = ctx.held(tick.instrument), self.parameters
        if ctx.in_flight(tick.instrument):
            return
        if held is None and tick.last_price <= p.buy_at:
            stop = tick.last_price * (1 - p.stop_percent / 100)
            yield Enter(tick.instrument, "BUY", stop, Reason(f"{tick.last_price} is at or under {p.buy_at}", {}, "low"))
        elif held is not None and tick.last_price >= p.sell_at:
            yield Exit(tick.instrument, Reason(f"{tick.last_price} is at or over {p.sell_at}", {}, "high"))


class Brackets(OneLot):
    """Buys at its level with a target where the other one sells."""

    name = "test-brackets"
    title = "Brackets"

    def on_tick(self, ctx: Context, tick: Tick) -> Iterable[Intent]:
        for intent in super().on_tick(ctx, tick):
            yield replace(intent, target=self.parameters.sell_at) if isinstance(intent, Enter) else intent


class BuysOnce(OneLot):
    """Buys at its level once, and never again however low the price."""

    name = "test-buys-once"
    title = "Buys once"

    def __init__(self, parameters, instruments) -> None:  # type: ignore[no-untyped-def]
        super().__init__(parameters, instruments)
        self.has_bought = False

    def on_tick(self, ctx: Context, tick: Tick) -> Iterable[Intent]:
        for intent in super().on_tick(ctx, tick):
            if isinstance(intent, Enter) and self.has_bought:
                continue
            self.has_bought = self.has_bought or isinstance(intent, Enter)
            yield intent

    def save(self) -> dict[str, bool]:
        return {"has_bought": self.has_bought}

    def restore(self, state: dict[str, bool]) -> None:
        self.has_bought = state["has_bought"]


class BuysThenRaises(Strategy[StrategyParameters]):
    """Buys at the second candle of a minute it sees, and raises at the sixth."""

    name = "test-buys-then-raises"
    title = "Buys, then raises"
    seen = 0

    def intervals(self) -> tuple[int, ...]:
        return (1,)

    def learn(self, ctx: Context, candle: Candle) -> None:
        self.seen += 1

    def on_candle(self, ctx: Context, candle: Candle) -> Iterable[Intent]:
        if self.seen == 6:
            raise ZeroDivisionError("one by nothing")
        if self.seen == 2:
            yield Enter(candle.instrument, "BUY", candle.close * Decimal("0.9"), Reason("the second", {}, "second"))

    def save(self) -> JSONObject:
        return {"seen": self.seen}

    def restore(self, state: JSONObject) -> None:
        self.seen = state["seen"]


class Raises(Strategy[StrategyParameters]):
    """Raises on the first tick."""

    name = "test-raises"
    title = "Raises"
    wants_ticks = True

    def on_tick(self, ctx: Context, tick: Tick) -> Iterable[Intent]:
        raise ZeroDivisionError("one by nothing")


class BuysWithNonsense(OneLot):
    """One lot, and beside each of its intents something that is none: the first counts, the second is its fault."""

    name = "test-buys-with-nonsense"
    title = "Buys with nonsense"

    def on_tick(self, ctx: Context, tick: Tick) -> Iterable[Intent]:
        for intent in super().on_tick(ctx, tick):
            yield from (intent, {"buy": float("nan")})  # type: ignore[misc]


class RaisesOnFills(OneLot):
    """One lot, and raises when it hears of a fill."""

    name = "test-raises-on-fills"
    title = "Raises on fills"

    def on_fill(self, ctx: Context, fill: Fill) -> Iterable[Intent]:
        raise ZeroDivisionError("one by nothing")


class Loops(Strategy[StrategyParameters]):
    """Never comes back."""

    name = "test-loops"
    title = "Loops"
    wants_ticks = True

    def on_tick(self, ctx: Context, tick: Tick) -> Iterable[Intent]:
        while True:
            pass


class Nonsense(Strategy[StrategyParameters]):
    """Answers something that is no intent."""

    name = "test-nonsense"
    title = "Nonsense"
    wants_ticks = True

    def on_tick(self, ctx: Context, tick: Tick) -> Iterable[Intent]:
        return [{"buy": float("nan")}]  # type: ignore[list-item]


class CountsCandles(Strategy[StrategyParameters]):
    """Buys on the third one-minute candle it has seen: shows whether a rebuild heard each candle once."""

    name = "test-counts-candles"
    title = "Counts candles"

    def __init__(self, parameters, instruments) -> None:  # type: ignore[no-untyped-def]
        super().__init__(parameters, instruments)
        self.seen = 0

    def intervals(self) -> tuple[int, ...]:
        return (1,)

    def on_candle(self, ctx: Context, candle: Candle) -> Iterable[Intent]:
        self.seen += 1
        if self.seen == 3:
            stop = candle.close * Decimal("0.9")
            yield Enter(candle.instrument, "BUY", stop, Reason(f"candle {self.seen}", {"seen": self.seen}, "third"))

    def save(self) -> dict[str, int]:
        return {"seen": self.seen}

    def restore(self, state: dict[str, int]) -> None:
        self.seen = state.get("seen", 0)


class GoesWrong(OneLot):
    """Like one lot, until it is told how to go wrong."""

    name = "test-goes-wrong"
    title = "Goes wrong"
    how: str | None = None

    def __init__(self, parameters: Prices, instruments: Sequence[InstrumentSpec]) -> None:
        if self.how == "made":
            raise LookupError("no table for this instrument")
        super().__init__(parameters, instruments)

    def warmup(self) -> dict[int, int]:
        if self.how == "warmed":
            raise LookupError("no table for this instrument")
        return super().warmup()

    def on_tick(self, ctx: Context, tick: Tick) -> Iterable[Intent]:
        if self.how == "asked for the hours":
            ctx.session(tick.instrument)
        if self.how == "reason":
            return [Wait(tick.instrument, Reason("half a pair: \ud83d", {}, "bad"))]
        return super().on_tick(ctx, tick)

    def save(self) -> JSONObject:
        return {"note": "a \0"} if self.how == "saved" else super().save()


class SlowOnce(OneLot):
    """Like one lot, but it does not come back while it is slow and the price is low."""

    name = "test-slow-once"
    title = "Slow once"
    is_slow = False

    def on_tick(self, ctx: Context, tick: Tick) -> Iterable[Intent]:
        while self.is_slow and tick.last_price <= self.parameters.buy_at:
            pass
        return super().on_tick(ctx, tick)


class KeepsALock(Strategy[StrategyParameters]):
    """Has in its memory what cannot be written down."""

    name = "test-keeps-a-lock"
    title = "Keeps a lock"

    def __init__(self, parameters: StrategyParameters, instruments: Sequence[InstrumentSpec]) -> None:
        super().__init__(parameters, instruments)
        self.lock = Lock()
