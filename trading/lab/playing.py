"""Play a request's candles or recordings to their end, from the beginning or from where a play that ended was kept."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from alphapanda.core.timezone import IST, day_of
from instruments.models import Instrument
from market.domain.quality import InstrumentRules
from market.domain.ticks import to_wire
from market.playback import play_recordings
from portfolio.models import Account
from trading.lab.account import MemoryAccount
from trading.lab.bar_board import BarBoard
from trading.lab.bar_engine import BarEngine
from trading.lab.bar_player import BarPlayer
from trading.lab.building import RunPlan, add_run, granted, make_engine, make_guard, warm_up
from trading.lab.engine import Engine, LabRun
from trading.lab.halfway import Keeper, marks_of, pack, unpack
from trading.lab.loading import Loaded
from trading.lab.request import BacktestRequest
from trading.lab.row_facts import RowFacts
from trading.lab.tally import Played, Tally
from trading.run.callback_guard import CallbackGuard
from trading.run.history import kept_candles
from trading.strategies.registry import code_hash

Progress = Callable[[date, int], None]  # a day that is over, and how many are


@dataclass
class Play:
    """What is played, how far it is told, and where it is kept; ``data`` is the digest of what it plays."""

    request: BacktestRequest
    plan: RunPlan
    account: Account | None
    progress: Progress
    keeper: Keeper
    data: str = ""
    guard: CallbackGuard = field(default_factory=make_guard)

    def marks(self, engine: Engine) -> str:
        """Say what a result depends on, as far as it is known before it is played."""
        limits = [engine.account.terms.limits_of(name) for name in (None, self.plan.name)]
        asked = json.dumps(self.request.to_json(), sort_keys=True)
        return marks_of(asked, code_hash(self.plan.strategy), self.data, repr(engine.instruments), repr(limits))

    def note_end(self, day: date, tally: Tally, state: Callable[[], bytes | None], before: int = 0) -> None:
        """``before``: days that were over when this play began."""
        self.keeper.keep(state)
        self.progress(day, before + len(tally.days))


def is_over(engine: Engine) -> bool:
    """Whether a fault has ended all there is to play: nothing is decided any more, and nothing held or asked."""
    return bool(engine.faults) and not any(run.host.is_engaged for run in engine.runs)


# ---- candles -------------------------------------------------------------------------------------------------


@dataclass
class BarsHalfway:
    """``worse`` is what came of the play before, where undecided minutes are played once more."""

    player: BarPlayer
    tally: Tally
    worse: Played | None = None


def play_bars(
    play: Play, instruments: Mapping[int, Instrument], loaded: Loaded, days: tuple[date, date]
) -> tuple[Played, Played | None]:
    """Return what came of it with the worse first, and with the better where minutes were undecided."""
    fresh = _bars_made(play, instruments, loaded, days, None)
    outside = fresh.player.outside() | {"guard": play.guard}
    marks = play.marks(fresh.player.engine)
    at = unpack(play.keeper.kept(), outside, marks, BarsHalfway) or _bars_begun(fresh, days)
    worse = at.worse or _play_on(play, at, marks, outside)
    if not worse.undecided:
        return worse, None
    if at.worse is None:
        at = _bars_begun(_bars_made(play, instruments, loaded, days, worse), days)
        outside = at.player.outside() | {"guard": play.guard}
    return worse, _play_on(play, at, marks, outside)


def _bars_made(
    play: Play, instruments: Mapping[int, Instrument], loaded: Loaded, days: tuple[date, date], worse: Played | None
) -> BarsHalfway:
    facts, fills = RowFacts(instruments), play.request.fills
    account = MemoryAccount(
        granted(play.request.capital, play.account), BarBoard(facts, terms=fills), keeps_checks=False
    )
    engine = BarEngine(account, facts.specs, frozenset())
    add_run(engine, play.plan, _begin_of(days[0]), play.guard, keeps_waits=False)
    upto = {token: bars.between(date.min, days[1]) for token, bars in loaded.bars.items()}
    player = BarPlayer(engine, upto, loaded.sessions, fills, worse_first=worse is None)
    return BarsHalfway(player, Tally(engine), worse)


def _bars_begun(at: BarsHalfway, days: tuple[date, date]) -> BarsHalfway:
    begins, [run] = int(_begin_of(days[0]).timestamp()), at.player.engine.runs
    warm_up(at.player.engine, run, at.player.history_of(run, begins))
    at.player.begin_at(begins)
    return at


def _begin_of(day: date) -> datetime:
    return datetime.combine(day, datetime.min.time(), IST)


def _play_on(play: Play, at: BarsHalfway, marks: str, outside: Mapping[str, Any]) -> Played:
    player, tally, before = at.player, at.tally, len(at.worse.days) if at.worse else 0
    # What a fault ended was kept at its end.
    steps = iter(()) if tally.days and is_over(player.engine) else play.guard.watch_each(player.play())
    for day in steps:
        tally.note_end(day)
        play.note_end(day, tally, lambda: pack(at, outside, marks), before)
        if is_over(player.engine):
            break
    return replace(tally.played(player.days), undecided=player.undecided, blind=player.blind)


# ---- recordings ----------------------------------------------------------------------------------------------


@dataclass
class EntriesHalfway:
    engine: Engine
    tally: Tally
    run: LabRun | None = None
    stepped: int = 0  # entries


def play_entries(play: Play, known: Mapping[int, Instrument], tokens: Mapping[int, bool]) -> Played:
    """``known`` instruments by token; ``tokens`` say whether packets of each carry a time."""
    engine = make_engine(granted(play.request.capital, play.account), known, known, keeps_checks=False)
    terms = engine.account.terms
    outside = {
        "facts": engine.facts, "instruments": engine.instruments, "with candles": engine.with_candles,
        "terms": terms, "rates": terms.rates_of, "guard": play.guard,
    }  # fmt: skip
    marks = play.marks(engine)
    at = unpack(play.keeper.kept(), outside, marks, EntriesHalfway) or EntriesHalfway(engine, Tally(engine))
    for nth, entry in enumerate(play_recordings(play.request.recordings, _rules_of(known, tokens))):
        if nth < at.stepped:
            continue
        at.run = at.run or _run_begun(play, at.engine, entry.market_time)
        day = at.engine.day
        if day is not None and day_of(entry.market_time) > day and not at.tally.has_ended(day):
            at.tally.note_end(day)
            play.note_end(day, at.tally, lambda: pack(at, outside, marks))
        with play.guard.on_watch():
            at.engine.step(entry)
        at.stepped += 1
    if at.engine.day is not None:
        at.tally.note_end(at.engine.day)
        play.note_end(at.engine.day, at.tally, lambda: None)
    return at.tally.played([end.day for end in at.tally.days])


def _rules_of(known: Mapping[int, Instrument], tokens: Mapping[int, bool]) -> list[InstrumentRules]:
    return [
        InstrumentRules(token, to_wire(one.tick_size, token), -1 if one.expiry is None else 0, tokens[token])
        for token, one in known.items()
    ]


def _run_begun(play: Play, engine: Engine, now: datetime) -> LabRun:
    run = add_run(engine, play.plan, now, play.guard, keeps_waits=False)
    facts: RowFacts = engine.facts  # type: ignore[assignment]
    own = {one.key: one for one in facts.instruments.values() if one.key in run.keys}
    warm_up(engine, run, kept_candles(run.host.strategy.warmup(), own, now))
    return run
