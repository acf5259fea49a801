"""One strategy on one share, warmed with the closes a test names."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from trading.run.decisions import Decision
from trading.run.host import RunHost
from trading.strategies.values import Fill
from trading.tests.strategies.market_day import INFY, Candle, D, at, candle, series, sessions, terms, tick


class RunOf:
    """Ticks and candles in, decisions out; ``filled`` answers what was asked."""

    def __init__(self, cls: type, closes: Iterable[object] = (), product: str = "MIS", **parameters: Any) -> None:
        self.terms = terms(product=product)
        self.parameters = cls.Parameters.from_json({"interval": 1} | parameters)
        self.host = RunHost(cls(self.parameters, self.terms.specs), self.terms, sessions, at("10:00"))
        self.warm_up(closes)

    def warm_up(self, closes: Iterable[object], until: str = "10:00") -> None:
        self.host.warm_up(series(closes, at(until)))
        self.next_start = at(until)

    def tick(self, price: str, clock: str | datetime = "10:00:10") -> list[Decision]:
        moment = at(clock) if isinstance(clock, str) else clock
        return self.host.on_ticks([tick(price, moment)], moment)

    def close(self, price: str, high: str | None = None, low: str | None = None) -> list[Decision]:
        """Give the next one-minute candle."""
        return self.take(candle(price, self.next_start, high=high, low=low))

    def take(self, bar: Candle) -> list[Decision]:
        self.next_start = bar.start + timedelta(minutes=1)
        return self.host.on_candles([bar], self.next_start + timedelta(seconds=2))

    def closes(self, *prices: str) -> list[Decision]:
        return [made for price in prices for made in self.close(price)]

    def filled(self, made: Decision, price: str = "100") -> Decision:
        quantity = made.quantity if made.side == "BUY" else -made.quantity
        self.host.apply_fill(Fill(INFY, quantity, D(price), at("10:00:11"), made.number))
        return made

    def save_and_restore(self, cls: type) -> "RunOf":
        again = RunOf(cls)
        again.terms, again.parameters, again.next_start = self.terms, self.parameters, self.next_start
        again.host = RunHost(cls(self.parameters, self.terms.specs), self.terms, sessions, at("10:00"))
        again.host.restore(self.host.save())
        return again


def summary(decisions: Iterable[Decision]) -> list[tuple[str, str]]:
    return [(made.kind, made.reason.code) for made in decisions]
