"""Run a backtest: the request's candles or recordings through the engine, and what came of it as figures and words."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from itertools import chain

from alphapanda.core.figures import counted
from alphapanda.core.timezone import IST, day_of
from instruments.models import Instrument
from market.playback import tokens_in
from market.recording import sha256_of
from trading.errors import NotAllowed
from trading.lab.candles import moment
from trading.lab.halfway import NOTHING_KEPT, Keeper
from trading.lab.loading import Loaded, load_bars
from trading.lab.playing import Play, Progress, play_bars, play_entries
from trading.lab.request import BacktestRequest
from trading.lab.request_checks import check_request
from trading.lab.result import Figures, figures_of, needs_ticks
from trading.lab.round_trips import RoundTrip
from trading.lab.row_facts import RowFacts
from trading.lab.tally import Played
from trading.strategies.registry import code_hash


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


def run_backtest(
    request: BacktestRequest, progress: Progress = lambda day, nth: None, keeper: Keeper = NOTHING_KEPT
) -> Outcome:
    """Raises BadRequest, NotAllowed, BadParameters, BadCandles, NotARecording or OSError, each in words."""
    plan, instruments, account = check_request(request)
    play = Play(request, plan, account, progress, keeper)
    if request.recordings:
        return _of_recordings(play)
    return _of_candles(play, {one.instrument_token: one for one in instruments})


def _of_candles(play: Play, instruments: Mapping[int, Instrument]) -> Outcome:
    request = play.request
    loaded = load_bars(request, instruments, RowFacts(instruments))
    first, last = _days_of(request, loaded)
    play.data = loaded.digest
    worse, better = play_bars(play, instruments, loaded, (first, last))
    outcome = _outcome(replace(request, first=first, last=last), play, worse)
    said = _of_lots(instruments), _of_blind(worse.blind), _of_unsettled(worse.unsettled)
    outcome.warnings = [*loaded.warnings, *chain(*said)]
    outcome.undecided = worse.undecided
    if better is not None:
        outcome.better_net = figures_of(request.capital, better.days, []).net
        outcome.needs_ticks = needs_ticks(outcome.figures.net, outcome.better_net)
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


def _of_lots(instruments: Mapping[int, Instrument]) -> list[str]:
    """Say what is asked of today's list because no list of then is kept."""
    dated = [one.key for one in instruments.values() if one.expiry]
    return [f"{', '.join(dated)}: the lot size of today is used"] if dated else []


def _of_unsettled(unsettled: Mapping[str, date]) -> list[str]:
    return [
        f"{key}: expired on {expiry}, and its final price is not on file: it counts at its last price"
        for key, expiry in sorted(unsettled.items())
    ]


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


def _of_recordings(play: Play) -> Outcome:
    request = play.request
    tokens = tokens_in(request.recordings)
    known = {one.instrument_token: one for one in Instrument.objects.filter(instrument_token__in=tokens, listed=True)}
    if lacking := [key for key in request.instruments if key not in {one.key for one in known.values()}]:
        raise NotAllowed(f"the recording does not tell of {', '.join(lacking)}")
    play.data = hashlib.sha256("\n".join(sha256_of(path) for path in request.recordings).encode()).hexdigest()
    return _outcome(request, play, play_entries(play, known, tokens))


# ---- what came of it -----------------------------------------------------------------------------------------


def _outcome(request: BacktestRequest, play: Play, played: Played) -> Outcome:
    trips = [_marked(trip, played.blind) for trip in played.trips]
    return Outcome(
        request=replace(request, parameters=play.plan.parameters),
        code_hash=code_hash(play.plan.strategy),
        data_digest=play.data,
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
