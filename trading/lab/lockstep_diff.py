"""A paper day beside its lockstep: what would have come of the same ticks if every stage had been done at once.

On paper a run hears of its fills some entries later than in lockstep, the gate judges on another mark, and an order
meets a later book. Both are never claimed to be equal: each difference is attributed, with what it came to (E3).
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

import numpy as np

from instruments.models import Instrument
from market.board import traded_under
from market.domain.candles import CandleSeries
from market.domain.entries import StreamEntry, StreamPosition
from market.domain.ticks import TickBatch
from market.models import Shard
from portfolio.models import Account, LedgerEntry, LedgerKind
from trading.lab.account import Deployed
from trading.lab.building import granted, make_engine
from trading.lab.engine import Engine, LabRun
from trading.models import DayOpening, Fill, RiskDecision, Run, RunInput, Signal
from trading.run.history import learned_candles
from trading.run.hosts import host_of, run_terms
from trading.ticks.input_places import InputsAtPlaces, place_of
from trading.ticks.inputs import instruments_of
from trading.ticks.rerun import entries_of, opening_of, told_after, why_not_again

SAME, FILLED, JUDGED, HEARD, FOLLOWS, UNEXPLAINED = KINDS = (
    "the same to the fill", "filled otherwise", "judged otherwise", "heard later", "followed from an earlier one",
    "unexplained",
)  # fmt: skip
# In lockstep a run hears of a fill before the entry after the one it came on.
HEARD_AT_ONCE = 1


class DecisionKey(NamedTuple):
    """What a decision is known by in both: whose, of what kind, and at which market time it was made."""

    at: datetime
    run: str
    kind: str
    instrument: str
    side: str


@dataclass
class Came:
    """What came of a decision: the gate's refusals, or how many units filled, for how much, and when the last did."""

    refused: tuple[str, ...] = ()
    quantity: int = 0  # signed units
    value: Decimal = Decimal(0)  # rupees, signed as the units
    filled_at: datetime | None = None

    def add(self, signed_quantity: int, price: Decimal, at: datetime) -> None:
        self.quantity += signed_quantity
        self.value += signed_quantity * price
        self.filled_at = at if self.filled_at is None else max(at, self.filled_at)

    def words(self) -> str:
        if self.refused:
            return f"refused ({', '.join(self.refused)})"
        if not self.quantity:
            return "not filled"
        return f"{self.quantity:+d} at {self.value / self.quantity:.2f}, {self.filled_at:%H:%M:%S.%f} UTC"


@dataclass(frozen=True)
class Line:
    """One decision and how its two lives compare; ``rupees`` is what paper came to beyond lockstep on it.

    None where other quantities filled: a difference of turnovers is no profit. The account's gross has all of it.
    """

    decided: DecisionKey
    kind: str
    words: str
    rupees: Decimal | None = None


@dataclass
class LockstepDiff:
    account: str
    day: date
    lines: list[Line] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    paper: Decimal = Decimal(0)  # gross, what is held at the last price
    lockstep: Decimal = Decimal(0)

    def share(self, kind: str) -> tuple[int, Decimal | None]:
        """How many decisions are of a kind, and what those of equal quantity came to; None where there are none."""
        of_kind = [line for line in self.lines if line.kind == kind]
        known = [line.rupees for line in of_kind if line.rupees is not None]
        return len(of_kind), sum(known, Decimal(0)) if known else None


def lockstep_diff(shard: Shard, account: Account, day: date) -> LockstepDiff:
    """Play an account's day again in lockstep and compare. Raises what ``rerun_day`` does."""
    play = Lockstep(shard, account, opening_of(shard, day))
    play.play(entries_of(shard, day, play.begins))
    found = LockstepDiff(account.name, day, notes=play.notes)
    paper, lockstep = _came_on_paper(play), _came_in_lockstep(play.engine)
    found.lines = list(compare(paper, lockstep, _heard_late(play)))
    found.paper, found.lockstep = (gross_of(came, play.last_price) for came in (paper, lockstep))
    return found


# ---- lockstep ------------------------------------------------------------------------------------------------


