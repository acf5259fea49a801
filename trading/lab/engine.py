"""Goes through a recording entry by entry, in the order of a lockstep replay. Pure: no clock, no rows.

At each entry: runs hear what has come of their orders, candles and ticks, and decide; the paper exchange matches on the
entry's books; then exits are followed up, signals judged, orders sent and trades booked until all is quiet.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import numpy as np

from alphapanda.core.timezone import IST
from instruments.domain.sessions import DaySchedule
from market.domain.candles import CandleSeries
from market.domain.entries import START, StreamEntry
from trading.exits.plans import ExitRequest
from trading.lab.account import Deployed, MemoryAccount, RunNews
from trading.lab.assessment import assess_signals
from trading.lab.execution import book_trades, execute_orders
from trading.lab.expiring import book_expiries, leave_before_delivery
from trading.lab.facts import session_of
from trading.lab.following import follow_exits
from trading.lab.values import MemorySignal, Named, Numbered, stored
from trading.orders.life_cycle import DeploymentState, urgency_of
from trading.paper.depth import LONG_AGO, DepthQuote
from trading.run.decisions import Decision
from trading.run.faults import StrategyFault, error_words, traceback_of
from trading.run.hearing import Heard, as_candle, as_tick, fill_of, keep_protected, offers
from trading.run.host import RunHost
from trading.strategies.values import InstrumentSpec, Session, Tick

EPOCH = datetime.fromtimestamp(0, UTC)
# Our own choice. An entry that comes to rest takes a handful; one that does not would never end.
MOST_ROUNDS = 1000
STAGES = (follow_exits, assess_signals, execute_orders, book_trades)


@dataclass
class LabRun:
    """A run and what it trades or watches; ``keys`` are of its instruments."""

    deployed: Deployed
    host: RunHost
    keys: frozenset[str]

    @property
    def name(self) -> str:
        return self.deployed.name


@dataclass(frozen=True)
class Fault:
    """Why a run only gets out from here on: in words, and as Python printed it."""

    run: str
    at: datetime
    words: str
    traceback: str = ""


@dataclass(frozen=True)
class Decided:
    """A decision of a run and the tick it was made on."""

    run: LabRun
    decision: Decision
    tick: Tick | None


class NeverQuiet(Exception):
    """What one entry caused does not come to rest."""


@dataclass
class Engine:
    """One account and its runs. ``instruments`` are all that the recording tells of, by token."""

    account: MemoryAccount
    instruments: Mapping[int, InstrumentSpec]
    with_candles: Collection[int]
    runs: list[LabRun] = field(default_factory=list)
    candles: CandleSeries = field(default_factory=CandleSeries)
    now: datetime = EPOCH
    faults: list[Fault] = field(default_factory=list)
    gaps: list[str] = field(default_factory=list)
    on_wait: Callable[[LabRun, Decision, datetime], None] | None = None

    def __post_init__(self) -> None:
        self.position = START
        self.board, self.facts = self.account.board, self.account.facts
        self.tokens = {spec.key: token for token, spec in self.instruments.items()}
        self.rows: dict[int, np.void] = {}
        self.day: date | None = None
        self._expires = any(spec.expiry for spec in self.instruments.values())
        self._sessions: dict[tuple[str, date], Session | None] = {}
        self._by_name: dict[str, LabRun] = {}
        self._heard: set[int] = set()
        for run in self.runs:
            self._know(run)

    def add_run(self, run: LabRun) -> None:
        self.runs.append(run)
        self._know(run)

    def _know(self, run: LabRun) -> None:
        self._by_name[run.name] = run
        self.account.deployed[run.name] = run.deployed
        if run.name not in self.account.holdings.portfolios:
            self.account.holdings.portfolios.append(run.name)
        self._heard |= {self.tokens[key] for key in run.keys if key in self.tokens}
        self.runs.sort(key=lambda one: one.name)

    def session(self, key: str, day: date) -> Session | None:
        """Implements ``trading.run.terms.SessionLookup``."""
        if (key, day) not in self._sessions:
            self._sessions[key, day] = session_of(self.facts.schedule(self.tokens[key], day))
        return self._sessions[key, day]

    def step(self, entry: StreamEntry) -> None:
        """Let one entry happen, and all that it causes. Raises NeverQuiet."""
        decided = self.give_news()
        self._note_gap(entry)
        self.position = entry.position
        self.move_to(entry.market_time)
        rows = self._read_rows(entry)
        heard = self._heard_in(rows, entry)
        for run in self.runs:
            for call in offers(run.host, run.keys, heard, self.now):
                decided += self.call(run, call)
        self.finish(decided, self._quotes_of(rows))

    def move_to(self, moment: datetime) -> None:
        """Move market time on, into another day if need be; it never goes back."""
        self.now = max(self.now, moment)
        day = self.now.astimezone(IST).date()
        if day != self.day:
            self.end_day()
            self.day = day
            self._open_day(day)
        if self._expires:
            leave_before_delivery(self.account, self.now)

    def end_day(self) -> None:
        """Let what has expired by the day be booked, as after its close; runs hear of it at the next entry."""
        if self.day is not None:
            book_expiries(self.account, self.day)

    def finish(self, decided: list[Decided], quotes: Mapping[int, DepthQuote]) -> None:
        """Match on these books, act on what was decided, and let all of it come to rest. Raises NeverQuiet."""
        self.account.exchange.step(quotes, self.now)
        for one in decided:
            self._act_on(one)
        self._come_to_rest()

    # What comes in

    def _note_gap(self, entry: StreamEntry) -> None:
        is_next = entry.position.is_successor(self.position)
        if entry.gap or not is_next:
            self.candles.note_gap(int(entry.market_time.timestamp()))
        if not is_next and self.position.epoch:
            self.gaps.append(f"after {self.position} came {entry.position}")

    def _open_day(self, day: date) -> None:
        for token in sorted(self.with_candles):
            hours = _hours_of(self.facts.schedule(token, day))
            if hours is not None:
                self.candles.set_session(token, *hours)

    def _read_rows(self, entry: StreamEntry) -> dict[int, np.void]:
        if entry.batch is None or not len(entry.batch):
            return {}
        self.candles.advance(entry.batch)
        believed = entry.batch.believed().rows
        rows = dict(zip(believed["token"].tolist(), believed, strict=True))
        self.rows |= rows
        for token, row in rows.items():
            self.board.show(token, row, self.now)
        return rows

    def _heard_in(self, rows: Mapping[int, np.void], entry: StreamEntry) -> Heard:
        """What an entry tells the runs; exact money is dear, and most of a feed's instruments are nobody's."""
        closed = self.candles.close_until(entry.market_time if entry.kind == "watermark" else EPOCH)
        key_of = {token: self.instruments[token].key for token in self._heard}
        ticks = [as_tick(row, key_of[token], self.now) for token, row in rows.items() if token in key_of]
        return Heard([as_candle(one, key_of[one.token]) for one in closed if one.token in key_of], ticks, not ticks)

    def call(self, run: LabRun, call: Callable[[], list[Decision]]) -> list[Decided]:
        """Call a host; a fault pauses the run, and what was decided before it counts."""
        try:
            decisions = call()
        except StrategyFault as fault:
            self.pause(run, fault.words, fault.__cause__)
            decisions = list(fault.decisions)
        except Exception as error:
            decisions = list(run.host.give_in())
            self.pause(run, f"it failed: {error_words(error)}", error)
        return [Decided(run, decision, self.tick_of(decision.instrument)) for decision in decisions or ()]

    def pause(self, run: LabRun, words: str, error: BaseException | None = None) -> None:
        """Let a run only get out from here on."""
        run.host.keep_exits_only(is_faulted=True)
        run.deployed.state = DeploymentState.PAUSED
        self.faults.append(Fault(run.name, self.now, words, traceback_of(error) if error else ""))

    def tick_of(self, key: str) -> Tick | None:
        """The last tick of an instrument, as a decision keeps it; None where there was none."""
        row = self.rows.get(self.tokens[key])
        return as_tick(row, key, self.now) if row is not None else None

    # What a run hears of its orders

    def give_news(self) -> list[Decided]:
        waiting, self.account.news = self.account.news, []
        return [one for news in waiting for one in self._give(news)]

    def _give(self, news: RunNews) -> list[Decided]:
        run, payload = self._by_name[news.run], news.payload
        if news.kind == "ended":
            run.host.apply_order_ended(payload["instrument"], payload["outcome"], payload["number"])
            return []
        if news.kind == "expired":
            return self.call(run, lambda: run.host.apply_expiry(fill_of(payload)))
        is_own = news.kind == "fill"
        fill = fill_of(payload, payload["number"] if is_own else None)
        hear = run.host.apply_fill if is_own else run.host.apply_closed_by_hand
        decided = self.call(run, lambda: hear(fill))
        keep_protected(run.host, payload)
        return decided

    # What comes of it

    def _quotes_of(self, rows: Mapping[int, np.void]) -> dict[int, DepthQuote]:
        """The books the paper exchange is to see: this entry's, and once the last known ones."""
        exchange, quotes = self.account.exchange, dict[int, DepthQuote]()
        for token in exchange.interested:
            if token in rows or token not in exchange.seen:
                quote = self.board.depth(token, self.now if token in rows else LONG_AGO, self.now)
                if quote is not None:
                    quotes[token] = quote
        return quotes

    def _act_on(self, one: Decided) -> None:
        run, decision = one.run, one.decision
        if decision.kind == "enter":
            self.account.add_signal(self._signal_of(one))
        elif decision.kind == "exit":
            self._open_exit(one)
        if decision.cancels is not None:
            self.account.cancel_entry(run.name, decision.cancels, decision.reason.text[:300], self.now)
        if decision.kind in ("wait", "change_stop") and self.on_wait is not None:
            self.on_wait(run, decision, self.now)

    def _signal_of(self, one: Decided) -> MemorySignal:
        decision, deployed = one.decision, one.run.deployed
        token = self.tokens[decision.instrument]
        return MemorySignal(
            key=_key_of(one),
            portfolio_id=deployed.name,
            instrument=self.instruments[token],
            instrument_id=token,
            ordinal=decision.number,
            kind=decision.kind,
            side=decision.side or "",
            quantity=decision.quantity,
            order_type=decision.order_type,
            product=deployed.product,
            reason=decision.reason.text[:300],
            market_time=self.now,
            send_by=self.now + self.account.terms.signal_life,
            deployment=Named(deployed.name),
            run=Numbered(deployed.run_number),
            price=stored(decision.price),
            stop=stored(decision.stop),
            target=stored(decision.target),
            numbers=dict(decision.reason.numbers),
            **_quote_of(one.tick),
        )

    def _open_exit(self, one: Decided) -> None:
        decision, deployed = one.decision, one.run.deployed
        token = self.tokens[decision.instrument]
        request = ExitRequest(
            urgency=urgency_of(decision.reason.code),
            reason=decision.reason.text,
            key=_key_of(one),
            numbers=decision.reason.numbers,
            number=decision.number,
            seen=_quote_of(one.tick),
        )
        self.account.open_exit(deployed, self.instruments[token], token, decision.side or "", request, self.now)

    def _come_to_rest(self) -> None:
        for _ in range(MOST_ROUNDS):
            had_work = [stage(self.account, self.now) for stage in STAGES]
            if not any(had_work):
                return
        raise NeverQuiet(f"after {self.position} the account does not come to rest")


def _hours_of(schedule: DaySchedule) -> tuple[int, int, int] | None:
    """When candles are made: the session's begin and end, and the end of the exchange's day, in seconds."""
    if schedule.opens_at is None or schedule.closes_at is None:
        return None
    hours = schedule.opens_at, schedule.closes_at, schedule.ends_at or schedule.closes_at
    return tuple(int(at.timestamp()) for at in hours)  # type: ignore[return-value]


def _key_of(one: Decided) -> str:
    return f"{one.run.name}/{one.run.deployed.run_number}/{one.decision.number}"


def _quote_of(tick: Tick | None) -> dict[str, Any]:
    """The prices a decision was made on; one made on time alone has none."""
    if tick is None:
        return {}
    prices = {"reference_price": tick.last_price, "bid": tick.bid, "ask": tick.ask}
    return {name: stored(price) for name, price in prices.items()} | {"quote_at": tick.at}
