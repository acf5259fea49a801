"""Plays one-minute candles through the engine: exact code runs only where something happens. Pure.

A minute whose instrument nobody holds and has no order in is only heard as a candle; any other is walked through, so
that stops, targets and orders meet prices in an order (see ``trading.lab.bar_path``). A decision at a close arrives
after its latency and meets the next open first.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import numpy as np

from market.domain.ticks import divisor_for
from trading.lab.bar_board import BarBoard, Shown
from trading.lab.bar_feed import BarFeed, Row, Series
from trading.lab.bar_path import UNBOUNDED, FillTerms, stretch, turns
from trading.lab.candles import MINUTE, Bars, Sessions, day_of_number, days_of, longer_bars, moment
from trading.lab.engine import Decided, Engine, LabRun
from trading.paper.depth import DepthQuote
from trading.run.position import RunPosition
from trading.strategies.values import Candle, Tick

PHASE = timedelta(seconds=15)


class BarEngine(Engine):
    """An engine whose last ticks are the candles' prices."""

    def tick_of(self, key: str) -> Tick | None:
        assert isinstance(self.board, BarBoard)
        return self.board.tick(self.tokens[key], key)


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

    def __post_init__(self) -> None:
        board = self.engine.board
        assert isinstance(board, BarBoard)
        self.board = board
        self._series = [self._series_of(token, interval) for token, interval in self._wanted()]
        self.feed = BarFeed(self.bars, self._series)
        self._first = 0
        self._day = self._minute = -1
        self._last: dict[int, Row] = {}  # the last candle shown, by token
        self._in_exchange: set[int] = set()
        self._runs_of = {
            token: [run for run in self.engine.runs if self.engine.instruments[token].key in run.keys]
            for token in self.bars
        }
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
                found += [one.candle(nth) for nth in range(max(0, upto - count), upto)]
        return sorted(found, key=lambda candle: (candle.start, candle.interval, candle.instrument))

    def begin_at(self, first: int) -> None:
        """Pass over all before ``first``; the last price of each instrument is known."""
        self._first = first
        for token, row in self.feed.begin_at(first):
            self._last[token] = row
            self.board.shown[token] = Shown(row.close, row.end)

    # ---- the play --------------------------------------------------------------------------------------------

    def play(self) -> Iterator[date]:
        """Play all minutes there are after the last day played; yields each day when it is over. Raises NeverQuiet."""
        minutes = self.feed.minutes_from(self._first)
        numbers = days_of(minutes)
        self.days = [day_of_number(day) for day in np.unique(numbers).tolist()]
        for of_day in np.split(minutes, np.flatnonzero(np.diff(numbers)) + 1) if len(minutes) else ():
            day = int(days_of(of_day[:1])[0])
            if day <= self._day:
                continue
            self._begin_day(day)
            for minute in of_day.tolist():
                self._pass_time(minute)
                self._play_minute(minute)
            yield self._over()

    def _over(self) -> date:
        """Let the rest of the day pass, and its last candles be heard, also where the last minutes had no trade."""
        closes = int(max(self._closes[self._day], self.engine.now.timestamp()))
        self._pass_time(closes)
        self._offer_candles(closes, moment(closes), is_last=True)
        return day_of_number(self._day)

    def _begin_day(self, day: int) -> None:
        self._day = day
        self.feed.begin_day(day)
        for token, one in self.board.shown.items():
            self.board.shown[token] = Shown(one.price, one.at, previous_close=one.price)

    def _pass_time(self, until: int) -> None:
        """Let minutes without any candle pass for those who hold or wait: an entry does not rest through them."""
        now = int(self.engine.now.timestamp()) // MINUTE * MINUTE
        if days_of(np.array([now]))[0] != self._day:
            return
        while now + MINUTE <= until and self._any_engaged():
            now += MINUTE
            self._offer_candles(now, moment(now))
            self._leave_blind(now)

    def _play_minute(self, minute: int) -> None:
        self._minute = minute
        present = {token: rows[minute] for token, rows in self.feed.rows.items() if minute in rows}
        if self._any_engaged():
            self._in_exchange = self.engine.account.exchange.interested
            self._walk({token: row for token, row in present.items() if self._is_busy(token, row)}, minute)
        for token, row in present.items():
            self._show_close(token, row)
        if minute in self._last_minutes:
            # After the close nothing trades.
            self._leave_blind(minute + MINUTE - 1)
        self._offer_candles(minute + MINUTE, moment(minute + MINUTE), present)
        self._leave_blind(minute + MINUTE)

    def _leave_blind(self, now: int) -> None:
        """Leave at the last price seen, whatever its volume, what has to be flat today and has no candle any more.

        The broker would have left it; to carry it over the night would be a trade nobody can make.
        """
        if not self._any_engaged():
            return
        again = self.feed.comes_again
        tokens = [token for token in self._last if self._must_leave(token) and not again(token, self._minute)]
        for token in tokens:
            row = self._last[token]
            self.blind[self.engine.instruments[token].key, day_of_number(self._day)] = row.end
            self._stand_at({token: row.close}, moment(now), UNBOUNDED)

    def _must_leave(self, token: int) -> bool:
        key = self.engine.instruments[token].key
        runs = (run.host for run in self._runs_of[token] if run.host.terms.is_intraday)
        return any((held := host.position_of(key)).quantity and held.leaving is not None for host in runs)

    def _show_close(self, token: int, row: Row) -> None:
        before = self.board.shown.get(token)
        self._last[token] = row
        self.board.shown[token] = Shown(
            row.close,
            row.end,
            (before.volume if before else 0) + row.volume,
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
        candles = list(self.feed.heard_until(ended))
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

    def _any_engaged(self) -> bool:
        engine = self.engine
        return engine.account.is_waiting or any(run.host.is_engaged for run in engine.runs)

    def _is_busy(self, token: int, row: Row) -> bool:
        """Whether an order is on its way or at the exchange, an exit waits to be asked, or a stop or target is reached.

        An exit that was decided when the market was closed is asked at its open.
        """
        if token in self._in_exchange or any(one.quantity and one.leaving for one in self._positions(token)):
            return True
        levels = self._levels(token)
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
                for price in stretch(at[token], end, self._levels(token)):
                    self._stand_at({token: price}, moment(minute) + (phase + 1) * PHASE)
                at[token] = end

    def _turns_of(self, token: int, row: Row) -> tuple[int, int, int]:
        held = [position for position in self._positions(token) if position.quantity]
        for one in held:
            levels = [self._wire(token, level) for level in (one.stop, one.target) if level is not None]
            self.undecided += len(levels) == 2 and all(row.low <= level <= row.high for level in levels)
        side = 1 if not held or held[0].quantity > 0 else -1
        return turns(row.high, row.low, row.close, side, worse_first=self.worse_first)

    def _positions(self, token: int) -> list[RunPosition]:
        key = self.engine.instruments[token].key
        return [run.host.position_of(key) for run in self._runs_of[token]]

    def _levels(self, token: int) -> list[int]:
        """Stops and targets of who holds: what a path must not pass unseen."""
        levels = [level for one in self._positions(token) if one.quantity for level in (one.stop, one.target)]
        return [self._wire(token, level) for level in levels if level is not None]

    def _wire(self, token: int, price: Decimal) -> int:
        return int(price * divisor_for(token))

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
                self._offered(token, self.feed.rows[token][self._minute].volume) if offered is None else offered,
                before.previous_close if before else 0,
            )

    def _books(self, prices: Mapping[int, int]) -> dict[int, DepthQuote]:
        now, interested = self.engine.now, self.engine.account.exchange.interested
        quotes = {token: self.board.depth(token, now, now) for token in prices if token in interested}
        return {token: quote for token, quote in quotes.items() if quote is not None}
