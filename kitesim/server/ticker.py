"""The ticker: subscriptions, binary frames, heartbeats and text frames of one WebSocket."""

import asyncio
import contextlib
import json
import logging
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np
from aiohttp import WSCloseCode, WSMsgType, web

from kitesim.exchange.board import MODES, QUOTE, Board, Rows
from kitesim.server.faults import Faults

log = logging.getLogger(__name__)
MOST_TOKENS, MOST_SOCKETS = 3000, 3
HEARTBEAT = b"\x00"
_LONGEST_QUEUE = 64  # frames; a slower reader gets the newest state instead


class TickerSocket:
    """One client's socket. Frames wait in a short queue; a reader that falls behind is sent conflated state."""

    def __init__(
        self,
        ws: web.WebSocketResponse,
        transport: asyncio.Transport,
        api_key: str,
        board: Board,
        faults: Faults,
        snapshots: bool = True,
    ) -> None:
        self.ws, self.api_key = ws, api_key
        self._transport, self._faults, self._snapshots = transport, faults, snapshots
        self.hold_heartbeats = False  # a lockstep replay sends nothing of its own
        self.heard_at = time.monotonic()
        self.tokens: dict[int, int] = {}
        self.frames_sent = self.bytes_sent = self.frames_conflated = 0
        self._deaf = False
        self._queue: deque[bytes | str] = deque()
        self._wake = asyncio.Event()
        self._behind = False
        self.use_board(board)

    def use_board(self, board: Board) -> None:
        """A new day has a new board: the same tokens may stand in other rows."""
        self._board = board
        self._modes = np.zeros(len(board.words), np.uint8)
        for token, mode in self.tokens.items():
            if token in board.row_of:
                self._modes[board.row_of[token]] = mode
        self._dirty = np.zeros(len(board.words), bool)

    def apply_message(self, text: str) -> None:
        """Act on a client's message; nonsense is answered with an error frame."""
        self.heard_at = time.monotonic()
        try:
            message = json.loads(text)
            action, value = message["a"], message["v"]
            if action == "subscribe":
                self._subscribe(_tokens(value), QUOTE)
            elif action == "unsubscribe":
                self._unsubscribe(_tokens(value))
            elif action == "mode":
                self._subscribe(_tokens(value[1]), MODES[value[0]])
        except (ValueError, KeyError, TypeError, IndexError):
            self.send_text("error", "Invalid message")

    def _subscribe(self, tokens: list[int], mode: int) -> None:
        """Kite answers each subscription at once with the last packet it has."""
        room = MOST_TOKENS - len(self.tokens)
        fresh = [token for token in tokens if token not in self.tokens]
        if len(fresh) > room:
            self.send_text("error", f"Subscription limit of {MOST_TOKENS} instruments exceeded")
            refused = set(fresh[room:])
            tokens = [token for token in tokens if token not in refused]
        self.tokens.update(dict.fromkeys(tokens, mode))
        known = {row for token in tokens if (row := self._board.row_of.get(token)) is not None}
        rows = np.array(sorted(known), np.intp)
        self._modes[rows] = mode
        if self._snapshots:
            self._put(self._board.frame(rows, self._modes))

    def _unsubscribe(self, tokens: list[int]) -> None:
        for token in tokens:
            if self.tokens.pop(token, None) and token in self._board.row_of:
                self._modes[self._board.row_of[token]] = 0

    def offer(self, rows: Rows, spoil: Callable[[bytes], bytes] | None = None) -> None:
        """Queue the changed rows this client wants."""
        if self._behind:
            self._dirty[rows] = True
            self.frames_conflated += 1
            return
        frame = self._board.frame(rows, self._modes)
        self._put(spoil(frame) if spoil and frame else frame)
        self._behind = len(self._queue) > _LONGEST_QUEUE

    def frame_of(self, rows: Rows) -> bytes:
        return self._board.frame(rows, self._modes)

    def send_text(self, kind: str, data: Any) -> None:
        self._put(json.dumps({"type": kind, "data": data}))

    def send_raw(self, frame: bytes | str) -> None:
        self._put(frame)

    def _put(self, item: bytes | str) -> None:
        if item and not self._deaf and not self._faults.stops(item == HEARTBEAT):
            self._queue.append(item)
            self._wake.set()

    async def pump(self) -> None:
        """Send what is queued for as long as the socket lives; TCP's backpressure holds it up."""
        while not self.ws.closed:
            await self._wake.wait()
            self._wake.clear()
            while self._queue:
                await self.send_now(self._queue.popleft())
            if self._behind:
                self._catch_up()

    def _catch_up(self) -> None:
        rows, self._behind = np.flatnonzero(self._dirty), False
        self._dirty[:] = False
        self._put(self._board.frame(rows, self._modes))

    async def send_now(self, item: bytes | str) -> None:
        if isinstance(item, str):
            await self.ws.send_str(item)
        else:
            await self.ws.send_bytes(item)
        self.frames_sent += 1
        self.bytes_sent += len(item)

    async def send_in_turn(self, item: bytes | str) -> None:
        """After whatever is queued; returns when TCP has room again."""
        while self._queue and not self.ws.closed:
            await asyncio.sleep(0)
        if not self._deaf and not self._faults.stops(is_heartbeat=False):
            await self.send_now(item)

    async def beat(self) -> None:
        """One byte a second, as Kite does when nothing else moves."""
        while not self.ws.closed:
            if not self.hold_heartbeats:
                self._put(HEARTBEAT)
            await asyncio.sleep(1)

    @property
    def waiting(self) -> int:
        return len(self._queue)

    def go_deaf(self) -> None:
        """Half-open: the peer's bytes are no longer read and nothing is sent."""
        self._deaf = True
        self._transport.pause_reading()

    def cut(self) -> None:
        self._transport.abort()

    async def close(self) -> None:
        with contextlib.suppress(ConnectionError):
            await self.ws.close(code=WSCloseCode.GOING_AWAY)

    async def listen(self) -> None:
        async for message in self.ws:
            if message.type == WSMsgType.TEXT:
                self.apply_message(message.data)

    async def serve(self) -> None:
        """Run until the client leaves or the link breaks."""
        tasks = [asyncio.create_task(part) for part in (self.pump(), self.beat(), self.listen())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            for ended in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(ended, Exception) and not isinstance(ended, ConnectionError):
                    log.error("socket task failed", exc_info=ended)

    def wants(self, tokens: set[int]) -> bool:
        return tokens <= self.tokens.keys()


def _tokens(value: Any) -> list[int]:
    """Only whole numbers; strings get silence from Kite."""
    return [token for token in value if isinstance(token, int) and not isinstance(token, bool)]
