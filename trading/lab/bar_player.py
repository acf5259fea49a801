"""Plays one-minute candles through the engine: exact code runs only where something happens. Pure.

An instrument that may sleep (see ``trading.lab.sleeping``) is passed over until it wakes, and what it did not hear till
then is learned at once. A minute whose instrument nobody holds and has no order in is only heard as a candle; any other
is walked through, so that stops, targets and orders meet prices in an order (see ``trading.lab.bar_path``). A decision
at a close arrives after its latency and meets the next open first.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

import numpy as np

from trading.lab.bar_board import BarBoard, Shown
from trading.lab.bar_engine import BarEngine
from trading.lab.bar_feed import BarFeed, Row, Series, row_of
from trading.lab.bar_path import UNBOUNDED, FillTerms, stretch, turns
from trading.lab.candles import MINUTE, Bars, Sessions, day_of_number, days_of, longer_bars, moment
from trading.lab.engine import Decided, LabRun
from trading.lab.sleeping import Sleep
from trading.paper.depth import DepthQuote
from trading.strategies.values import Candle, Tick

PHASE = timedelta(seconds=15)


@dataclass
class BarPlayer:
    """``bars`` are one-minute candles by token, within their sessions; all before ``first`` only warm up."""

    engine: BarEngine
    bars: Mapping[int, Bars]
    sessions: Mapping[int, Sessions]
    terms: FillTerms
    worse_first: bool = True
    undecided: int = 0  # minutes in which both a stop and a target were reached
    # What had to be left at a last price: whose and on which day, and when its last candle ended.
    blind: dict[tuple[str, date], int] = field(default_factory=dict)
    days: list[date] = field(default_factory=list)  # those to be played
    asks_always: bool = False  # whether strategies are asked at every candle, also where they say that they would wait

    def __post_init__(self) -> None:
        board = self.engine.board
        assert isinstance(board, BarBoard)
        self.board = board
        self._series = [self._series_of(token, interval) for token, interval in self._wanted()]
        self.feed = BarFeed(self.bars, self._series)
        self._first = 0
        self._day = self._minute = -1
        self._in_exchange: set[int] = set()
        self.board.catch_up = self._show_past
        self._next_row: dict[int, int] = {}  # the first of the day's that was not shown, by token
        self._looked_at: dict[int, int] = {}  # by token: until when it was looked for such, of who sleeps
        self._shown_until = 0
        self._closes: dict[int, int] = {}
        for one in self.sessions.values():
            for day, closes in zip(one.days.tolist(), one.closes.tolist(), strict=True):
                self._closes[day] = max(closes, self._closes.get(day, closes))
        self._last_minutes = {closes - MINUTE for one in self.sessions.values() for closes in one.closes.tolist()}

    def _wanted(self) -> list[tuple[int, int]]:
        """Which candles some run hears, by token and interval."""
        found = {
            (self.engine.tokens[key], interval)
            for run in self.engine.runs
            for key in run.keys
            for interval in run.host.strategy.intervals()
        }
        return sorted((token, interval) for token, interval in found if token in self.bars)

    def _series_of(self, token: int, interval: int) -> Series:
        bars, key = self.bars[token], self.engine.instruments[token].key
        made, ends = (bars, bars.start + MINUTE) if interval == 1 else longer_bars(bars, interval, self.sessions[token])
        return Series(token, key, interval, made, ends)

    def outside(self) -> dict[str, Any]:
        """What it was given and only reads, by name: another player of the same request has the same."""
        account = self.engine.account
        series = {
            f"{name} of series {nth}": getattr(one, name)
            for nth, one in enumerate(self._series)
            for name in ("bars", "ends")
        }
        return series | {
            "bars": self.bars,
            "sessions": self.sessions,
            "facts": account.facts,
            "instruments": self.engine.instruments,
            "terms": account.terms,
            "rates": account.terms.rates_of,
        }

    # ---- before the first day --------------------------------------------------------------------------------

    def history_of(self, run: LabRun, first: int) -> list[Candle]:
        """Return the candles a run asked to warm up on that ended by ``first``, oldest first; it has heard them."""
        wanted, found = run.host.strategy.warmup(), list[Candle]()
        for one in self._series:
            if one.key in run.keys and (count := wanted.get(one.interval, 0)):
                upto = int(np.searchsorted(one.ends, first, side="right"))
                one.first = max(0, upto - count)
                found += [one.candle(nth) for nth in range(one.first, upto)]
        return sorted(found, key=lambda candle: (candle.start, candle.interval, candle.instrument))

    def begin_at(self, first: int) -> None:
        """Pass over all before ``first``; the last price of each instrument is known."""
        self._first = first
        for token, row in self.feed.begin_at(first):
            self.board.shown[token] = Shown(row.close, row.end)

    # ---- the play --------------------------------------------------------------------------------------------

    def play(self) -> Iterator[date]:
        """Play all minutes there are after the last day played; yields each day when it is over. Raises NeverQuiet."""
        minutes = self.feed.minutes_from(self._first)
        numbers = days_of(minutes)
        self.days = [day_of_number(day) for day in np.unique(numbers).tolist()]
        self.sleep = Sleep(self.engine, self.feed, self.sessions, never=self.asks_always)
        for of_day in np.split(minutes, np.flatnonzero(np.diff(numbers)) + 1) if len(minutes) else ():
            day = int(days_of(of_day[:1])[0])
            if day <= self._day:
                continue
            self._begin_day(day)
            self._play_day(of_day.tolist())
            yield day_of_number(day)

    def __getstate__(self) -> dict[str, Any]:
        # What strategies say of all candles is asked anew: it is large, and follows from what is kept.
        return {name: value for name, value in self.__dict__.items() if name != "sleep"}

    def _begin_day(self, day: int) -> None:
        self._day = day
        self.feed.begin_day(day)
        for token, one in self.board.shown.items():
            self.board.shown[token] = Shown(one.price, one.at, previous_close=one.price)
        self._next_row = {token: self.feed.rows_of_day(token)[0] for token in self.bars}
        self._shown_until = 0
        self.sleep.begin_day(day)

    def _play_day(self, minutes: Sequence[int]) -> None:
        """Play the minutes in which somebody is awake, then let the rest of the day pass."""
        nth = bisect_left(minutes, self.sleep.next_at - MINUTE)
        while nth < len(minutes):
            if nth:
                self._pass_time(minutes[nth - 1] + MINUTE, minutes[nth])
            self._play_minute(minutes[nth])
            nth = bisect_left(minutes, self.sleep.next_at - MINUTE, nth + 1)
        self._over(minutes[-1] + MINUTE)

    def _over(self, since: int) -> None:
        """Let the rest of the day pass, and its last candles be heard, also where the last minutes had no trade."""
        closes = max(self._closes[self._day], since)
        self._pass_time(since, closes)
        closes = self._shown_until = max(closes, int(self.engine.now.timestamp()))
        self._offer_candles(closes, moment(closes), is_last=True)
        for token in self.bars:
            self._catch_up(token, closes + 1)

    def _pass_time(self, since: int, until: int) -> None:
        """Let minutes without any candle pass for those who hold or wait: an entry does not rest through them."""
        self._minute, self._shown_until = since - MINUTE, since
        for now in range(since + MINUTE, until + 1, MINUTE):
            if not self.engine.any_engaged:
                return
            if self.sleep.next_at <= now:
                self._offer_candles(now, moment(now))
                self._leave_blind(now)

    def _play_minute(self, minute: int) -> None:
        self._minute = self._shown_until = minute
        ended = minute + MINUTE
        awake = self._wake(ended)
        present = {token: row for token in awake if (row := self.feed.rows(token).get(minute))}
        if self.engine.any_engaged:
            self._in_exchange = self.engine.account.exchange.interested
            self._walk({token: row for token, row in present.items() if self._is_busy(token, row)}, minute)
        self._shown_until = ended
        for token, row in present.items():
            self._show_close(token, row, row.volume)
            self._next_row[token] += 1
        if minute in self._last_minutes:
            # After the close nothing trades.
            self._leave_blind(ended - 1)
        self._offer_candles(ended, moment(ended), present)
        self._leave_blind(ended)
        self.sleep.look_ahead(awake, ended)

    # ---- what sleeps and wakes -------------------------------------------------------------------------------

    def _wake(self, now: int) -> list[int]:
        """Return who is to be played by ``now``; what it has not heard is learned."""
        awake = self.sleep.awake(now)
        for token in awake:
            if token in self.sleep.asleep:
                self._catch_up(token, self.sleep.wakes[token])
                self.sleep.wake(token)
        return awake

    def _catch_up(self, token: int, until: int) -> None:
        """Let a sleeper learn at once of the candles that ended before ``until``, and its price stand where it is."""
        self._show_past(token)
        for one in self._series:
            if one.token == token and (heard := one.take_until(until - 1)):
                for run in self.engine.runs_of(token):
                    self.engine.call(run, partial(run.host.learn_all, one.past(heard)))

    def _show_past(self, token: int) -> None:
        """Let a sleeper stand where its last candle of those that are over has left it."""
        if token not in self.sleep.asleep or self._looked_at.get(token) == self._shown_until:
            return
        self._looked_at[token] = self._shown_until
        bars, first = self.bars[token], self._next_row[token]
        behind = int(np.searchsorted(bars.start, self._shown_until))
        if behind > first:
            self._next_row[token] = behind
            self._show_close(token, row_of(bars, behind - 1), int(bars.volume[first:behind].sum()))

    def _leave_blind(self, now: int) -> None:
        """Leave at the last price seen, whatever its volume, what has to be flat today and has no candle any more.

        The broker would have left it; to carry it over the night would be a trade nobody can make.
        """
        if not self.engine.any_engaged:
            return
        again = self.feed.comes_again
        awake = [token for token in self.sleep.awake(now) if self._must_leave(token)]
        for token in [token for token in awake if not again(token, self._minute)]:
            row = row_of(self.bars[token], self._next_row[token] - 1)
            self.blind[self.engine.instruments[token].key, day_of_number(self._day)] = row.end
            self._stand_at({token: row.close}, moment(now), UNBOUNDED)

    def _must_leave(self, token: int) -> bool:
        key = self.engine.instruments[token].key
        runs = (run.host for run in self.engine.runs_of(token) if run.host.terms.is_intraday)
        return any((held := host.position_of(key)).quantity and held.leaving is not None for host in runs)

    def _show_close(self, token: int, row: Row, volume: int) -> None:
        """``volume``: what was traded since it was shown last."""
        before = self.board.shown.get(token)
        self.board.shown[token] = Shown(
            row.close,
            row.end,
            (before.volume if before else 0) + volume,
            self._offered(token, row.volume),
            before.previous_close if before else 0,
        )

    def _offered(self, token: int, volume: int) -> int:
        return self.terms.offered(volume, self.engine.instruments[token].lot_size)

    def _offer_candles(self, ended: int, now: datetime, traded: Collection[int] = (), *, is_last: bool = False) -> None:
        """Let every run hear the candles that have ended, and those that hold or have asked the time.

        What wants ticks gets one a minute, the close: of what lies between, the order is not known.
        """
        engine = self.engine
        candles = self.feed.heard_until(ended, self._wake(ended))
        decided = engine.give_news()
        engine.move_to(now)
        self.board.now = engine.now
        for run in engine.runs:
            own = [candle for candle in candles if candle.instrument in run.keys]
            if own or run.host.is_engaged:
                decided += engine.call(run, partial(run.host.on_candles, own, engine.now))
            if run.host.strategy.wants_ticks and (ticks := self._closes_for(run, traded)):
                decided += engine.call(run, partial(run.host.on_ticks, ticks, engine.now))
        if decided or is_last or engine.account.is_waiting:
            engine.finish(decided, {})

    def _closes_for(self, run: LabRun, traded: Collection[int]) -> list[Tick]:
        keys = [self.engine.instruments[token].key for token in traded]
        return [tick for key in keys if key in run.keys and (tick := self.engine.tick_of(key))]

    # ---- minutes in which something happens -----------------------------------------------------------------

    def _is_busy(self, token: int, row: Row) -> bool:
        """Whether an order is on its way or at the exchange, an exit waits to be asked, or a stop or target is reached.

        An exit that was decided when the market was closed is asked at its open.
        """
        if token in self._in_exchange or any(one.quantity and one.leaving for one in self.engine.positions_of(token)):
            return True
        levels = self.engine.levels_of(token)
        if not levels:
            return False
        before = self.board.shown.get(token)
        last = before.price if before else row.open
        low, high = min(last, row.low), max(last, row.high)
        return any(low <= level <= high for level in levels)

    def _walk(self, busy: Mapping[int, Row], minute: int) -> None:
        """Open for all of them, then each stretch of their paths."""
        if not busy:
            return
        at = {token: row.open for token, row in busy.items()}
        self._stand_at(dict(at), moment(minute) + self.engine.account.terms.latency)
        paths = {token: self._turns_of(token, row) for token, row in busy.items()}
        for phase in range(3):
            for token in busy:
                end = paths[token][phase]
                for price in stretch(at[token], end, self.engine.levels_of(token)):
                    self._stand_at({token: price}, moment(minute) + (phase + 1) * PHASE)
                at[token] = end

    def _turns_of(self, token: int, row: Row) -> tuple[int, int, int]:
        held = [position for position in self.engine.positions_of(token) if position.quantity]
        for one in held:
            levels = [self.engine.wire_of(token, level) for level in (one.stop, one.target) if level is not None]
            self.undecided += len(levels) == 2 and all(row.low <= level <= row.high for level in levels)
        side = 1 if not held or held[0].quantity > 0 else -1
        return turns(row.high, row.low, row.close, side, worse_first=self.worse_first)

    def _stand_at(self, prices: Mapping[int, int], when: datetime, offered: int | None = None) -> None:
        """Let instruments stand at these prices: orders meet them, and what is decided there does after its latency.

        ``offered`` units a side; None: the share of the minute's volume.
        """
        engine = self.engine
        decided: list[Decided] = engine.give_news()
        engine.move_to(when)
        self._show(prices, offered)
        ticks = [tick for token in prices if (tick := engine.tick_of(engine.instruments[token].key))]
        for run in engine.runs:
            own = [tick for tick in ticks if tick.instrument in run.keys]
            if own and run.host.is_engaged:
                decided += engine.call(run, partial(run.host.on_path, own, engine.now))
        for token in prices:
            # Another point offers anew, also where it looks the same.
            engine.account.exchange.liquidity.pop(token, None)
        if not decided and not engine.account.is_waiting:
            return  # it was only passed
        engine.finish(decided, self._books(prices))
        if any(engine.account.exchange.requests.get(token) for token in prices):
            engine.move_to(engine.now + engine.account.terms.latency)
            self._show(prices, offered)
            engine.finish(engine.give_news(), self._books(prices))
        if engine.account.news:
            # What filled here is held on the way to the next price.
            engine.finish(engine.give_news(), {})

    def _show(self, prices: Mapping[int, int], offered: int | None) -> None:
        self.board.now = self.engine.now
        for token, price in prices.items():
            before = self.board.shown.get(token)
            self.board.shown[token] = Shown(
                price,
                int(self.engine.now.timestamp()),
                before.volume if before else 0,
                self._offered(token, self.feed.rows(token)[self._minute].volume) if offered is None else offered,
                before.previous_close if before else 0,
            )

    def _books(self, prices: Mapping[int, int]) -> dict[int, DepthQuote]:
        now, interested = self.engine.now, self.engine.account.exchange.interested
        quotes = {token: self.board.depth(token, now, now) for token in prices if token in interested}
        return {token: quote for token, quote in quotes.items() if quote is not None}
