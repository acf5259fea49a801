"""Load the candles of a request: by instrument, within the sessions of their days, with what was noticed in words."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import numpy as np

from alphapanda.core.figures import counted
from alphapanda.core.timezone import IST
from instruments.models import Instrument, TradingSession
from market.domain.ticks import divisor_for
from trading.lab.candle_columns import PAISE, BadCandles
from trading.lab.candle_files import candle_files, read_candles
from trading.lab.candle_layout import Proposal, check_files_of, propose, symbol_of
from trading.lab.candles import MINUTE, Bars, Sessions, day_of_number, days_of, moment
from trading.lab.facts import MarketFacts
from trading.lab.request import BacktestRequest

LONG_GAP = 5  # trading days
SHOWN = 10


@dataclass
class Loaded:
    """By token. ``digest`` is of the candles' figures, whatever files they came from."""

    bars: dict[int, Bars] = field(default_factory=dict)
    sessions: dict[int, Sessions] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    digest: str = ""


def load_bars(request: BacktestRequest, instruments: Mapping[int, Instrument], facts: MarketFacts) -> Loaded:
    """Read what the files hold of these instruments. Raises BadCandles, with questions that are open too."""
    loaded, files, answers = Loaded(), candle_files(request.candles), request.answers
    check_files_of(answers, files)
    tokens = _tokens_by_name(instruments)
    _insist_on_paise(instruments)
    said = {path: symbol_of(path, answers) for path in files}
    if not any(symbol in ("", *tokens) for symbol in said.values()):
        # Said before anything is read: a folder may hold years of hundreds of shares.
        raise BadCandles(_lacking(instruments, said.items()))
    held = [(path, symbol) for path in files if said[path] in ("", *tokens)
            for symbol in _read_into(loaded, path, answers, tokens)]  # fmt: skip
    if lacking := {token: one for token, one in instruments.items() if token not in loaded.bars}:
        raise BadCandles(_lacking(lacking, [*held, *((path, symbol) for path, symbol in said.items() if symbol)]))
    for token, one in instruments.items():
        _keep_sessions(loaded, token, one, facts)
    _note_what_lacks(loaded, instruments, request)
    loaded.digest = _digest(loaded, instruments)
    return loaded


def _tokens_by_name(instruments: Mapping[int, Instrument]) -> dict[str, int]:
    """By key, and by the bare symbol where no other of them has it on another exchange."""
    times = Counter(one.tradingsymbol for one in instruments.values())
    bare = {one.tradingsymbol: token for token, one in instruments.items() if times[one.tradingsymbol] == 1}
    return bare | {one.key: token for token, one in instruments.items()}


def _insist_on_paise(instruments: Mapping[int, Instrument]) -> None:
    if other := [one.key for token, one in instruments.items() if divisor_for(token) != PAISE]:
        raise BadCandles(f"{', '.join(other)}: its price has more than two decimals, which these candles cannot hold")


