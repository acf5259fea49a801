"""Who keeps time: plays the synthetic market at the clock's rate, day after day."""

import asyncio
import logging
import math
import time
from dataclasses import asdict

import numpy as np

from kitesim.exchange.derivatives import day_tapes
from kitesim.exchange.exchange import Exchange
from kitesim.exchange.fair_values import Shock
from kitesim.exchange.listing import SHARES
from kitesim.exchange.market import SyntheticMarket
from kitesim.exchange.trading_days import midnight_of, next_trading_day

log = logging.getLogger(__name__)
_FRAMES_A_SECOND = 5  # at most, per wall second
_SAVE_EVERY = 1.0  # wall seconds
_CATCH_UP = 400  # market seconds played at once before others get a turn
_SYMBOLS = [share.symbol for share in SHARES]
_LARGEST_SHOCK = 15.0  # percent; the day's bands are at 10


class Conductor:
    """Runs days and nights for ever. Market time is promised to the store before it is shown."""

    def __init__(self, exchange: Exchange, market: SyntheticMarket, night: float) -> None:
        self.exchange, self._market, self._night = exchange, market, night
        self._saved_at = 0.0

    @property
    def _day_ends(self) -> int:
        return midnight_of(self._market.day) + self._market.hours.ends

    async def run(self) -> None:
        exchange = self.exchange
        exchange.played = int(exchange.now)
        self._market.seek(exchange.played)
        exchange.open_day()
        while True:
            await self._run_day()
            await self._sleep_through_the_night()

    async def _run_day(self) -> None:
        clock = self.exchange.clock
        while self.exchange.played < self._day_ends:
            self.save()
            until = self._next_window()
            if clock.now_ms() < until * 1000:
                await asyncio.sleep(clock.seconds_until(until * 1000))
                continue
            await self._play_to(until)

    def _next_window(self) -> int:
        """The market second at which the next frame is due; whole windows, so that pace does not change frames."""
        window = max(1, round(self.exchange.clock.rate / _FRAMES_A_SECOND))
        return min((self.exchange.played // window + 1) * window, self._day_ends)

    async def _play_to(self, until: int) -> None:
        changed = [self.exchange.play(second) for second in range(self.exchange.played + 1, until + 1)]
        self.exchange.broadcast(np.unique(np.concatenate(changed)))
        await asyncio.sleep(0)

    def start(self) -> None:
        """The synthetic market needs no start signal."""

    async def advance_to(self, market_second: int) -> None:
        """Jump forward within the day: every second is played, one frame shows where it ended."""
        until = min(market_second, self._day_ends)
        self.exchange.clock.advance_to(until * 1000)
        changed = [np.empty(0, np.intp)]
        while self.exchange.played < until:
            last = min(self.exchange.played + _CATCH_UP, until)
            changed += [self.exchange.play(second) for second in range(self.exchange.played + 1, last + 1)]
            await asyncio.sleep(0)
        self.exchange.broadcast(np.unique(np.concatenate(changed)))

    async def shock(self, symbol: str, percent: float, over: int, thin: float) -> None:
        """Let a share move by so many percent from now on, and with it its futures, the indices and their options."""
        if symbol not in _SYMBOLS:
            raise ValueError(f"no share is called {symbol}")
        if not 0 < abs(percent) <= _LARGEST_SHOCK or not 0 <= thin <= _LARGEST_SHOCK or not 0 <= over <= 3600:
            raise ValueError(
                f"percent is up to {_LARGEST_SHOCK:g} either way, not zero; thin likewise; over up to 3600"
            )
        if self.exchange.is_night or self.exchange.played >= self._day_ends:
            raise ValueError("the day is over")
        day = self._market.day
        # Nothing is played between here and the new tapes: what was shown stays what the tapes say.
        start = self.exchange.played - midnight_of(day)
        shock = Shock(day, _SYMBOLS.index(symbol), start, math.log1p(percent / 100), over, thin)
        self._market.world.add_shock(shock)
        self._market.redraw(day_tapes(self._market.world, day))
        kept = [{**asdict(one), "day": one.day.isoformat()} for one in self._market.world.shocks]
        self.exchange.store.put("shocks", kept)

    async def _sleep_through_the_night(self) -> None:
        exchange, day = self.exchange, next_trading_day(self._market.day)
        exchange.is_night = True
        log.info("night after %s; next day is %s", self._market.day, day)
        began = time.monotonic()
        tapes = await asyncio.to_thread(day_tapes, self._market.world, day)
        while time.monotonic() - began < self._night:
            self.save()
            await asyncio.sleep(min(self._night, 0.5))
        exchange.gateway.close_day()
        self._market.open_day(day, tapes)
        exchange.clock.advance_to((midnight_of(day) + self._market.hours.pre_open) * 1000)
        exchange.played = int(exchange.now)
        exchange.is_night = False
        exchange.open_day()

    def save(self, now: bool = False, stopping: bool = False) -> None:
        """Store a market time that will not be passed before the next save, so that no restart goes back."""
        if not (now or stopping) and time.monotonic() - self._saved_at < _SAVE_EVERY:
            return
        self._saved_at = time.monotonic()
        clock = self.exchange.clock
        ahead = 0 if stopping else int(2 * _SAVE_EVERY * clock.rate * 1000)
        self.exchange.store.put(
            "clock", {"market_ms": clock.now_ms() + ahead, "seq": self.exchange.seq, "rate": clock.rate}
        )
