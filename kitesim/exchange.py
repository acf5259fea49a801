"""The exchange itself: one market, its clock, the orders in it and everyone listening."""

import time
from typing import Any, Protocol

from kitesim.board import Board, Rows
from kitesim.candles import Bars
from kitesim.clock import MarketClock
from kitesim.faults import Faults
from kitesim.sessions import Sessions
from kitesim.state import Store
from kitesim.ticker import TickerSocket
from kitesim.trading_days import Hours, ist, midnight


class Market(Protocol):
    """A day of ticks, synthetic or replayed, played onto a board."""

    board: Board
    hours: Hours

    @property
    def day(self) -> Any: ...
    def step(self, second: int) -> Rows: ...
    def seek(self, second: int) -> None: ...


class Candles(Protocol):
    def candles(self, token: int, interval: str, first: float, last: float, now: float) -> Bars: ...


class Exchange:
    """What the REST handlers, the ticker and the conductor share."""

    def __init__(self, market: Market, history: Candles, clock: MarketClock, store: Store, sessions: Sessions) -> None:
        self.market, self.history, self.clock = market, history, clock
        self.store, self.sessions, self.faults = store, sessions, Faults()
        self.sockets: list[TickerSocket] = []
        self.played = 0  # epoch second of the last tick played
        self.seq = 0
        self.is_night = False
        self.started_at = time.time()

    @property
    def now(self) -> float:
        return self.clock.now()

    def phase(self) -> str:
        if self.is_night:
            return "night"
        return self.market.hours.phase(int(self.now) - midnight(self.market.day))

    def clock_report(self) -> dict[str, Any]:
        return {
            "market_time": ist(self.now).isoformat(timespec="milliseconds"),
            "rate": self.clock.rate,
            "wall_time": time.time(),
            "phase": self.phase(),
            "seq": self.seq,
        }

    def play(self, second: int) -> Rows:
        """One market second: prices move, then resting orders are looked at."""
        rows = self.market.step(second)
        self.played = second
        self.seq += 1
        return rows

    def broadcast(self, rows: Rows) -> None:
        spoil = self.faults.spoiler()
        for socket in self.sockets:
            socket.offer(rows, spoil)

    def use_day(self) -> None:
        """Tell the listeners that the board is a new one."""
        for socket in self.sockets:
            socket.use_board(self.market.board)

    def close_day(self) -> None:
        """The last moment of a trading day."""

    def drop_sockets(self, api_key: str | None = None) -> int:
        """Cut the links of an app (of everyone, if None)."""
        going = [socket for socket in self.sockets if api_key in (None, socket.api_key)]
        for socket in going:
            socket.cut()
        return len(going)

    def send_order_update(self, user_id: str, row: dict[str, Any]) -> None:
        for socket in self.sockets:
            if self.sessions.apps[socket.api_key].user_id == user_id:
                socket.send_text("order", row)