class Lockstep:
    """The engine with the account's runs of the day, each put in where it began."""

    def __init__(self, shard: Shard, account: Account, opening: DayOpening) -> None:
        self.begins = self.ends = StreamPosition(opening.epoch, opening.n)
        self.notes: list[str] = []
        self.places: list[StreamPosition] = []
        self.times: list[datetime] = []
        saved = opening.memory["runs"]
        told = [one for one in told_after(shard, self.begins) if one.run.deployment.account_id == account.pk]
        opened = Run.objects.filter(pk__in=list(saved), deployment__account=account)
        candidates = [*opened.select_related("deployment__strategy"), *(one.run for one in told if one.kind == "begin")]
        self.runs = {run.pk: run for run in candidates if self._can_play(run)}
        self.lives: dict[UUID, LabRun] = {}
        self.inputs = InputsAtPlaces(one for one in told if one.run_id in self.runs)
        self.engine = self._engine(account, opening)
        for run in self.runs.values():
            if str(run.pk) in saved:
                self._put_in(run).host.restore(saved[str(run.pk)])
        self._leave_out_holders()

    def _can_play(self, run: Run) -> bool:
        if why := why_not_again(run):
            self.notes.append(f"{run} is not compared: {why}")
        return not why

    def _leave_out_holders(self) -> None:
        for pk, live in list(self.lives.items()):
            if live.host.positions:
                self.notes.append(f"{self.runs[pk]} is not compared: it held over the night")
                self.engine.runs.remove(live)
                del self.lives[pk], self.runs[pk]

    def _engine(self, account: Account, opening: DayOpening) -> Engine:
        instruments = {one.pk: one for run in self.runs.values() for one in instruments_of(run)}
        tokens: dict[int, Instrument] = traded_under(instruments.values(), opening.day)
        self.now = datetime.fromisoformat(opening.memory["now"])
        # The opening cash is entered by the wall's clock, all else on the day it is of.
        before = LedgerEntry.objects.filter(account=account, day__lt=opening.day).exclude(kind=LedgerKind.OPENING)
        cash = account.opening_cash + sum(before.values_list("amount", flat=True), Decimal(0))
        engine = make_engine(granted(cash, account), tokens, tokens)
        engine.candles, engine.position = CandleSeries.restore(opening.memory["candles"]), self.begins
        return engine

    def _put_in(self, run: Run) -> LabRun:
        instruments, deployment = instruments_of(run), run.deployment
        terms = run_terms(run.terms, instruments)
        deployed = Deployed(deployment.name, terms.product, terms.enter_until, terms.flat_by, run.number)
        host = host_of(run, instruments, max(self.engine.now, self.now))
        live = self.lives[run.pk] = LabRun(deployed, host, frozenset(one.key for one in instruments))
        self.engine.add_run(live)
        return live

    def play(self, entries: Iterable[StreamEntry]) -> None:
        for entry in entries:
            for told in self.inputs.take_before(entry.position):
                self._pass_on(told)
            self.engine.step(self._known_of(entry))
            self.ends = entry.position
            self.places.append(entry.position)
            self.times.append(entry.market_time)
        self.notes += [f"the stream has a hole: {words}" for words in self.engine.gaps]

    def _known_of(self, entry: StreamEntry) -> StreamEntry:
        if entry.batch is None:
            return entry
        rows = entry.batch.rows[np.isin(entry.batch.rows["token"], list(self.engine.instruments))]
        return replace(entry, batch=TickBatch(rows, entry.batch.received_at))

    def last_price(self, key: str) -> Decimal:
        seen = self.engine.board.get(self.engine.tokens[key])
        assert seen is not None  # something filled at it
        return seen.last

    def _pass_on(self, told: RunInput) -> None:
        """What persons and time told runs; what came of orders the engine tells itself."""
        live = self.lives.get(told.run_id)
        if told.kind == "begin" and live is None:
            self._put_in(self.runs[told.run_id]).host.warm_up(learned_candles(told.payload["history"], {}))
        elif live is None:
            return
        elif told.kind == "exits_only" and not told.payload.get("faulted"):
            live.host.keep_exits_only()
        elif told.kind == "resume":
            live.host.decide_again(learned_candles(told.payload["history"], {}))
        elif told.kind == "end" and live in self.engine.runs:
            self.engine.runs.remove(live)


def _came_in_lockstep(engine: Engine) -> dict[DecisionKey, Came]:
    found: dict[DecisionKey, Came] = {}
    for signal in engine.account.signals:
        decided = _of_memory(signal)
        if decided is not None:
            found.setdefault(decided, Came())
    for decision in engine.account.decisions:
        decided = _of_memory(decision.signal)
        if decided is not None and decision.signal.plan is None and not decision.approved:
            found[decided].refused = tuple(decision.refusal_codes)
    for fill in engine.account.fills:
        decided = _of_memory(fill.order.signal)
        if decided is not None:
            found[decided].add(fill.signed_quantity, fill.price, fill.at)
    return found


def _of_memory(signal: Any) -> DecisionKey | None:
    plan = signal.plan
    if plan is None:
        return DecisionKey(signal.market_time, signal.deployment.name, "entry", signal.instrument.key, signal.side)
    return DecisionKey(plan.opened_at, plan.portfolio_id, "exit", plan.instrument.key, plan.side)


# ---- paper ---------------------------------------------------------------------------------------------------


