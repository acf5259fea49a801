"""Runs one strategy: gives it its inputs in order, keeps its stops, and returns what was decided."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from numpy.typing import NDArray

from alphapanda.core.figures import iso
from trading.run.decisions import Decision
from trading.run.entries import time_of_day
from trading.run.faults import CallbackTimedOut, StrategyFault, error_words, place_of
from trading.run.intents import BadIntent, check_intent, collect_intents
from trading.run.position import JSONObject, Levels, RunPosition
from trading.run.positions import RunPositions
from trading.run.terms import RunTerms, SessionLookup
from trading.strategies.outlook import Moments, Outlook
from trading.strategies.values import (
    Candle,
    ChangeStop,
    Enter,
    Exit,
    Fill,
    PastCandles,
    Reason,
    Strategy,
    Tick,
    Wait,
)

T = TypeVar("T")
Guard = Callable[[Callable[[], T]], T]


def call_unguarded(call: Callable[[], T]) -> T:
    """Call with no limit of time."""
    return call()


class RunHost:
    """One run of a deployment.

    Call in this order for each step of market time: ``apply_fill`` and ``apply_order_ended``, then
    ``on_candles``, then ``on_ticks``. Each returns its decisions. Any of them raises StrategyFault if
    the strategy raised, timed out or answered nonsense; what was decided before stands in the fault.
    ``guard`` runs each call of the strategy and raises CallbackTimedOut if it takes too long; what is
    ``not_its_fault`` (a database that does not answer, asked for the day's hours) goes through as it is.
    A callback that took too long counts as no answer; only the ``most_strikes``-th of a day is a fault.

    With ``exits_only`` stops, targets and flat-by are kept and the strategy decides nothing; it sets
    itself after a fault. ``decide_again`` ends it.
    """

    def __init__(
        self,
        strategy: Strategy[Any],
        terms: RunTerms,
        sessions: SessionLookup,
        now: datetime,
        guard: Guard[Any] = call_unguarded,
        not_its_fault: tuple[type[BaseException], ...] = (),
        most_strikes: int = 1,
        *,
        keeps_waits: bool = True,
    ) -> None:
        self.strategy = strategy
        self.terms = terms
        self.exits_only = False
        self.is_faulted = False
        self._guard, self._not_its_fault = guard, not_its_fault
        self._positions = RunPositions(terms, sessions, now, keeps_waits=keeps_waits)
        self._most_strikes, self._strikes, self._strike_day = most_strikes, 0, self._positions.context.day
        self._slow: list[CallbackTimedOut] = []
        self._file = getattr(sys.modules.get(type(strategy).__module__), "__file__", None)
        self._traded = frozenset(spec.key for spec in terms.instruments)
        self._watched = frozenset(spec.key for spec in terms.watched)
        self._newest: dict[str, datetime] = {}  # "NSE:INFY|5" → start of the newest candle taken
        self._blank = self._call_strategy("saving", strategy.save)

    @property
    def positions(self) -> dict[str, int]:
        """Signed units held, by instrument, of those that hold any."""
        return {key: position.quantity for key, position in self._positions.traded.items() if position.quantity}

    @property
    def refused_entries(self) -> dict[str, tuple[int, str]]:
        """Entries the strategy wanted and the run did not ask, by code: how many, and why in the first's words."""
        return self._positions.refused

    @property
    def known_keys(self) -> frozenset[str]:
        """Every instrument the run trades, watches or still holds, by key."""
        return frozenset({*self._positions.views, *self._positions.traded})

    def position_of(self, instrument: str) -> RunPosition:
        return self._positions.views[instrument]

    # Inputs

    def warm_up(self, candles: Iterable[Candle]) -> None:
        """Let the strategy learn from the past; decides nothing. Oldest first."""
        context, now = self._positions.context, self._positions.context.now
        try:
            for candle in filter(self._is_news, candles):
                context.move_to(ended_at(candle))
                self._call_strategy("warming up", partial(self.strategy.learn, context, candle))
        finally:
            context.move_to(now)

    def apply_fill(self, fill: Fill) -> list[Decision]:
        """Book a fill of this run and let the strategy hear of it. Raises KeyError for a foreign instrument."""
        context = self._positions.context
        self._positions.apply_fill(fill)
        if not self.exits_only:
            self._apply_answer(fill, lambda: self.strategy.on_fill(context, fill), context.now)
        return self._positions.take_decisions()

    def apply_closed_by_hand(self, fill: Fill) -> list[Decision]:
        """Count what a person closed of the holding: the run did not ask for it, so nothing it asked is matched."""
        context = self._positions.context
        self._positions.apply_closed_by_hand(fill)
        if not self.exits_only:
            self._apply_answer(fill, lambda: self.strategy.on_fill(context, fill), context.now)
        return self._positions.take_decisions()

    def apply_expiry(self, settlement: Fill) -> list[Decision]:
        """Forget a position whose contract has expired and let the strategy hear at what it was settled."""
        context = self._positions.context
        if self._positions.apply_expiry(settlement.instrument) and not self.exits_only:
            self._apply_answer(settlement, lambda: self.strategy.on_fill(context, settlement), context.now)
        return self._positions.take_decisions()

    def apply_adjustment(self, instrument: str, held: int, becomes: int) -> None:
        """Adjust the position by a split or a bonus issue. The strategy has learnt from prices that are no more: it
        decides nothing, and begins anew on history that has been adjusted (``decide_again``)."""
        self._positions.apply_adjustment(instrument, held, becomes)
        self.keep_exits_only(is_faulted=True)

    def apply_order_ended(self, instrument: str, outcome: str, number: int | None = None) -> None:
        """An order of decision ``number`` will fill no more: cancelled, rejected, denied, expired…

        Without a number it is the exit in flight, or else the entry. "filled" changes nothing.
        """
        self._positions.apply_ended(instrument, outcome, number)

    def on_candles(self, candles: Iterable[Candle], now: datetime) -> list[Decision]:
        self._positions.begin_step(now)
        fresh = [candle for candle in candles if self._is_news(candle)]
        for candle in fresh:
            self._watch_close(candle)
        self._positions.watch_clock()
        for candle in fresh:
            self._offer_candle(candle)
        return self._positions.take_decisions()

    def outlook(self, key: str, moments: Moments) -> Outlook | None:
        """Return where the strategy could answer anything but a wait; None where it must be asked, or waits are kept.

        Raises StrategyFault.
        """
        context = self._positions.context
        if self._positions.keeps_waits:
            return None
        return self._call_strategy("looking ahead", lambda: self.strategy.outlook(context, key, moments))

    def may_act(self, outlook: Outlook, key: str, ahead: slice) -> NDArray[Any]:
        """Return where it could, of these moments and with what is held now. Raises StrategyFault."""
        held = self._positions.views[key].held()
        acts: NDArray[Any] = self._call_strategy("looking ahead", lambda: outlook.may_act(held, ahead))
        if getattr(acts, "shape", None) != (ahead.stop - ahead.start,):
            raise self._make_fault("bad_outlook", "looking ahead", "may_act() must answer one truth for each moment")
        return acts

    def learn_all(self, past: PastCandles) -> list[Decision]:
        """Hear candles of one day at which nothing can happen, as ``on_candles`` would one after the other."""
        last = datetime.fromtimestamp(int(past.columns.start[-1]), UTC)
        ended = last + timedelta(minutes=past.interval)
        self._positions.begin_step(ended)
        self._newest[f"{past.instrument}|{past.interval}"] = last
        self._positions.views[past.instrument].price_seen(past.closes[-1], ended)
        if not self.is_faulted:
            context = self._positions.context
            self._ask("candles", past.instrument, lambda: self.strategy.learn_all(context, past))
        return self._positions.take_decisions()

    def on_ticks(self, ticks: Iterable[Tick], now: datetime) -> list[Decision]:
        """Ticks of instruments the run does not have are passed over; no ticks just moves the time."""
        positions = self._positions
        positions.begin_step(now)
        ours = [tick for tick in ticks if tick.instrument in positions.views]
        for tick in ours:
            positions.watch_price(tick.instrument, tick.last_price, tick.at)
        positions.watch_clock()
        if self.strategy.wants_ticks and not self.exits_only:
            for tick in ours:
                self._offer_tick(tick)
        return positions.take_decisions()

    def on_path(self, prices: Iterable[Tick], now: datetime) -> list[Decision]:
        """Watch stops, targets and the clock at prices between candles; the strategy is not asked."""
        positions = self._positions
        positions.begin_step(now)
        for tick in prices:
            if tick.instrument in positions.views:
                positions.watch_price(tick.instrument, tick.last_price, tick.at)
        positions.watch_clock()
        return positions.take_decisions()

    @property
    def is_engaged(self) -> bool:
        """Whether anything is held or asked for, so that time and prices matter."""
        return any(position.is_engaged for position in self._positions.traded.values())

    # The strategy

    def _is_news(self, candle: Candle) -> bool:
        """Whether it is the run's, of an interval asked for, and newer than all before."""
        if candle.instrument not in self._positions.views or candle.interval not in self.strategy.intervals():
            return False
        series = f"{candle.instrument}|{candle.interval}"
        if series in self._newest and candle.start <= self._newest[series]:
            return False
        self._newest[series] = candle.start
        return True

    def _watch_close(self, candle: Candle) -> None:
        """A close says something new only if no tick came since."""
        last_at, closed_at = self._positions.views[candle.instrument].last_at, ended_at(candle)
        if last_at is None or last_at < closed_at:
            self._positions.watch_price(candle.instrument, candle.close, closed_at)

    def _offer_candle(self, candle: Candle) -> None:
        if self.is_faulted:
            return
        if not (candle.complete or self.strategy.takes_incomplete_candles):
            self._positions.keep_wait(Wait(candle.instrument, incomplete_candle(candle)))
            return
        context, strategy = self._positions.context, self.strategy
        self._ask("a candle", candle.instrument, lambda: strategy.learn(context, candle))
        if not self.exits_only:
            self._apply_answer(candle, lambda: strategy.on_candle(context, candle), ended_at(candle))

    def _offer_tick(self, tick: Tick) -> None:
        context, strategy = self._positions.context, self.strategy
        self._apply_answer(tick, lambda: strategy.on_tick(context, tick), tick.at)

    def _apply_answer(self, heard: Candle | Tick | Fill, call: Callable[[], Any], seen_at: datetime) -> None:
        occasion = f"a {type(heard).__name__.lower()}"
        for intent in self._ask(occasion, heard.instrument, lambda: collect_intents(call())) or ():
            self._apply_intent(intent, occasion, seen_at)

    def _apply_intent(self, intent: Any, occasion: str, seen_at: datetime) -> None:
        try:
            intent = check_intent(intent, self._traded, self._watched)
        except BadIntent as bad:
            raise self._make_fault("bad_intent", occasion, str(bad)) from bad
        if isinstance(intent, Wait):
            self._positions.keep_wait(intent)
        elif isinstance(intent, Enter):
            self._positions.try_entry(intent, seen_at)
        elif isinstance(intent, Exit):
            self._positions.leave_position(intent)
        elif isinstance(intent, ChangeStop):
            self._positions.change_stop(intent)

    def _ask(self, occasion: str, instrument: str, call: Callable[[], T]) -> T | None:
        """Call the strategy where an answer may be missed: None, and a strike, if it took too long."""
        try:
            return self._call_strategy(occasion, call, may_be_slow=True)
        except CallbackTimedOut as slow:
            self._strikes, self._strike_day = self.strikes + 1, self._positions.context.day
            self._slow.append(slow)
            self._positions.keep_wait(Wait(instrument, self._strike_reason(occasion, slow)))
        return None

    @property
    def strikes(self) -> int:
        """How many of today's callbacks took too long."""
        return self._strikes if self._strike_day == self._positions.context.day else 0

    def take_slow(self) -> list[CallbackTimedOut]:
        """Return the time-outs that were no faults yet, once each; a rebuild must not hear again what they missed."""
        slow, self._slow = self._slow, []
        return slow

    def _strike_reason(self, occasion: str, slow: CallbackTimedOut) -> Reason:
        place = place_of(slow, self._file)
        words = f"on {occasion} it {slow}{place}; strike {self.strikes} of {self._most_strikes} today, no answer taken"
        return Reason(words, {"strikes": self.strikes, "most": self._most_strikes}, "slow")

    def _call_strategy(self, occasion: str, call: Callable[[], T], may_be_slow: bool = False) -> T:
        """Call the strategy. Raises StrategyFault, whatever it did; CallbackTimedOut if that ``may_be`` for once."""
        try:
            answer: T = self._guard(call)
        except self._not_its_fault:
            raise
        except CallbackTimedOut as slow:
            if may_be_slow and self.strikes + 1 < self._most_strikes:
                raise
            raise self._make_fault("timed_out", occasion, f"{slow}{place_of(slow, self._file)}") from slow
        except BadIntent as bad:
            raise self._make_fault("bad_intent", occasion, str(bad)) from bad
        except Exception as error:
            raise self._make_fault("raised", occasion, error_words(error, self._file)) from error
        return answer

    def _make_fault(self, code: str, occasion: str, words: str) -> StrategyFault:
        name = self.strategy.name or type(self.strategy).__name__
        return StrategyFault(code, f"{name}, on {occasion}: {words}", self.give_in())

    # Pausing and keeping

    def keep_exits_only(self, is_faulted: bool = False) -> None:
        """Keep only exits from here on; a faulted strategy is not even taught, and resumes anew."""
        self.exits_only = True
        self.is_faulted = self.is_faulted or is_faulted

    def give_in(self) -> tuple[Decision, ...]:
        """Keep only exits after an error that nobody foresaw; return what was decided before it in the same step."""
        self.keep_exits_only(is_faulted=True)
        return tuple(self._positions.take_decisions())

    def hold_back(self, keys: Iterable[str]) -> None:
        """Ask no exit of these instruments, since nobody could take it; one that is due is asked once they are back."""
        self._positions.held_back = frozenset(keys)

    @property
    def has_strategy(self) -> bool:
        """Whether there is a strategy to ask: a run whose code cannot be had has a host without."""
        return type(self.strategy) is not Strategy

    def take_over(self, other: RunHost) -> None:
        """Go on where another host of the same run was, with its positions; its strategy begins anew."""
        self._positions.restore(other._positions.save())
        self.number_from(other._positions.next_number)
        self.keep_exits_only(is_faulted=True)

    def decide_again(self, history: Iterable[Candle] = ()) -> None:
        """Let the strategy decide again; after a fault it begins anew and learns from ``history``."""
        self._strikes = 0
        if self.is_faulted:
            self.is_faulted = False
            self._newest.clear()
            self._call_strategy("resuming", lambda: self.strategy.restore(json.loads(json.dumps(self._blank))))
        self.warm_up(history)
        self.exits_only = False

    def number_from(self, number: int) -> None:
        """Give no later decision a number below this: one that was decided before, by code that is no more."""
        self._positions.next_number = max(self._positions.next_number, number)

    def save(self) -> JSONObject:
        """Return all that later decisions depend on, as a JSON object. Raises StrategyFault."""
        return {
            "positions": self._positions.save(),
            "held_back": sorted(self._positions.held_back),
            "newest": {series: start.isoformat() for series, start in self._newest.items()},
            "strikes": self.strikes,
            "exits_only": self.exits_only,
            "is_faulted": self.is_faulted,
            "strategy": self._blank if self.is_faulted else self._call_strategy("saving", self._strategy_state),
        }

    def _strategy_state(self) -> Any:
        text = json.dumps(self.strategy.save(), allow_nan=False, ensure_ascii=False)
        # PostgreSQL keeps neither a NUL nor half a surrogate pair, and everybody's checkpoint would fail with it.
        if "\\u0000" in text:
            raise ValueError("its state holds a NUL, which cannot be kept")
        text.encode()
        return json.loads(text)

    @staticmethod
    def levels_in(saved: JSONObject) -> dict[str, Levels]:
        """Return by instrument the stops and targets of the positions held in what ``save`` returned."""
        return RunPositions.levels_in(saved["positions"])

    def restore(self, saved: JSONObject) -> None:
        """Take back what ``save`` returned. Raises StrategyFault if the strategy cannot."""
        self._positions.restore(saved["positions"])
        self.hold_back(saved.get("held_back", ()))  # checkpoints of earlier versions have none
        self._newest = {series: datetime.fromisoformat(start) for series, start in saved["newest"].items()}
        self.exits_only, self.is_faulted = saved["exits_only"], saved["is_faulted"]
        self._strikes, self._strike_day = saved.get("strikes", 0), self._positions.context.day
        if not self.is_faulted:
            self._call_strategy("restoring", lambda: self.strategy.restore(saved["strategy"]))


def ended_at(candle: Candle) -> datetime:
    return candle.start + timedelta(minutes=candle.interval)


def incomplete_candle(candle: Candle) -> Reason:
    words = f"candle {time_of_day(candle.start)} is incomplete: the feed was not live for all of it; not used"
    return Reason(words, {"start": str(iso(candle.start)), "interval": candle.interval}, "incomplete_candle")
