"""Play a replayed day once, at the clock's rate or in lockstep with its reader."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

import numpy as np

from kitesim.exchange.board import FULL
from kitesim.exchange.exchange import Exchange
from kitesim.replay.candle_market import CandleMarket
from kitesim.server.ticker import TickerSocket

log = logging.getLogger(__name__)
FINISHED = "replay finished"
_SETTLES = 1.0  # wall seconds without a word from a client that is not in full mode throughout


class Stage:
    """Waits for the audience, and ends the performance: what both kinds of replay share."""

    def __init__(self, exchange: Exchange, lockstep: bool) -> None:
        self.exchange, self.lockstep = exchange, lockstep
        self._started = asyncio.Event()

    def start(self) -> None:
        """Begin without waiting for a client to have subscribed to everything."""
        self._started.set()

    def save(self, now: bool = False, stopping: bool = False) -> None:
        """A replay begins anew with each start; there is nothing to keep."""

    async def advance_to(self, market_second: int) -> None:
        """Jump the clock; what lies between is played at once."""
        self.exchange.clock.advance_to(market_second * 1000)

    async def shock(self, symbol: str, percent: float, over: int, thin: float) -> None:
        """Raises ValueError."""
        raise ValueError("a replay plays what happened; only the synthetic market takes a shock")

    async def audience(self) -> None:
        """Lockstep begins (and goes on) only with a listener whose subscriptions have settled."""
        while not (self._started.is_set() or any(self._is_ready(socket) for socket in self.exchange.sockets)):
            await asyncio.sleep(0.02)

    def _is_ready(self, socket: TickerSocket) -> bool:
        tokens = self.exchange.market.board.row_of.keys()
        if not tokens <= socket.tokens.keys():
            return False
        all_full = all(socket.tokens[token] == FULL for token in tokens)
        return all_full or time.monotonic() - socket.heard_at > _SETTLES

    async def to_everyone(self, frame_for: Callable[[TickerSocket], bytes | str]) -> None:
        """Send at once, each socket as fast as it takes it."""
        for socket in list(self.exchange.sockets):
            frame = frame_for(socket)
            if frame:
                await self._send(socket, frame)

    @staticmethod
    async def _send(socket: TickerSocket, frame: bytes | str) -> None:
        try:
            await socket.send_in_turn(frame)
        except ConnectionError:
            log.warning("a reader left during the replay")

    async def finish(self) -> None:
        log.info(FINISHED)
        self.exchange.finished = True
        for socket in self.exchange.sockets:
            socket.hold_heartbeats = False
            socket.send_text("message", FINISHED)
        await asyncio.Event().wait()

    async def in_lockstep(self, second: int, send: Callable[[], Awaitable[None]]) -> None:
        if not self.exchange.sockets and not self._started.is_set():
            log.warning("nobody listens; the replay waits")
        await self.audience()
        self.exchange.clock.advance_to(second * 1000)
        for socket in self.exchange.sockets:
            socket.hold_heartbeats = True
        await send()


class CandleReplay(Stage):
    """The seconds of a candle market, one frame for each in which something ticks."""

    def __init__(self, exchange: Exchange, market: CandleMarket, lockstep: bool) -> None:
        super().__init__(exchange, lockstep)
        self._seconds = market.seconds

    async def run(self) -> None:
        exchange = self.exchange
        exchange.open_day()
        if self.lockstep:
            exchange.clock.set_rate(0)
        for second in self._seconds:
            if self.lockstep:
                await self.in_lockstep(second, lambda at=second: self._show(at))  # type: ignore[misc]
            else:
                await self._wait_for(second)
                exchange.broadcast(exchange.play(second))
        await self.finish()

    async def _show(self, second: int) -> None:
        rows = np.unique(self.exchange.play(second))
        await self.to_everyone(lambda socket: socket.frame_of(rows))

    async def _wait_for(self, second: int) -> None:
        clock = self.exchange.clock
        while clock.now_ms() < second * 1000:
            await asyncio.sleep(clock.seconds_until(second * 1000))
        await asyncio.sleep(0)
