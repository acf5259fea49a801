"""The part of a run that needs no strategy: its books, its stops, and getting out."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from trading.run.context import RunContext
from trading.run.decisions import Decision, DecisionKind
from trading.run.entries import Entry, bar_length, clock, entry_refusal, plan_entry, rested_too_long
from trading.run.position import Asked, Book, JSONObject
from trading.run.stops import is_at_target, is_stopped, on_tick_away, protects_more, stop_stays, touched
from trading.run.terms import RunTerms, SessionLookup
from trading.strategies.api import ChangeStop, Enter, Exit, Fill, Reason, Wait

LONGEST_RETRY = timedelta(seconds=30)


class RunDesk:
    """Books of one run by instrument key; what it decides in a step is handed over by ``take``."""

    def __init__(self, terms: RunTerms, sessions: SessionLookup, now: datetime) -> None:
        self.terms = terms
        self.specs = {spec.key: spec for spec in terms.specs}
        self.books = {spec.key: Book() for spec in terms.instruments}
        self.views = self.books | {spec.key: Book() for spec in terms.watched}
        self.context = RunContext(terms, sessions, self.views, now)
        self.next_number = 1
        self._made: list[Decision] = []

    def begin(self, now: datetime) -> None:
        """Move market time on; it never goes back."""
        if now > self.context.now and self.context.move_to(now):
            self._begin_day()

    def _begin_day(self) -> None:
        for book in self.books.values():
            book.refused_entries, book.entry_barred_until = 0, None

    def take(self) -> list[Decision]:
        made, self._made = self._made, []
        return made

    # What was heard

    def hear_fill(self, fill: Fill) -> None:
        """Count a fill. Raises KeyError if the run does not trade the instrument."""
        self.books[fill.instrument].hear(fill)

    def hear_ended(self, instrument: str, outcome: str, number: int | None) -> None:
        """An order ended; "filled" changes nothing, since its fills tell."""
        book = self.books[instrument]
        asked = self._find_asked(book, number)
        if asked is None or outcome == "filled":
            return
        if asked is book.entry:
            self._entry_ended(book, asked)
        else:
            self._exit_ended(book, asked)
        book.drop(asked)
        book.settle()

    def _find_asked(self, book: Book, number: int | None) -> Asked | None:
        candidates = (book.exit, book.entry)
        return next((one for one in candidates if one and number in (None, one.number)), None)

    def _entry_ended(self, book: Book, asked: Asked) -> None:
        if not asked.filled and not asked.is_cancelling:
            book.refused_entries += 1
            book.entry_barred_until = self.context.now + bar_length(book.refused_entries)

    def _exit_ended(self, book: Book, asked: Asked) -> None:
        if asked.filled:
            book.attempts = 0
        book.retry_at = self.context.now + min(timedelta(seconds=2 ** min(book.attempts, 10)), LONGEST_RETRY)

    # Stops, targets, time

    def watch_price(self, key: str, price: Decimal, at: datetime) -> None:
        """Look whether a price touches the stop or the target; the stop is asked first."""
        book = self.views[key]
        book.price_seen(price, at)
        if not book.quantity or book.leaving:
            return
        if book.stop is not None and is_stopped(book.quantity, book.stop, price):
            self._leave(key, book, touched("stop", book.stop, price))
        elif book.target is not None and is_at_target(book.quantity, book.target, price):
            self._leave(key, book, touched("target", book.target, price))

    def watch_clock(self) -> None:
        """Do what is due by time: flat-by, exits to ask again, entries that rested too long."""
        for key, book in self.books.items():
            if book.quantity or book.entry:
                self._watch_book(key, book)

    def _watch_book(self, key: str, book: Book) -> None:
        if not book.leaving and (due := self._due_to_leave(key, book)):
            self._leave(key, book, due)
        elif book.leaving:
            self._ask_exit(key, book)
        elif book.entry and self.context.now - book.entry.asked_at >= self.terms.entry_lives:
            self._cancel_entry(key, book, rested_too_long(book.entry, self.terms.entry_lives))

    def _due_to_leave(self, key: str, book: Book) -> Reason | None:
        flat_at = self.context.flat_at(key)
        if flat_at is not None and self.context.now >= flat_at:
            return Reason(f"flat by {clock(flat_at)}", {"flat_by": clock(flat_at)}, "flat_by")
        if self.terms.is_intraday and book.entered_before(self.context.day):
            return Reason("an intraday position of an earlier day", {}, "left_over")
        if book.is_backwards():
            words = "late fills turned the position round"
            return Reason(words, {"quantity": book.quantity}, "backwards")
        return None

    # Getting out

    def _leave(self, key: str, book: Book, reason: Reason) -> None:
        """Want out until flat; an entry that fills while it is being cancelled is left again."""
        if not book.quantity and not book.entry:
            return
        book.leaving, book.attempts, book.retry_at = reason, 0, None
        if book.quantity:
            self._ask_exit(key, book)
        else:
            self._cancel_entry(key, book, reason)

    def _ask_exit(self, key: str, book: Book) -> None:
        if book.exit or not book.quantity or self._must_hold_back(key, book) or book.leaving is None:
            return
        book.attempts += 1
        entry = self._mark_cancelling(book)
        made = self._decide(
            "exit",
            key,
            book.leaving,
            side=book.exit_side,
            quantity=abs(book.quantity),
            cancels=entry,
            attempt=book.attempts,
        )
        book.exit = Asked(made.number, -book.quantity, self.context.now)

    def _must_hold_back(self, key: str, book: Book) -> bool:
        """Whether the last exit is backing off, or the market is known to be closed."""
        if book.retry_at is not None and self.context.now < book.retry_at:
            return True
        session = self.context.session(key)
        return session is not None and not session.opens_at <= self.context.now < session.closes_at

    def _mark_cancelling(self, book: Book) -> int | None:
        if book.entry is None:
            return None
        book.entry.is_cancelling = True
        return book.entry.number

    def _cancel_entry(self, key: str, book: Book, reason: Reason) -> None:
        if book.entry and not book.entry.is_cancelling:
            self._decide("cancel", key, reason, cancels=self._mark_cancelling(book))

    # What the strategy wants

    def enter(self, intent: Enter, seen_at: datetime) -> None:
        book, key = self.books[intent.instrument], intent.instrument
        refusal = entry_refusal(intent, book, self.context, self.terms, seen_at)
        if refusal:
            self.wait(Wait(key, refusal))
            return
        if book.last_price is None:
            self.wait(Wait(key, Reason("no price seen yet", {}, "no_price")))
            return
        plan = plan_entry(intent, self.specs[key], self.terms, book.last_price)
        if isinstance(plan, Reason):
            self.wait(Wait(key, plan))
        else:
            self._ask_entry(intent, book, plan)

    def _ask_entry(self, intent: Enter, book: Book, plan: Entry) -> None:
        made = self._decide(
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
        book.planned = 1 if intent.side == "BUY" else -1
        book.stop, book.target = plan.stop, plan.target
        book.entry = Asked(made.number, book.planned * plan.quantity, self.context.now)

    def leave(self, intent: Exit) -> None:
        book = self.books[intent.instrument]
        if not book.leaving:
            self._leave(intent.instrument, book, intent.reason)

    def change_stop(self, intent: ChangeStop) -> None:
        key, book = intent.instrument, self.books[intent.instrument]
        if not book.quantity or book.leaving:
            return
        stop = on_tick_away(intent.stop, book.quantity > 0, self.specs[key])
        if stop == book.stop:
            return
        bound = None if intent.may_loosen else book.stop
        if bound is not None and not protects_more(book.quantity, bound, stop):
            self.wait(Wait(key, stop_stays(bound, stop)))
            return
        book.stop = stop
        self._decide("change_stop", key, intent.reason, quantity=abs(book.quantity), stop=stop)
        if book.last_price is not None and book.last_at is not None:
            self.watch_price(key, book.last_price, book.last_at)

    def wait(self, intent: Wait) -> None:
        """Keep a wait, if one of its kind was not kept this minute."""
        book, minute = self.views[intent.instrument], self.context.minute
        if book.keeps_wait(intent.reason.code, minute):
            book.note_wait(intent.reason.code, minute)
            self._decide("wait", intent.instrument, intent.reason, nearness=intent.nearness)

    def _decide(self, kind: DecisionKind, key: str, reason: Reason, **details: Any) -> Decision:
        made = Decision(self.next_number, kind, key, reason, **details)
        self.next_number += 1
        self._made.append(made)
        return made

    # Kept between processes

    def save(self) -> JSONObject:
        return {
            "now": self.context.now.isoformat(),
            "next_number": self.next_number,
            "books": {key: book.to_json() for key, book in self.views.items()},
        }

    def restore(self, saved: JSONObject) -> None:
        """Take back a saved state.

        An instrument added since begins flat; one taken out keeps its book while it holds or has
        asked for something, so that it can still be left.
        """
        self.next_number = saved["next_number"]
        for key, book in saved["books"].items():
            self._restore_book(key, Book.from_json(book))
        self.context.move_to(datetime.fromisoformat(saved["now"]))

    def _restore_book(self, key: str, book: Book) -> None:
        if key in self.books or book.quantity or book.in_flight:
            self.books[key] = book
        if key in self.views or key in self.books:
            self.views[key] = book
