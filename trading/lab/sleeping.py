"""Which instruments of a play of candles may sleep, and until when: exact code runs only where something happens. Pure.

An instrument sleeps while nothing of it is asked for and its strategy's outlook says that it would only wait; one that
is held, also while no candle touches its stop or target and it need not be flat. Waking too early changes nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

import numpy as np

from market.domain.ticks import divisor_for
from trading.lab.bar_engine import BarEngine
from trading.lab.bar_feed import BarFeed
from trading.lab.candles import MINUTE, Sessions, day_begins, day_of_number
from trading.lab.engine import LabRun
from trading.run.faults import StrategyFault
from trading.run.position import RunPosition
from trading.strategies.outlook import Moments, Outlook

NOT_TODAY = 2**62


@dataclass(frozen=True)
class Watched:
    """What the one run of a play says of one instrument."""

    run: LabRun
    key: str
    moments: Moments
    outlook: Outlook


@dataclass
class Sleep:
    """``wakes``: from when on each instrument is to be played, by token, in seconds since 1970; 0: always."""

    engine: BarEngine
    feed: BarFeed
    sessions: Mapping[int, Sessions]
    never: bool = False
    wakes: dict[int, int] = field(default_factory=dict)
    asleep: set[int] = field(default_factory=set)  # those whose candles were not heard
    watched: dict[int, Watched] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.wakes = dict.fromkeys(self.feed.bars, 0)
        self._day = date.min
        if len(self.engine.runs) == 1 and not self.never:
            self._ask_outlooks(self.engine.runs[0])

    def _ask_outlooks(self, run: LabRun) -> None:
        """Ask the run about each of its instruments; one that fails on it only gets out, as anywhere."""
        try:
            for token in self.feed.bars:
                moments = _moments_of(run, token, self.feed, self.sessions[token])
                key = self.engine.instruments[token].key
                if moments and key in run.keys and (outlook := run.host.outlook(key, moments)):
                    self.watched[token] = Watched(run, key, moments, outlook)
        except StrategyFault as fault:
            self._give_up(run, fault, 0)

    def _give_up(self, run: LabRun, fault: StrategyFault, now: int) -> None:
        """Let all be played minute by minute from ``now`` on, and the run only get out."""
        self.watched.clear()
        self.wakes |= {token: min(self.wakes[token], now + 1) for token in self.asleep}
        self.engine.pause(run, fault.words, fault.__cause__)

    @property
    def next_at(self) -> int:
        """When the next instrument is to be played."""
        return min(self.wakes.values(), default=NOT_TODAY)

    def awake(self, now: int) -> list[int]:
        return [token for token, at in self.wakes.items() if at <= now]

    def begin_day(self, day: int) -> None:
        self._day = day_of_number(day)
        self._ends = day_begins(day + 1)
        self.look_ahead(list(self.watched), day_begins(day))

    def look_ahead(self, tokens: list[int], now: int) -> None:
        """Say until when these may sleep, of which all is heard that ended by ``now``."""
        busy = self.engine.busy if self.watched else ()
        for token in tokens:
            self.wake(token)
            if token in self.watched and token not in busy:
                self._let_sleep(token, self.watched[token], now)

    def _let_sleep(self, token: int, one: Watched, now: int) -> None:
        position = one.run.host.position_of(one.key)
        if self._is_restless(one, position):
            return
        try:
            self.wakes[token] = self._next_event(token, one, position, now)
            self.asleep.add(token)
        except StrategyFault as fault:
            self._give_up(one.run, fault, now)

    def wake(self, token: int) -> None:
        """Let an instrument be played minute by minute until it may sleep again."""
        self.asleep.discard(token)
        self.wakes[token] = 0

    def _is_restless(self, one: Watched, position: RunPosition) -> bool:
        """Whether time alone may bring something: an order, an exit to be asked, a position that must not stay."""
        if position.in_flight or position.leaving is not None:
            return True
        if not position.quantity:
            return False
        terms, spec = one.run.host.terms, self.engine.instruments[self.engine.tokens[one.key]]
        is_left_over = terms.is_intraday and position.entered_before(self._day)
        return is_left_over or position.is_backwards() or spec.expiry is not None

    def _next_event(self, token: int, one: Watched, position: RunPosition, now: int) -> int:
        acts = self._next_act(one, now)
        return min(acts, self._next_touch(token, now), self._flat_at(one, now)) if position.quantity else acts

    def _next_act(self, one: Watched, now: int) -> int:
        at = one.moments.at
        first, behind = np.searchsorted(at, (now, self._ends), side="right").tolist()
        return _first_of(one.run.host.may_act(one.outlook, one.key, slice(first, behind)), at[first:behind])

    def _next_touch(self, token: int, now: int) -> int:
        """When a candle is over that touches a stop or target, on its way from the close before."""
        bars, (_, behind) = self.feed.bars[token], self.feed.rows_of_day(token)
        first, levels = int(np.searchsorted(bars.start, now)), self.engine.levels_of(token)
        if first >= behind or not levels:
            return NOT_TODAY
        last = bars.close[first - 1] if first else bars.open[0]
        before = np.concatenate([[last], bars.close[first : behind - 1]])
        low, high = np.minimum(before, bars.low[first:behind]), np.maximum(before, bars.high[first:behind])
        touched = np.logical_or.reduce([(low <= level) & (level <= high) for level in levels])
        return _first_of(touched, bars.start[first:behind] + MINUTE)

    def _flat_at(self, one: Watched, now: int) -> int:
        at = one.run.host.terms.flat_at(self._day, self.engine.session(one.key, self._day))
        return NOT_TODAY if at is None else max(math.ceil(at.timestamp()), now + 1)


def _first_of(wanted: np.ndarray, at: np.ndarray) -> int:
    nth = int(wanted.argmax()) if len(wanted) else 0
    return int(at[nth]) if len(wanted) and wanted[nth] else NOT_TODAY


def _moments_of(run: LabRun, token: int, feed: BarFeed, sessions: Sessions) -> Moments | None:
    """When a run is asked about an instrument; None where it hears candles of several lengths, or none."""
    series = [one for one in feed.series if one.token == token and one.interval in run.host.strategy.intervals()]
    if len(series) != 1 or len(run.host.strategy.intervals()) != 1:
        return None
    one, minutes = series[0], feed.bars[token]
    # Those it warmed up on are among what it has heard.
    candles, ends = one.bars.part(one.first or 0, len(one.bars)), one.ends[one.first or 0 :]
    at, price = (minutes.start + MINUTE, minutes.close) if run.host.strategy.wants_ticks else (ends, candles.close)
    if not len(candles):
        return None
    heard = np.searchsorted(ends, at, side="right")
    return Moments(candles, sessions.of_each(candles)[0], at, price, heard, divisor_for(token))
