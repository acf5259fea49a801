"""The part of a run that needs no strategy: its books, its stops, and getting out."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from trading.run.context import RunContext
from trading.run.decisions import Decision, DecisionKind
from trading.run.entries import Entry, bar_length, entry_refusal, plan_entry, rested_too_long, time_of_day
from trading.run.position import AskedDecision, JSONObject, Levels, RunPosition
from trading.run.stops import is_at_target, is_stopped, level_touched, on_tick_away, protects_more, stop_stays
from trading.run.terms import RunTerms, SessionLookup
from trading.strategies.values import ChangeStop, Enter, Exit, Fill, Reason, Wait

LONGEST_RETRY = timedelta(seconds=30)


class RunPositions:
    """Books of one run by instrument key; what it decides in a step is handed over by ``take_decisions``."""

    def __init__(self, terms: RunTerms, sessions: SessionLookup, now: datetime, *, keeps_waits: bool = True) -> None:
        self.terms, self.keeps_waits = terms, keeps_waits
        self.specs = {spec.key: spec for spec in terms.specs}
        self.traded = {spec.key: RunPosition() for spec in terms.instruments}
        self.views = self.traded | {spec.key: RunPosition() for spec in terms.watched}
        self.context = RunContext(terms, sessions, self.views, now, keeps_waits=keeps_waits)
        self.next_number = self.next_wait = 1
        self.held_back: frozenset[str] = frozenset()
        # Entries the strategy wanted and the run did not ask: by code how many, and the first's words. Not kept.
        self.refused: dict[str, tuple[int, str]] = {}
        self._made: list[Decision] = []

    def begin_step(self, now: datetime) -> None:
        """Move market time on; it never goes back."""
        if now > self.context.now and self.context.move_to(now):
            self._begin_day()

    def _begin_day(self) -> None:
        for position in self.traded.values():
            position.refused_entries, position.entry_barred_until = 0, None

    def take_decisions(self) -> list[Decision]:
        made, self._made = self._made, []
        return made

    # What was heard

    def apply_fill(self, fill: Fill) -> None:
        """Count a fill. Raises KeyError if the run does not trade the instrument."""
        self.traded[fill.instrument].apply_fill(fill)

    def apply_closed_by_hand(self, fill: Fill) -> None:
        """Shrink the holding; what is asked stays asked, and stop and exits go with what is left."""
        self.traded[fill.instrument].book_unasked(fill)

    def apply_expiry(self, instrument: str) -> bool:
        """Forget what was held and asked in a contract that is no more; False if the run does not know it."""
        if instrument in self.traded:
            self.traded[instrument].expire()
        return instrument in self.traded

    def apply_adjustment(self, instrument: str, held: int, becomes: int) -> None:
        """Adjust what is held and protected by a split or a bonus issue, if the run knows the instrument."""
        if instrument in self.views and instrument in self.specs:
            self.views[instrument].adjust(held, becomes, self.specs[instrument])

    def apply_ended(self, instrument: str, outcome: str, number: int | None) -> None:
        """An order ended; "filled" changes nothing, since its fills tell."""
        position = self.traded[instrument]
        asked = self._find_asked(position, number)
        if asked is None or outcome == "filled":
            return
        if asked is position.entry:
            self._entry_ended(position, asked)
        else:
            self._exit_ended(position, asked)
        position.drop_asked(asked)
        position.clear_if_flat()

    def _find_asked(self, position: RunPosition, number: int | None) -> AskedDecision | None:
        candidates = (position.exit, position.entry)
        return next((one for one in candidates if one and number in (None, one.number)), None)

    def _entry_ended(self, position: RunPosition, asked: AskedDecision) -> None:
        if not asked.filled and not asked.is_cancelling:
            position.refused_entries += 1
            position.entry_barred_until = self.context.now + bar_length(position.refused_entries)

    def _exit_ended(self, position: RunPosition, asked: AskedDecision) -> None:
        if asked.filled:
            position.attempts = 0
        position.retry_at = self.context.now + min(timedelta(seconds=2 ** min(position.attempts, 10)), LONGEST_RETRY)

    # Stops, targets, time

    def watch_price(self, key: str, price: Decimal, at: datetime) -> None:
        """Look whether a price touches the stop or the target; the stop is asked first."""
        position = self.views[key]
        position.price_seen(price, at)
        if not position.quantity or position.leaving:
            return
        if position.stop is not None and is_stopped(position.quantity, position.stop, price):
            self._begin_leaving(key, position, level_touched("stop", position.stop, price))
        elif position.target is not None and is_at_target(position.quantity, position.target, price):
            self._begin_leaving(key, position, level_touched("target", position.target, price))

    def watch_clock(self) -> None:
        """Do what is due by time: flat-by, exits to ask again, entries that rested too long."""
        for key, position in self.traded.items():
            if position.quantity or position.entry:
                self._watch_book(key, position)

    def _watch_book(self, key: str, position: RunPosition) -> None:
        if not position.leaving and (due := self._due_to_leave(key, position)):
            self._begin_leaving(key, position, due)
        elif position.leaving:
            self._ask_exit(key, position)
        elif position.entry and self.context.now - position.entry.asked_at >= self.terms.entry_lives:
            self._cancel_entry(key, position, rested_too_long(position.entry, self.terms.entry_lives))

    def _due_to_leave(self, key: str, position: RunPosition) -> Reason | None:
        if self.context.session(key) is None:
            return None  # nobody takes an order on such a day: the next session asks
        flat_at = self.context.flat_at(key)
        if flat_at is not None and self.context.now >= flat_at:
            return Reason(f"flat by {time_of_day(flat_at)}", {"flat_by": time_of_day(flat_at)}, "flat_by")
        if self.terms.is_intraday and position.entered_before(self.context.day):
            return Reason("an intraday position of an earlier day", {}, "left_over")
        if position.is_backwards():
            words = "late fills turned the position round"
            return Reason(words, {"quantity": position.quantity}, "backwards")
        return None

    # Getting out

    def _begin_leaving(self, key: str, position: RunPosition, reason: Reason) -> None:
        """Want out until flat; an entry that fills while it is being cancelled is left again."""
        if not position.quantity and not position.entry:
            return
        position.leaving, position.attempts, position.retry_at = reason, 0, None
        if position.quantity:
            self._ask_exit(key, position)
        else:
            self._cancel_entry(key, position, reason)

    def _ask_exit(self, key: str, position: RunPosition) -> None:
        if position.exit or not position.quantity or self._must_hold_back(key, position) or position.leaving is None:
            return
        position.attempts += 1
        entry = self._mark_cancelling(position)
        made = self._make_decision(
            "exit",
            key,
            position.leaving,
            side=position.exit_side,
            quantity=abs(position.quantity),
            cancels=entry,
            attempt=position.attempts,
        )
        position.exit = AskedDecision(made.number, -position.quantity, self.context.now)

    def _must_hold_back(self, key: str, position: RunPosition) -> bool:
        """Whether the last exit is backing off, its instrument is gone, or the market is known to be closed."""
        if key in self.held_back:
            return True
        if position.retry_at is not None and self.context.now < position.retry_at:
            return True
        session = self.context.session(key)
        return session is not None and not session.opens_at <= self.context.now < session.closes_at

    def _mark_cancelling(self, position: RunPosition) -> int | None:
        if position.entry is None:
            return None
        position.entry.is_cancelling = True
        return position.entry.number

    def _cancel_entry(self, key: str, position: RunPosition, reason: Reason) -> None:
        if position.entry and not position.entry.is_cancelling:
            self._make_decision("cancel", key, reason, cancels=self._mark_cancelling(position))

    # What the strategy wants

    def try_entry(self, intent: Enter, seen_at: datetime) -> None:
        position, key = self.traded[intent.instrument], intent.instrument
        refusal = entry_refusal(intent, position, self.context, self.terms, seen_at)
        if refusal:
            self._refuse_entry(key, refusal)
            return
        if position.last_price is None:
            self._refuse_entry(key, Reason("no price seen yet", {}, "no_price"))
            return
        plan = plan_entry(intent, self.specs[key], self.terms, position.last_price)
        if isinstance(plan, Reason):
            self._refuse_entry(key, plan)
        else:
            self._ask_entry(intent, position, plan)

    def _refuse_entry(self, key: str, why: Reason) -> None:
        times, first = self.refused.get(why.code, (0, why.text))
        self.refused[why.code] = times + 1, first
        self.keep_wait(Wait(key, why))

    def _ask_entry(self, intent: Enter, position: RunPosition, plan: Entry) -> None:
        made = self._make_decision(
            "enter",
            intent.instrument,
            intent.reason,
            side=intent.side,
            quantity=plan.quantity,
            order_type=plan.order_type,
            price=plan.price,
            stop=plan.stop,
            target=plan.target,
        )
        position.planned = 1 if intent.side == "BUY" else -1
        position.stop, position.target = plan.stop, plan.target
        position.entry = AskedDecision(made.number, position.planned * plan.quantity, self.context.now)

    def leave_position(self, intent: Exit) -> None:
        position = self.traded[intent.instrument]
        if not position.leaving:
            self._begin_leaving(intent.instrument, position, intent.reason)

    def change_stop(self, intent: ChangeStop) -> None:
        key, position = intent.instrument, self.traded[intent.instrument]
        if not position.quantity or position.leaving:
            return
        stop = on_tick_away(intent.stop, position.quantity > 0, self.specs[key])
        if stop == position.stop:
            return
        bound = None if intent.may_loosen else position.stop
        if bound is not None and not protects_more(position.quantity, bound, stop):
            self.keep_wait(Wait(key, stop_stays(bound, stop)))
            return
        position.stop = stop
        self._make_decision("change_stop", key, intent.reason, quantity=abs(position.quantity), stop=stop)
        if position.last_price is not None and position.last_at is not None:
            self.watch_price(key, position.last_price, position.last_at)

    def keep_wait(self, intent: Wait) -> None:
        """Keep a wait, if one of its kind was not kept this minute.

        Waits have a number series of their own: what is decided is the same, its numbers too, with them or without.
        """
        position, minute = self.views[intent.instrument], self.context.minute
        if self.keeps_waits and position.keeps_wait(intent.reason.code, minute):
            position.note_wait(intent.reason.code, minute)
            wait = Decision(self.next_wait, "wait", intent.instrument, intent.reason, nearness=intent.nearness)
            self.next_wait += 1
            self._made.append(wait)

    def _make_decision(self, kind: DecisionKind, key: str, reason: Reason, **details: Any) -> Decision:
        made = Decision(self.next_number, kind, key, reason, **details)
        self.next_number += 1
        self._made.append(made)
        return made

    # Kept between processes

    def save(self) -> JSONObject:
        return {
            "now": self.context.now.isoformat(),
            "next_number": self.next_number,
            "next_wait": self.next_wait,
            "instruments": {key: position.to_json() for key, position in self.views.items()},
        }

    @staticmethod
    def levels_in(saved: JSONObject) -> dict[str, Levels]:
        """Return by instrument the stops and targets of the positions held in what ``save`` returned."""
        positions = {key: RunPosition.from_json(position) for key, position in saved["instruments"].items()}
        return {key: Levels(one.stop, one.target) for key, one in positions.items() if one.quantity}

    def restore(self, saved: JSONObject) -> None:
        """Take back a saved state.

        An instrument added since begins flat; one taken out keeps its position while it holds or has
        asked for something, so that it can still be left.
        """
        self.next_number, self.next_wait = saved["next_number"], saved.get("next_wait", 1)
        for key, position in saved["instruments"].items():
            self._restore_book(key, RunPosition.from_json(position))
        self.context.move_to(datetime.fromisoformat(saved["now"]))

    def _restore_book(self, key: str, position: RunPosition) -> None:
        if key in self.traded or position.quantity or position.in_flight:
            self.traded[key] = position
        if key in self.views or key in self.traded:
            self.views[key] = position
