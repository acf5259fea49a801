"""Fans out what happens to the browsers of this process: one subscription, one reading, one text for all of them."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Coroutine
from typing import Any, Protocol
from weakref import WeakKeyDictionary

import structlog

from alphapanda.core import roles
from alphapanda.core.clock.market_time import wall_now
from alphapanda.core.outages import outage_behind
from alphapanda.dashboard.listening import Listener, end_tasks, loop_time
from alphapanda.dashboard.log_lines import LogLines
from alphapanda.dashboard.outbox import LOGS, MARKET, Outbox, encode_json
from alphapanda.dashboard.prices import Prices, board_rows
from alphapanda.dashboard.signed_in import still_signed_in
from alphapanda.dashboard.topics import Kind, Page, ReadingThread, silent_now

log = structlog.get_logger()
SHORTEST, LONGEST = 1.0, 5.0  # seconds between two snapshots of a topic
FLUSH_SECONDS = 0.2
LOOK_SECONDS = 0.1
PROCESS_SECONDS = 0.5
PUT_RIGHT_SECONDS = 5.0
SESSION_SECONDS = 60.0
ROLE_SECONDS = 2.0  # a role that was taken away is taken from open pages as well
IDLE_SECONDS = 30.0
RETRY_SECONDS = 1.0
SLOW, SIGNED_OUT, NO_ROLE = 4013, 4401, 4403  # private codes: Autobahn sends no others


class Socket(Protocol):
    """One browser's connection, as the hub sees it."""

    user: Any
    session_key: str
    outbox: Outbox

    def drop(self, code: int) -> None: ...


