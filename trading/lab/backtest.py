"""Run a backtest: the request's candles or recordings through the engine, and what came of it as figures and words."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path

from alphapanda.core.figures import counted
from alphapanda.core.timezone import IST, day_of
from instruments.models import Instrument
from market.domain.quality import InstrumentRules
from market.domain.ticks import to_wire
from market.playback import play_recordings, tokens_in
from market.recording import sha256_of
from portfolio.models import Account
from trading.errors import NotAllowed
from trading.lab.account import MemoryAccount
from trading.lab.bar_board import BarBoard
from trading.lab.bar_player import BarEngine, BarPlayer
from trading.lab.building import RunPlan, add_run, granted, make_engine, make_guard, warm_up
from trading.lab.candles import moment
from trading.lab.engine import Engine
from trading.lab.loading import Loaded, load_bars
from trading.lab.request import BacktestRequest
from trading.lab.request_checks import check_request
from trading.lab.result import Figures, figures_of, needs_ticks
from trading.lab.round_trips import RoundTrip
from trading.lab.row_facts import RowFacts
from trading.lab.tally import Played, Tally
from trading.run.history import kept_candles
from trading.strategies.registry import code_hash

Progress = Callable[[date], None]


@dataclass(frozen=True)
class Stopped:
    """Where a strategy's fault ended it: on which of how many days, and what is wrong in words."""

    at: datetime
    nth_day: int
    days: int
    words: str


@dataclass
class Outcome:
    """What one backtest came to; ``data_digest`` and ``code_hash`` say of what."""

    request: BacktestRequest
    code_hash: str
    data_digest: str
    figures: Figures
    trips: list[RoundTrip]
    refusals: dict[str, int]  # by the gate's code
    not_asked: dict[str, tuple[int, str]]  # entries wanted and not asked, by code: how many, the first's words
    warnings: list[str] = field(default_factory=list)
    stopped: Stopped | None = None
    better_net: Decimal | None = None
    needs_ticks: str = ""
    undecided: int = 0


def run_backtest(request: BacktestRequest, progress: Progress = lambda day: None) -> Outcome:
    """Raises BadRequest, NotAllowed, BadParameters, BadCandles, NotARecording or OSError, each in words."""
    plan, instruments, account = check_request(request)
    if request.recordings:
        return _of_recordings(request, plan, account, progress)
    by_token = {one.instrument_token: one for one in instruments}
    return _of_candles(request, plan, by_token, account, progress)


# ---- candles -------------------------------------------------------------------------------------------------


def _of_candles(
    request: BacktestRequest,
    plan: RunPlan,
    instruments: Mapping[int, Instrument],
    account: Account | None,
    progress: Progress,
) -> Outcome:
    facts = RowFacts(instruments)
    loaded = load_bars(request, instruments, facts)
    first, last = _days_of(request, loaded)
    play = partial(_play_bars, request, plan, account, instruments, loaded, (first, last))
    worse = play(worse_first=True, progress=progress)
    outcome = _outcome(replace(request, first=first, last=last), plan, loaded.digest, worse)
    outcome.warnings = [*loaded.warnings, *_of_lots(instruments), *_of_blind(worse.blind)]
    if worse.undecided:
        better = play(worse_first=False, progress=lambda day: None)
        outcome.better_net = figures_of(request.capital, better.days, []).net
        outcome.needs_ticks = needs_ticks(outcome.figures.net, outcome.better_net)
        outcome.undecided = worse.undecided
    return outcome


def _days_of(request: BacktestRequest, loaded: Loaded) -> tuple[date, date]:
    """The days asked for, as far as there are candles. Raises NotAllowed where there are none."""
    starts = [bars.start for bars in loaded.bars.values() if len(bars)]
    first, last = (moment(seconds).astimezone(IST).date() for seconds in (
        min(int(one[0]) for one in starts), max(int(one[-1]) for one in starts)
    ))  # fmt: skip
    wanted = max(first, request.first or first), min(last, request.last or last)
    if wanted[0] > wanted[1]:
        raise NotAllowed(f"the candles are of {first} to {last}: none of them lies in the days asked for")
    return wanted


def _play_bars(
    request: BacktestRequest,
    plan: RunPlan,
    account: Account | None,
    instruments: Mapping[int, Instrument],
    loaded: Loaded,
    days: tuple[date, date],
    *,
    worse_first: bool,
    progress: Progress,
) -> Played:
    facts = RowFacts(instruments)
    board = BarBoard(facts, terms=request.fills)
    engine = BarEngine(
        MemoryAccount(granted(request.capital, account), board, keeps_checks=False), facts.specs, frozenset()
    )
    begins = datetime.combine(days[0], datetime.min.time(), IST)
    guard = make_guard()
    run = add_run(engine, plan, begins, guard, keeps_waits=False)
    upto = {token: bars.between(date.min, days[1]) for token, bars in loaded.bars.items()}
    player = BarPlayer(engine, upto, loaded.sessions, request.fills, worse_first)
    warm_up(engine, run, player.history_of(run, int(begins.timestamp())))
    player.begin_at(int(begins.timestamp()))
    tally = Tally(engine)
    for day in guard.watch_each(player.play()):
        tally.note_end(day)
        progress(day)
        if is_over(engine):
            break
    return replace(tally.played(player.days), undecided=player.undecided, blind=player.blind)


