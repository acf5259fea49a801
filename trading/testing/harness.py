"""One strategy in a run of its own: prices and fills as a test names them, decisions out. No database, no clock."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from alphapanda.core.timezone import IST
from instruments.domain.order_terms import Product
from trading.run.decisions import Decision
from trading.run.faults import StrategyFault
from trading.run.host import Guard, RunHost, call_unguarded
from trading.run.sizing import ByLots
from trading.run.terms import RunTerms
from trading.strategies.values import Candle, Fill, Held, InstrumentSpec, Strategy, Tick
from trading.testing.market import (
    FRIDAY,
    HEARD_AFTER,
    Price,
    at,
    candle_end,
    last_starts,
    next_start,
    price_of,
    session_of,
    share,
)
from trading.testing.orders_out import OrdersOut

T = TypeVar("T")
HALF_SPREAD = Decimal("0.05")
BETWEEN_TICKS = timedelta(seconds=10)


class StrategyTest:
    """Hosts a strategy as its run would; each call says what happens next, and returns what was decided on it.

    Prices are rupees, as text, numbers or Decimals; times of day are India's, of ``day`` until candles run past its
    close. What is decided waits for ``fill`` or ``end``; with ``fills_itself`` it fills whole at the next price heard,
    a limit only where that price reaches it, and what is cancelled ends. ``more_terms`` are those of ``RunTerms``:
    ``enter_until``, ``flat_by``, ``order_type``…

    A fault of the strategy raises StrategyFault and is kept in ``faults``; the run goes on with exits only. What its
    constructor raises goes through.
    """

    def __init__(
        self,
        strategy: type[Strategy[Any]],
        parameters: Mapping[str, Any] | None = None,
        *,
        instruments: Sequence[InstrumentSpec] = (share(),),
        product: str = "MIS",
        lots: int = 10,
        now: str = "10:00",
        day: date = FRIDAY,
        fills_itself: bool = False,
        guard: Guard[Any] = call_unguarded,
        **more_terms: Any,
    ) -> None:
        self.terms = RunTerms(tuple(instruments), Product(product), ByLots(lots), **more_terms)
        self.now = at(now, day)
        self.fills_itself = fills_itself
        self.decisions: list[Decision] = []
        self.fills: list[Fill] = []
        self.faults: list[StrategyFault] = []
        self._parameters = strategy.Parameters.from_json(parameters or {})
        self._new_strategy = lambda: strategy(self._parameters, self.terms.specs)
        self._guard = guard
        self._out = OrdersOut()
        self._heard: dict[tuple[str, int], datetime] = {}  # until when candles were heard, by instrument and interval
        self._newest_end = self._quoted_at = self.now  # of the newest candle of all; of the newest tick or time said
        self.host = self._new_host()

    def _new_host(self) -> RunHost:
        return RunHost(self._new_strategy(), self.terms, session_of, self.now, self._guard)

    @property
    def key(self) -> str:
        """The first instrument, which is meant wherever none is named."""
        return self.terms.instruments[0].key

    @property
    def interval(self) -> int:
        """The first interval the strategy wants, in minutes; 1 if it wants none."""
        return (*self.host.strategy.intervals(), 1)[0]

    # What happens

    def warm(self, prices: Iterable[Price | Candle], *, reach: Price = 0, instrument: str = "") -> None:
        """Let the strategy learn from candles that have ended: by their closes, oldest first, or as they are.

        High and low of those given by their close are ``reach`` off it.
        """
        given = list(prices)
        starts = last_starts(self.interval, self.now, len(given))
        candles = [
            one if isinstance(one, Candle) else self._candle(start, one, reach=price_of(reach), instrument=instrument)
            for start, one in zip(starts, given, strict=True)
        ]
        for candle in candles:
            self._note_candle(candle)
        self._ask(lambda: self.host.warm_up(candles))

    def candle(
        self,
        close: Price,
        *,
        open: Price | None = None,
        high: Price | None = None,
        low: Price | None = None,
        volume: int = 100,
        complete: bool = True,
        instrument: str = "",
        interval: int = 0,
    ) -> list[Decision]:
        """Close the next candle; where nothing else is said all of it traded at the close."""
        key, minutes = instrument or self.key, interval or self.interval
        start = self._next_start(key, minutes)
        last = price_of(close)
        opened = last if open is None else price_of(open)
        highest = max(last, opened) if high is None else price_of(high)
        lowest = min(last, opened) if low is None else price_of(low)
        return self._close(Candle(key, minutes, start, opened, highest, lowest, last, volume, complete))

    def candles(self, *prices: Price | Candle, reach: Price = 0, instrument: str = "") -> list[Decision]:
        """Close one candle after the other, as ``warm`` takes them; return all that was decided."""
        made: list[Decision] = []
        for one in prices:
            if isinstance(one, Candle):
                made += self._close(one)
            else:
                close, off = price_of(one), price_of(reach)
                made += self.candle(close, high=close + off, low=close - off, instrument=instrument)
        return made

    def tick(
        self, price: Price, clock: str | datetime = "", *, instrument: str = "", volume: int = 0
    ) -> list[Decision]:
        """Give one tick, ten seconds after what was before if no time is said, quoted a tick of five paise around."""
        moment = self._moment(clock) if clock else self.now + BETWEEN_TICKS
        key, last = instrument or self.key, price_of(price)
        self._quoted_at = max(self._quoted_at, moment)
        quoted = Tick(key, last, last - HALF_SPREAD, last + HALF_SPREAD, volume, moment)
        made = self._fill_waiting(key, last, moment)
        return made + self._step(moment, lambda: self.host.on_ticks([quoted], moment))

    def ticks(self, *prices: Price, instrument: str = "") -> list[Decision]:
        return [made for price in prices for made in self.tick(price, instrument=instrument)]

    def move_to(self, clock: str | datetime) -> list[Decision]:
        """Let time pass without a price: flat-by, entries that rest too long, exits to be asked again."""
        moment = self._moment(clock)
        self._quoted_at = max(self._quoted_at, moment)
        return self._step(moment, lambda: self.host.on_ticks([], moment))

    def fill(
        self, decision: Decision | None = None, price: Price | None = None, quantity: int | None = None
    ) -> list[Decision]:
        """Fill a decision, or all that are out: whole or so many units, at the last price or the one named.

        Raises ValueError where nothing of it is out, or less.
        """
        made: list[Decision] = []
        for one in self._out.decisions if decision is None else [decision]:
            made += self._fill(one, None if price is None else price_of(price), quantity)
        return made

    def end(self, decision: Decision, outcome: str = "rejected") -> None:
        """Let an order end unfilled, or with what has filled: rejected, denied, cancelled, expired."""
        self._out.drop(decision.number)
        self.host.apply_order_ended(decision.instrument, outcome, decision.number)

    def save_and_restore(self) -> None:
        """Put the run away as JSON and let a new strategy take it over, as after a restart of its worker."""
        saved = json.loads(json.dumps(self._ask(self.host.save)))
        self.host = self._new_host()
        self._ask(lambda: self.host.restore(saved))

    # What came of it

    @property
    def profit(self) -> Decimal:
        """In rupees before charges: what was realised, and what is held at its last price."""
        held = self.host.positions.items()
        return -sum((fill.signed_quantity * fill.price for fill in self.fills), Decimal(0)) + sum(
            (quantity * self._last_price(key) for key, quantity in held), Decimal(0)
        )

    def held(self, instrument: str = "") -> Held | None:
        return self.host.position_of(instrument or self.key).held()

    # How

    def _close(self, candle: Candle) -> list[Decision]:
        self._note_candle(candle)
        made = self._fill_waiting(candle.instrument, candle.open, self.now)
        now = max(candle_end(candle.start, candle.interval) + HEARD_AFTER, self.now)
        return made + self._step(now, lambda: self.host.on_candles([candle], now))

    def _next_start(self, key: str, interval: int) -> datetime:
        """Return when the next candle begins: after its last, and beside those of other instruments."""
        beside = max(self._newest_end - timedelta(minutes=interval), self._quoted_at)
        return next_start(interval, max(self._heard.get((key, interval), beside), beside))

    def _note_candle(self, candle: Candle) -> None:
        ends_at = candle_end(candle.start, candle.interval)
        self._heard[candle.instrument, candle.interval] = ends_at
        self._newest_end = max(self._newest_end, ends_at)

    def _candle(self, start: datetime, close: Price, *, reach: Decimal, instrument: str) -> Candle:
        last = price_of(close)
        return Candle(instrument or self.key, self.interval, start, last, last + reach, last - reach, last, 100)

    def _moment(self, clock: str | datetime) -> datetime:
        return at(clock, self.now.astimezone(IST).date()) if isinstance(clock, str) else clock

    def _step(self, now: datetime, call: Callable[[], list[Decision]]) -> list[Decision]:
        self.now = max(self.now, now)
        return self._keep(self._ask(call))

    def _ask(self, call: Callable[[], T]) -> T:
        """Call the run; a fault of its strategy is kept, with what was decided before it in the same step."""
        try:
            return call()
        except StrategyFault as fault:
            self.faults.append(fault)
            self._keep(fault.decisions)
            raise

    def _keep(self, made: Iterable[Decision]) -> list[Decision]:
        fresh = list(made)
        self.decisions += fresh
        self._out.add(fresh)
        for one in fresh:
            if self.fills_itself and one.cancels and (cancelled := self._out.drop(one.cancels)):
                self.end(cancelled, "cancelled")
        return fresh

    def _fill_waiting(self, key: str, price: Decimal, at: datetime) -> list[Decision]:
        self.now = max(self.now, at)
        waiting = self._out.reached(key, price) if self.fills_itself else []
        return [made for one in waiting for made in self._fill(one, price, None)]

    def _fill(self, decision: Decision, price: Decimal | None, quantity: int | None) -> list[Decision]:
        units = self._out.fill(decision, quantity)
        at_price = self._last_price(decision.instrument) if price is None else price
        signed = units if decision.side == "BUY" else -units
        fill = Fill(decision.instrument, signed, at_price, self.now, decision.number)
        self.fills.append(fill)
        return self._keep(self._ask(lambda: self.host.apply_fill(fill)))

    def _last_price(self, key: str) -> Decimal:
        """Raises ValueError before any price."""
        last = self.host.position_of(key).last_price
        if last is None:
            raise ValueError(f"no price of {key} was given yet")
        return last


def summary(decisions: Iterable[Decision]) -> list[tuple[str, str]]:
    """Return kinds and codes of reasons, which is what most rules are about."""
    return [(made.kind, made.reason.code) for made in decisions]
