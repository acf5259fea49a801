"""The exchange itself: one market, its clock, the orders in it and everyone listening."""

import asyncio
import time
from datetime import date
from typing import Any, Protocol

from kitesim.exchange.board import Board, Rows
from kitesim.exchange.candles import Bars
from kitesim.exchange.clock import MarketClock
from kitesim.exchange.gateway import OrderGateway
from kitesim.exchange.ledger import Ledger
from kitesim.exchange.trading_days import Hours, ist_time, midnight_of
from kitesim.server.faults import Faults
from kitesim.server.sessions import Sessions
from kitesim.server.ticker import TickerSocket
from kitesim.state import Store

# Seconds before the close at which the broker squares off intraday products: shares, derivatives.
SQUARE_OFF_SHARES, SQUARE_OFF_DERIVATIVES = 180, 900
_HELD_BACK = 0.3  # wall seconds a reordered update waits for another to overtake it


class Market(Protocol):
    """A day of ticks, synthetic or replayed, played onto a board."""

    board: Board
    hours: Hours
    day: date

    def step(self, second: int) -> Rows: ...
    def seek(self, second: int) -> None: ...


class Candles(Protocol):
    """Past candles, and today's as far as they have formed."""

    def candles(self, token: int, interval: str, first: float, last: float, now: float) -> Bars: ...


class Exchange:
    """What the REST handlers, the ticker and the conductor share."""

    def __init__(
        self,
        market: Market,
        history: Candles,
        clock: MarketClock,
        store: Store,
        sessions: Sessions,
        cash: int,
        order_latency: float,
    ) -> None:
        self.market, self.history, self.clock = market, history, clock
        self.store, self.sessions, self.faults = store, sessions, Faults()
        self.gateway = OrderGateway(
            clock, store, self.faults, Ledger(store, cash), self.send_order_update, order_latency
        )
        self.sockets: list[TickerSocket] = []
        self.played = 0  # epoch second of the last tick played
        self.seq = 0
        self.is_night = False
        self.finished = False  # a replay has been played to its end
        self.snapshots = True  # a subscription is answered with the last packet
        self._held_back: list[tuple[str, dict[str, Any]]] = []

    @property
    def now(self) -> float:
        return self.clock.now()

    def phase(self) -> str:
        if self.is_night:
            return "night"
        return self.market.hours.phase(int(self.now) - midnight_of(self.market.day))

    def clock_report(self) -> dict[str, Any]:
        return {
            "market_time": ist_time(self.now).isoformat(timespec="milliseconds"),
            "rate": self.clock.rate,
            "wall_time": time.time(),
            "phase": self.phase(),
            "seq": self.seq,
        }

    def open_day(self) -> None:
        """Take up the orders of the market's day and show the listeners its board."""
        self.gateway.open_day(self.market.day.isoformat(), self.market.board)
        for socket in self.sockets:
            socket.use_board(self.market.board)

    def play(self, second: int) -> Rows:
        """One market second: prices move, then resting orders are looked at."""
        rows = self.market.step(second)
        self.played = second
        self.seq += 1
        self.gateway.book.on_tick(rows, second)
        self._keep_hours(second - midnight_of(self.market.day))
        return rows

    def _keep_hours(self, second_of_day: int) -> None:
        hours = self.market.hours
        if second_of_day == hours.cash_closes - SQUARE_OFF_SHARES:
            self.gateway.square_off(derivatives=False, phase="continuous")
        elif second_of_day == hours.derivatives_close - SQUARE_OFF_DERIVATIVES:
            self.gateway.square_off(derivatives=True, phase="continuous")
        elif second_of_day == hours.cash_closes:
            self.gateway.book.cancel_all(lambda order: order.exchange == "NSE", "Order cancelled at the close.")

    def broadcast(self, rows: Rows) -> None:
        spoil = self.faults.spoiler()
        for socket in self.sockets:
            socket.offer(rows, spoil)

    def drop_sockets(self, api_key: str | None = None) -> int:
        """Cut the links of an app (of everyone, if None)."""
        going = [socket for socket in self.sockets if api_key in (None, socket.api_key)]
        for socket in going:
            socket.cut()
        return len(going)

    def send_order_update(self, user_id: str, row: dict[str, Any]) -> None:
        """To all the user's sockets, late, twice or never if a fault says so."""
        if self.faults.take_fault("drop_order_updates"):
            return
        if self.faults.take_fault("reorder_order_updates"):
            self._held_back.append((user_id, row))
            asyncio.get_running_loop().call_later(_HELD_BACK, self._release)
            return
        self._push(user_id, row)
        if self.faults.take_fault("duplicate_order_updates"):
            self._push(user_id, row)
        self._release()

    def _release(self) -> None:
        while self._held_back:
            self._push(*self._held_back.pop())

    def _push(self, user_id: str, row: dict[str, Any]) -> None:
        for socket in self.sockets:
            if self.sessions.apps[socket.api_key].user_id == user_id:
                socket.send_text("order", row)