def _lacking(instruments: Mapping[int, Instrument], held: Iterable[tuple[Path, str]]) -> str:
    """Say what is not in the files, what is, and how a file says whose it is."""
    names = sorted({f"{path.name} is of {symbol}" for path, symbol in held})
    shown = "; ".join(names[:SHOWN]) + (f"; and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
    return (
        f"no candles of {', '.join(one.key for one in instruments.values())} in the files: {shown}. A file is of the "
        "symbol it is named after, or has a column symbol (INFY or NSE:INFY); or answer symbol=…, or symbol:FILE=…"
    )


def _read_into(loaded: Loaded, path: Path, answers: Mapping[str, str], tokens: Mapping[str, int]) -> list[str]:
    """Read one file, and return whose candles are in it."""
    proposal = propose(path, answers)
    if proposal.questions:
        raise BadCandles(questions_of(proposal))
    file = read_candles(path, proposal.layout)
    for symbol, bars in file.bars.items():
        token = tokens.get(symbol)
        if token is None:
            continue
        if token in loaded.bars:
            raise BadCandles(f"{path.name}: candles of {symbol} are in another of the files too")
        loaded.bars[token] = bars
    if any(symbol in tokens for symbol in file.bars):
        loaded.warnings += file.warnings
    return list(file.bars)


def questions_of(proposal: Proposal) -> str:
    told = [
        f"{one.words}: answer {one.name}={' or '.join(one.choices) if one.choices else '…'}"
        for one in proposal.questions
    ]
    return f"{proposal.path.name} ({proposal.layout.words()}): {'; '.join(told)}"


def _keep_sessions(loaded: Loaded, token: int, instrument: Instrument, facts: MarketFacts) -> None:
    """Leave out what lies outside continuous trading, and say so."""
    bars = loaded.bars[token]
    sessions = Sessions.of(bars, lambda day: facts.schedule(token, day))
    if len(unknown := sessions.days[sessions.opens < 0]) > len(sessions.days) / 2:
        day = day_of_number(int(unknown[0]))
        raise BadCandles(
            f"the calendar does not know {instrument.key}'s hours on {counted(len(unknown), 'day')}, first {day}: "
            f"load_calendar --year {day.year}, if the dates are right"
        )
    inside = sessions.holds(bars)
    outside = len(bars) - int(np.count_nonzero(inside))
    if outside * 2 > len(bars):
        raise BadCandles(
            f"{instrument.key}: {outside} of {len(bars)} candles lie outside its sessions; is the zone right?"
        )
    if outside:
        first = np.datetime64(int(bars.start[~inside][0]) + 19_800, "s")
        loaded.warnings.append(
            f"{instrument.key}: {counted(outside, 'candle')} outside continuous trading left out, first {first} IST"
        )
    loaded.bars[token] = kept = bars.where(inside)
    loaded.sessions[token] = Sessions.of(kept, lambda day: facts.schedule(token, day))


def _note_what_lacks(loaded: Loaded, instruments: Mapping[int, Instrument], request: BacktestRequest) -> None:
    """Say what lacks on the days played: those asked for, from the first that any instrument has to the last."""
    days = np.concatenate([days_of(bars.start) for bars in loaded.bars.values()])
    first = max(day_of_number(int(days.min())), request.first or date.min)
    last = min(day_of_number(int(days.max())), request.last or date.max)
    for token, one in instruments.items():
        played = loaded.bars[token].between(first, last)
        loaded.warnings += _gaps(one, played, first, last)
        loaded.warnings += _holes(one, played, loaded.sessions[token])
        if request.fills.volume_share is not None and len(played) and not (one.is_index or played.volume.any()):
            loaded.warnings.append(f"{one.key}: its candles have no volume, so no order fills: say volume-share any")


def _gaps(instrument: Instrument, bars: Bars, first: date, last: date) -> list[str]:
    """Say which trading days from ``first`` to ``last`` have no candle."""
    have = {day_of_number(int(day)) for day in np.unique(days_of(bars.start))}
    known = TradingSession.objects.trading_days(instrument.exchange, instrument.security_class, first, last)
    runs: list[list[date]] = []
    before_had = True
    for day in known:
        if day in have:
            before_had = True
            continue
        if before_had:
            runs.append([])
        runs[-1].append(day)
        before_had = False
    words = [f"{instrument.key}: no candle from {run[0]} to {run[-1]}, {counted(len(run), 'trading day')}"
             for run in runs if len(run) >= LONG_GAP]  # fmt: skip
    if few := sum(len(run) for run in runs if len(run) < LONG_GAP):
        words.append(f"{instrument.key}: no candle on {counted(few, 'single trading day')}")
    return words


def _holes(instrument: Instrument, bars: Bars, sessions: Sessions) -> list[str]:
    """Say how many minutes of its days have no candle, and where most of them lie together."""
    if not len(bars):
        return []
    opens, closes = sessions.of_each(bars)
    is_first = np.diff(days_of(bars.start), prepend=-1) != 0
    is_last = np.append(is_first[1:], True)
    ends = bars.start + MINUTE
    begins = np.concatenate([np.where(is_first, opens, np.roll(ends, 1)), ends[is_last]])
    until = np.concatenate([bars.start, closes[is_last]])
    lacking = (until - begins) // MINUTE
    if not (count := int(lacking.sum())):
        return []
    whole = int(((closes - opens)[is_first] // MINUTE).sum())
    days = len(np.unique(days_of(begins[lacking > 0])))
    longest = int(lacking.argmax())
    hole = f"{moment(begins[longest]).astimezone(IST):%H:%M} to {moment(until[longest]).astimezone(IST):%H:%M}"
    day = day_of_number(int(days_of(begins[longest : longest + 1])[0]))
    words = (
        f"{count:,} of {whole:,} minutes have no candle, on {counted(days, 'day')}; the longest hole {hole} on {day}"
    )
    return [f"{instrument.key}: {words}"]


def _digest(loaded: Loaded, instruments: Mapping[int, Instrument]) -> str:
    parts = sorted((instruments[token].key, bars.digest()) for token, bars in loaded.bars.items())
    return hashlib.sha256("\n".join(" ".join(part) for part in parts).encode()).hexdigest()