def _of_lots(instruments: Mapping[int, Instrument]) -> list[str]:
    """Say what is asked of today's list because no list of then is kept."""
    dated = [one.key for one in instruments.values() if one.expiry]
    words = "the lot size of today is used, and an expiry that is reached is not booked"
    return [f"{', '.join(dated)}: {words}"] if dated else []


def _of_blind(blind: Mapping[tuple[str, date], int]) -> list[str]:
    """Say where the candles ended before what was held could be left."""
    ends: dict[str, list[int]] = defaultdict(list)
    for (key, _), at in blind.items():
        ends[key].append(at)
    return [
        f"{key}: on {counted(len(each), 'day')} its candles end before it could be left, first on "
        f"{moment(each[0]).astimezone(IST):%Y-%m-%d at %H:%M}; it was left at that last price, whatever the volume"
        for key, each in sorted(ends.items())
    ]


def _marked(trip: RoundTrip, blind: Mapping[tuple[str, date], int]) -> RoundTrip:
    """Say with a trade's end where no candle came any more."""
    ended = trip.exited_at
    at = blind.get((trip.instrument, day_of(ended))) if ended else None
    # In the last second of a session its last candle is left by.
    if ended is None or at is None or ended.timestamp() < at - 1:
        return trip
    return replace(trip, exit_reason=f"{trip.exit_reason}, at the last price, of {moment(at).astimezone(IST):%H:%M}")


# ---- recordings ----------------------------------------------------------------------------------------------


def _of_recordings(request: BacktestRequest, plan: RunPlan, account: Account | None, progress: Progress) -> Outcome:
    tokens = tokens_in(request.recordings)
    known = {one.instrument_token: one for one in Instrument.objects.filter(instrument_token__in=tokens, listed=True)}
    if lacking := [key for key in request.instruments if key not in {one.key for one in known.values()}]:
        raise NotAllowed(f"the recording does not tell of {', '.join(lacking)}")
    engine = make_engine(granted(request.capital, account), known, known)
    rules = [
        InstrumentRules(token, to_wire(one.tick_size, token), -1 if one.expiry is None else 0, tokens[token])
        for token, one in known.items()
    ]
    played = _play_entries(engine, plan, request.recordings, rules, progress)
    digest = hashlib.sha256("\n".join(sha256_of(path) for path in request.recordings).encode()).hexdigest()
    return _outcome(request, plan, digest, played)


def _play_entries(
    engine: Engine, plan: RunPlan, paths: tuple[Path, ...], rules: list[InstrumentRules], progress: Progress
) -> Played:
    tally, run, guard = Tally(engine), None, make_guard()
    for entry in play_recordings(paths, rules):
        if run is None:
            run = add_run(engine, plan, entry.market_time, guard, keeps_waits=False)
            own = {one.key: one for one in engine.facts.instruments.values() if one.key in run.keys}  # type: ignore[attr-defined]
            warm_up(engine, run, kept_candles(run.host.strategy.warmup(), own, entry.market_time))
        day = engine.day
        if day is not None and day_of(entry.market_time) > day:
            tally.note_end(day)
            progress(day)
        with guard.on_watch():
            engine.step(entry)
    if engine.day is not None:
        tally.note_end(engine.day)
        progress(engine.day)
    return tally.played([end.day for end in tally.days])


def is_over(engine: Engine) -> bool:
    """Whether a fault has ended all there is to play: nothing is decided any more, and nothing held or asked."""
    return bool(engine.faults) and not any(run.host.is_engaged for run in engine.runs)


# ---- what came of it -----------------------------------------------------------------------------------------


def _outcome(request: BacktestRequest, plan: RunPlan, digest: str, played: Played) -> Outcome:
    trips = [_marked(trip, played.blind) for trip in played.trips]
    return Outcome(
        request=replace(request, parameters=plan.parameters),
        code_hash=code_hash(plan.strategy),
        data_digest=digest,
        figures=figures_of(request.capital, played.days, trips),
        trips=trips,
        refusals=played.refusals,
        not_asked=played.not_asked,
        stopped=_stopped(played),
    )


def _stopped(played: Played) -> Stopped | None:
    """One strategy is played: its first fault is its last."""
    if not played.faults:
        return None
    fault = played.faults[0]
    days = sorted(played.wanted_days)
    return Stopped(fault.at, bisect_right(days, day_of(fault.at)), len(days), fault.words)
