"""A strategy that says what a test tells it to, and a run around it."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from trading.run.decisions import Decision
from trading.run.host import RunHost, call_unguarded
from trading.run.terms import RunTerms
from trading.strategies.parameters import StrategyParameters
from trading.strategies.values import Candle, ChangeStop, Enter, Exit, Fill, Reason, Strategy, Tick, Wait
from trading.tests.strategies.market_day import INFY, D, at, sessions, spec, terms, tick

WHY = Reason("because the test says so", {"n": 1}, "test")


class Puppet(Strategy[StrategyParameters]):
    """Answers what lies in ``says``; keeps what it heard."""

    name = "puppet"
    wants_ticks = True

    def __init__(self) -> None:
        super().__init__(StrategyParameters(), [spec()])
        self.says: Any = ()
        self.heard: list[Any] = []

    def intervals(self) -> tuple[int, ...]:
        return (1,)

    def learn(self, ctx: Any, candle: Candle) -> None:
        self.heard.append(candle)

    def on_candle(self, ctx: Any, candle: Candle) -> Any:
        return self._say()

    def on_tick(self, ctx: Any, tick: Tick) -> Any:
        self.heard.append(tick)
        return self._say()

    def on_fill(self, ctx: Any, fill: Fill) -> Iterable[Any]:
        self.heard.append(fill)
        return ()

    def _say(self) -> Any:
        says, self.says = self.says, ()
        return says() if callable(says) else says


class HostedRun:
    """A run with the puppet; each call moves market time as the test says."""

    def __init__(
        self,
        run_terms: RunTerms | None = None,
        guard: Any = call_unguarded,
        *,
        keeps_waits: bool = True,
        **changes: Any,
    ) -> None:
        self.puppet = Puppet()
        self.terms = run_terms or terms(**changes)
        self.host = RunHost(self.puppet, self.terms, sessions, at("09:00"), guard, keeps_waits=keeps_waits)

    def tick(self, price: str, clock: str, *says: Any) -> list[Decision]:
        self.puppet.says = says
        return self.host.on_ticks([tick(price, clock)], at(clock))

    def time(self, clock: str | datetime) -> list[Decision]:
        return self.host.on_ticks([], at(clock) if isinstance(clock, str) else clock)

    def fill(self, quantity: int, price: str, clock: str, number: int | None = None) -> list[Decision]:
        return self.host.apply_fill(Fill(INFY, quantity, D(price), at(clock), number))

    def ended(self, outcome: str, number: int | None = None) -> None:
        self.host.apply_order_ended(INFY, outcome, number)

    @property
    def quantity(self) -> int:
        return self.host.position_of(INFY).quantity

    def entered(self, stop: str = "95", target: str | None = None) -> "HostedRun":
        """Bought 10 at 100 at 10:00."""
        self.tick("100", "10:00", buy(stop, target))
        self.fill(10, "100", "10:00:01")
        return self


def buy(stop: str = "95", target: str | None = None, limit: str | None = None) -> Enter:
    return Enter(INFY, "BUY", D(stop), WHY, D(target) if target else None, D(limit) if limit else None)


def sell(stop: str = "105") -> Enter:
    return Enter(INFY, "SELL", D(stop), WHY)


def leave() -> Exit:
    return Exit(INFY, WHY)


def stop_to(stop: str, may_loosen: bool = False) -> ChangeStop:
    return ChangeStop(INFY, D(stop), WHY, may_loosen)


def wait(code: str = "test", nearness: float | None = 0.5) -> Wait:
    return Wait(INFY, Reason("waiting", {}, code), nearness)


def said(decisions: Iterable[Decision]) -> list[tuple[str, int]]:
    """The kinds and quantities, which is what most rules are about."""
    return [(made.kind, made.quantity) for made in decisions]


def codes(decisions: Iterable[Decision]) -> list[str]:
    return [made.reason.code for made in decisions]