class Hub:
    """All browsers of one event loop."""

    def __init__(self) -> None:
        self.epoch = int(wall_now().timestamp() * 1000)
        self.sockets: set[Socket] = set()
        self.readers: dict[Kind, set[Socket]] = defaultdict(set)
        self.pages: dict[Kind, Page] = {}
        self.prices = Prices()
        self.troubles: dict[str, str] = {}
        self._silent: list[str] | None = None  # as of the last look
        self.thread = ReadingThread()
        self.lines = LogLines(self.thread, self._drop_if_slow)
        self._tasks: list[asyncio.Task[None]] = []
        self._closing: asyncio.Task[None] | None = None
        self._used_at = loop_time()

    def join(self, socket: Socket) -> None:
        self.sockets.add(socket)
        if not self._tasks:
            listener = Listener(self.on_announcement, self.on_line)
            work = (
                listener.run,
                self._renew_pages,
                self._watch_processes,
                self._flush_prices,
                self._put_prices_right,
                self._check_sessions,
                self._check_roles,
                self.lines.follow,
            )
            self._tasks = [asyncio.create_task(kept_going(each)) for each in work]

    def leave(self, socket: Socket) -> None:
        self.sockets.discard(socket)
        for readers in self.readers.values():
            readers.discard(socket)
        self.lines.leave(socket)
        self._used_at = loop_time()

    async def subscribe(self, socket: Socket, topic: str) -> None:
        """Send the topic's snapshot, and from now on what follows. Asking again sends the snapshot again."""
        if topic == LOGS:
            return self.lines.join(socket)
        kind = kind_of(socket, topic)
        if topic == MARKET:
            await self._send_prices(socket)
        else:
            await self._send_page(socket, kind)
        if socket not in self.sockets:
            return  # it left while its snapshot was being made
        self.readers[kind].add(socket)
        for words in self.troubles.values():
            self._offer_text(socket, "degraded", degraded_message(words))

    def unsubscribe(self, socket: Socket, topic: str) -> None:
        if topic == LOGS:
            return self.lines.leave(socket)
        self.readers[kind_of(socket, topic)].discard(socket)
        socket.outbox.forget(topic)

    async def _send_prices(self, socket: Socket) -> None:
        if not self.prices.is_primed:
            await self._read_board()
        socket.outbox.put_market(self.prices.snapshot())

    async def _send_page(self, socket: Socket, kind: Kind) -> None:
        page = self.pages.setdefault(kind, Page(kind, socket.user))
        async with page.making:
            if page.is_due(loop_time(), SHORTEST, SHORTEST):
                await self._make_page(page)
        if page.text:
            self._offer_text(socket, kind.topic, page.text)

    # What happens

    def on_announcement(self, message: dict[str, Any]) -> None:
        if message["type"] == "market.update":
            self.prices.apply_update(message["payload"])
        else:
            self._set_all_dirty()

    def on_line(self, is_alive: bool) -> None:
        """Tell browsers when announcements stop or start to be heard; afterwards everything is read anew."""
        if is_alive and "line" in self.troubles:
            self.prices.is_primed = False
            self._set_all_dirty()
        self._set_trouble("line", "" if is_alive else "Valkey does not answer: changes are seen seconds late")

    def _set_all_dirty(self) -> None:
        for page in self.pages.values():
            page.is_dirty = True

    def _set_trouble(self, part: str, words: str) -> None:
        if self.troubles.get(part, "") == words:
            return
        self.troubles = {name: each for name, each in self.troubles.items() if name != part}
        if words:
            self.troubles[part] = words
        text = degraded_message(words) if words else encode_json({"type": "recovered", "part": part})
        for socket in list(self.sockets):
            self._offer_text(socket, "degraded" if words else f"recovered {part}", text)

    # What goes on all the time

    async def _renew_pages(self) -> None:
        """Make each page anew that is read and due, and stop all this when nobody has read for a while."""
        while self.sockets or loop_time() - self._used_at < IDLE_SECONDS:
            await asyncio.sleep(LOOK_SECONDS)
            for kind, readers in list(self.readers.items()):
                if readers and kind.topic != MARKET and self.pages[kind].is_due(loop_time(), SHORTEST, LONGEST):
                    await self._renew_page(self.pages[kind])
        self._retire_hub()

    async def _renew_page(self, page: Page) -> None:
        async with page.making:
            if not await self._make_page(page):
                return
        for socket in list(self.readers[page.kind]):
            self._offer_text(socket, page.kind.topic, page.text)

    async def _make_page(self, page: Page) -> bool:
        """Make a page; a failure is told to the browsers, logged, and tried again in a second or so."""
        try:
            await self.thread.make(page)
        except Exception as error:  # whatever a page's reading raises: browsers keep their socket and hear why
            log.exception("snapshot_failed", topic=page.kind.topic)
            self._set_trouble(page.kind.topic, trouble_words(page.kind.topic, error))
            page.is_dirty = True
            return False
        self._set_trouble(page.kind.topic, "")
        return True

    async def _watch_processes(self) -> None:
        """Make all pages anew as soon as a process falls silent, or is heard again: it announces nothing itself."""
        while True:
            await asyncio.sleep(PROCESS_SECONDS)
            silent = await self.thread.read(silent_now)
            if silent is not None and silent != self._silent:
                self._silent = silent
                self._set_all_dirty()

    async def _flush_prices(self) -> None:
        """Send prices on, at most five times a second."""
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            if delta := self.prices.take_delta():
                for socket in self._market_readers():
                    socket.outbox.put_delta(delta)
                    self._drop_if_slow(socket)

    async def _put_prices_right(self) -> None:
        while True:
            await asyncio.sleep(PUT_RIGHT_SECONDS)
            if self._market_readers():
                await self._read_board()

    async def _read_board(self) -> None:
        try:
            rows, at = await self.thread.read(board_rows)
        except Exception as error:  # as above: unknown prices are told, not guessed
            log.warning("prices_not_read", error=repr(error))
            self._set_trouble(MARKET, trouble_words("prices", error))
            return
        self.prices.put_right(rows, at)
        self._set_trouble(MARKET, "")

    async def _check_sessions(self) -> None:
        while True:
            await asyncio.sleep(SESSION_SECONDS)
            await self.check_sessions()

    async def check_sessions(self) -> None:
        """Drop the browsers whose reader has signed out, or been shut out, since they connected."""
        asked = {socket.session_key: socket.user.pk for socket in self.sockets}
        valid = await self.thread.read(still_signed_in, asked)
        for socket in list(self.sockets):
            if socket.session_key in asked and socket.session_key not in valid:
                socket.drop(SIGNED_OUT)

    async def _check_roles(self) -> None:
        while True:
            await asyncio.sleep(ROLE_SECONDS)
            await self.check_roles()

    async def check_roles(self) -> None:
        """Drop the browsers whose reader may look no more, and take log lines from whoever may not watch them."""
        asked = {socket.user.pk for socket in self.sockets}
        if not asked:
            return
        may_look = await self.thread.read(roles.who_may, asked, roles.Right.LOOK)
        for socket in list(self.sockets):
            if socket.user.pk in asked - may_look:
                socket.drop(NO_ROLE)
        if self.lines.watchers:
            watching = {socket.user.pk for socket in self.lines.watchers}
            self.lines.keep_only(await self.thread.read(roles.who_may, watching, roles.Right.WATCH_LOGS))

    async def may(self, user: Any, right: roles.Right) -> bool:
        """Whether this person holds the right now, whatever was so when they connected."""
        return user.pk in await self.thread.read(roles.who_may, {user.pk}, right)

    # Sending

    def _market_readers(self) -> list[Socket]:
        return [socket for kind, readers in self.readers.items() if kind.topic == MARKET for socket in readers]

    def _offer_text(self, socket: Socket, key: str, text: str) -> None:
        socket.outbox.put(key, text)
        self._drop_if_slow(socket)

    def _drop_if_slow(self, socket: Socket) -> None:
        if socket.outbox.is_full:
            log.info("slow_browser_dropped", user=str(socket.user))
            socket.drop(SLOW)

    # The end

    def _retire_hub(self) -> None:
        """Make way at once: whoever connects from now on gets a new hub."""
        hubs.pop(asyncio.get_running_loop(), None)
        self._closing = asyncio.create_task(self.close())

    async def close(self) -> None:
        hubs.pop(asyncio.get_running_loop(), None)
        tasks, self._tasks = self._tasks, []
        await end_tasks(tasks)
        await self.thread.close()


hubs: "WeakKeyDictionary[asyncio.AbstractEventLoop, Hub]" = WeakKeyDictionary()


def running_hub() -> Hub:
    """Return the running loop's hub."""
    loop = asyncio.get_running_loop()
    if loop not in hubs:
        hubs[loop] = Hub()
    return hubs[loop]


def kind_of(socket: Socket, topic: str) -> Kind:
    return Kind(topic, socket.user.is_staff)


def trouble_words(what: str, error: Exception) -> str:
    """What a browser is told: that it shows what was known before, and why."""
    outage = outage_behind(error)
    return f"{what} cannot be read ({outage.words if outage else type(error).__name__})"


def degraded_message(words: str) -> str:
    return encode_json({"type": "degraded", "words": words})


async def kept_going(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run ``work``; what should never be raised is logged, and the work begins again."""
    while True:
        try:
            return await work()
        except Exception:
            log.exception("broadcast_part_failed", part=work.__qualname__)
            await asyncio.sleep(RETRY_SECONDS)