def _came_on_paper(play: Lockstep) -> dict[DecisionKey, Came]:
    """What the runs decided in the part played, and what came of it until its end; by hand left out."""
    found: dict[DecisionKey, Came] = {}
    signals = Signal.objects.filter(run__in=play.runs, kind__in=("enter", "exit"))
    named = {}
    for signal in signals.select_related("run__deployment", "instrument", "plan", "deployment"):
        if (decided := _of_row(signal, play)) is not None:
            found.setdefault(decided, Came())
            named[signal.pk] = decided
    until = play.engine.now
    refused = RiskDecision.objects.filter(signal__in=named, signal__plan=None, approved=False, market_time__lte=until)
    for decision in refused:
        found[named[decision.signal_id]].refused = tuple(decision.refusal_codes)
    for fill in Fill.objects.filter(order__signal__in=named, at__lte=until).select_related("order"):
        found[named[fill.order.signal_id]].add(fill.signed_quantity, fill.price, fill.at)
    return found


def _of_row(signal: Signal, play: Lockstep) -> DecisionKey | None:
    origin = signal.plan or signal
    if not play.begins < StreamPosition(origin.epoch or 0, origin.n or 0) <= play.ends:
        return None
    kind, at = ("exit", signal.plan.opened_at) if signal.plan else ("entry", signal.market_time)
    assert signal.deployment is not None
    return DecisionKey(at, signal.deployment.name, kind, signal.instrument.key, origin.side)


def _heard_late(play: Lockstep) -> dict[tuple[str, str], list[tuple[datetime, int]]]:
    """Return by run and instrument what a run heard later than in lockstep: when that happened, and how many entries.

    The end of an order without a fill has no moment in its input; it counts from where it was heard.
    """
    found: dict[tuple[str, str], list[tuple[datetime, int]]] = defaultdict(list)
    told = RunInput.objects.filter(run__in=play.runs, kind__in=("fill", "ended"), epoch__isnull=False)
    for one in told.select_related("run__deployment").order_by("epoch", "n", "id"):
        heard = bisect_left(play.places, place_of(one))
        if place_of(one) <= play.begins or heard >= len(play.places):
            continue
        at = datetime.fromisoformat(one.payload["at"]) if one.kind == "fill" else play.times[heard]
        late = heard - bisect_left(play.times, at) - HEARD_AT_ONCE
        if late > 0 or one.kind == "ended":
            found[one.run.deployment.name, one.payload["instrument"]].append((at, max(late, 0)))
    return found


def gross_of(came: Mapping[DecisionKey, Came], last_price: Callable[[str], Decimal]) -> Decimal:
    """What all fills came to before charges, what is held still at its last price."""
    gross, held = Decimal(0), dict[str, int]()
    for decided, one in came.items():
        gross -= one.value
        held[decided.instrument] = held.get(decided.instrument, 0) + one.quantity
    return gross + sum((units * last_price(key) for key, units in held.items() if units), Decimal(0))


# ---- side by side ----------------------------------------------------------------------------------------------


def compare(
    paper: Mapping[DecisionKey, Came],
    lockstep: Mapping[DecisionKey, Came],
    heard_late: Mapping[tuple[str, str], list[tuple[datetime, int]]],
) -> Iterator[Line]:
    """Yield each decision of either, in the order of time, with what sets its two lives apart."""
    apart: set[tuple[str, str]] = set()  # runs and instruments whose two lives have parted
    for decided in sorted(paper.keys() | lockstep.keys()):
        one, other, where = paper.get(decided), lockstep.get(decided), (decided.run, decided.instrument)
        if one is None or other is None:
            late = any(at <= decided.at for at, _ in heard_late.get(where, ()))
            why = FOLLOWS if where in apart else HEARD if late else UNEXPLAINED
            line = _only(decided, one, other, why)
        else:
            line = _line(decided, one, other)
        if line.kind != SAME:
            apart.add(where)
        yield line


def _only(decided: DecisionKey, one: Came | None, other: Came | None, why: str) -> Line:
    if one is not None:
        return Line(decided, why, f"only on paper: {one.words()}")
    assert other is not None
    return Line(decided, why, f"only in lockstep: {other.words()}")


def _line(decided: DecisionKey, one: Came, other: Came) -> Line:
    rupees = other.value - one.value if one.quantity == other.quantity else None
    if one.refused != other.refused:
        return Line(decided, JUDGED, f"paper {one.words()}, lockstep {other.words()}", rupees)
    if (one.quantity, one.value, one.filled_at) != (other.quantity, other.value, other.filled_at):
        return Line(decided, FILLED, f"paper {one.words()}, lockstep {other.words()}", rupees)
    return Line(decided, SAME, one.words(), rupees)
