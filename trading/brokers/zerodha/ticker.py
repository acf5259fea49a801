"""Kite's ticker as a source of ticks: on the feed's own event loop, with that data account's login only."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from typing import Any

import structlog
from django.conf import settings
from django.db import DatabaseError, connection

from alphapanda.core.telemetry.logs import redact_secrets
from market.feeds import Inbox
from trading.brokers.zerodha.addresses import PRACTICE, ticker_root
from trading.orders.broker_port import SessionExpired

log = structlog.get_logger(__name__)

LOGIN_CHECK_SECONDS = 5.0
# What the practice exchange says when the day it replays is over.
REPLAY_FINISHED = "replay finished"

Login = tuple[str, str]


class KiteTickSource:
    """A TickSource (see market.feeds) over one Kite login. Everything it hears goes into the inbox.

    Without a login, or with one Kite refuses, it waits for another: only a person can make one.
    """

    def __init__(self, feed: Any, inbox: Inbox, login: Login | None = None) -> None:
        """``login``: API key and access token; by default those of the feed's data account."""
        self._feed, self._inbox, self._given = feed, inbox, login
        self.account_id = ""
        self._ticker: Any = None
        self._modes: Mapping[int, str] = {}
        self._paused = False
        self._refused: Login | None = None
        self._waiting: asyncio.Task[None] | None = None

    @property
    def connected(self) -> bool:
        return self._ticker is not None and self._ticker.is_connected()

    async def start(self) -> None:
        run_reactor_on(asyncio.get_running_loop())
        if login := await self._usable_login():
            self._connect(login)
        else:
            self._inbox.refusal("no login: the account has to be logged in")
            self._await_login()

    def _connect(self, login: Login) -> None:
        # Not before: kiteconnect takes whichever reactor is installed, and installs one where there is none.
        from trading.brokers.zerodha.ticker_client import HardenedTicker, TickerCallbacks

        def refused(reason: str) -> None:
            self._refused = login
            self._inbox.refusal(reason)
            self._await_login()

        def told(message: str) -> None:
            if settings.KIND == PRACTICE and message == REPLAY_FINISHED:
                self._inbox.end()

        inbox = self._inbox
        callbacks = TickerCallbacks(
            on_frame=inbox.frame,
            on_bytes=inbox.heard,
            on_hint=inbox.hint,
            on_message=told,
            on_connected=inbox.connection,
            on_disconnected=inbox.disconnection,
            on_refused=refused,
        )
        self._ticker = HardenedTicker(*login, callbacks, root=ticker_root(), patient=inbox.lossless)
        self._ticker.want(self._modes)
        if self._paused:
            self._ticker.pause()
        self._ticker.connect()

    def _await_login(self) -> None:
        if self._waiting is None or self._waiting.done():
            self._waiting = asyncio.get_running_loop().create_task(self._connect_after_login())

    async def _connect_after_login(self) -> None:
        login = None
        while login is None:
            await asyncio.sleep(LOGIN_CHECK_SECONDS)
            login = await self._usable_login()
        self._connect(login)

    async def _usable_login(self) -> Login | None:
        """Return a login other than the one Kite refused."""
        login = self._given or await asyncio.to_thread(self._stored_login)
        return None if login == self._refused else login

    def _stored_login(self) -> Login | None:
        # Not before the reactor is chosen: this imports kiteconnect too.
        from trading.brokers.data_port import CredentialMissing
        from trading.brokers.zerodha.session import open_session

        try:
            opened = open_session(self._feed.data_account)
        except (SessionExpired, CredentialMissing, DatabaseError) as reason:
            log.warning("ticker_without_login", account=self._feed.data_account, reason=str(reason))
            return None
        finally:
            connection.close()
        self.account_id = str(opened.account_id)
        return opened.api_key, opened.access_token

    def want(self, modes: Mapping[int, str]) -> None:
        self._modes = dict(modes)
        if self._ticker is not None:
            self._ticker.want(self._modes)

    def pause(self) -> None:
        self._paused = True
        if self._ticker is not None:
            self._ticker.pause()

    def resume(self) -> None:
        self._paused = False
        if self._ticker is not None:
            self._ticker.resume()

    async def stop(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
        if self._ticker is not None:
            self._ticker.leave()
            # The close frame leaves on the next turns of the loop.
            await asyncio.sleep(0.05)
        let_the_process_end()


class WrongReactor(RuntimeError):
    """Something imported kiteconnect before the feed could choose the reactor it runs on."""


def run_reactor_on(loop: asyncio.AbstractEventLoop) -> None:
    """Make Twisted run on ``loop``; its log goes through ours, without secrets. Raises WrongReactor."""
    installed = sys.modules.get("twisted.internet.reactor")
    if installed is not None:
        if getattr(installed, "_asyncioEventloop", None) is not loop:
            raise WrongReactor(f"Twisted already runs on {installed!r}")
        return
    from twisted.internet import asyncioreactor
    from twisted.logger import globalLogBeginner

    asyncioreactor.install(loop)
    from twisted.internet import reactor

    observers: list[Any] = [_to_our_log]
    globalLogBeginner.beginLoggingTo(observers, redirectStandardIO=False, discardBuffer=True)
    reactor.startRunning(installSignalHandlers=False)


def let_the_process_end() -> None:
    """Stop the threads in which Twisted looks up names: the interpreter would wait for them for ever."""
    from twisted.internet import reactor

    pool = getattr(reactor, "threadpool", None)
    if pool is not None:
        pool.stop()


def _to_our_log(event: dict[str, Any]) -> None:
    """Pass on what Twisted finds wrong; its ordinary chatter names factories and addresses."""
    from twisted.logger import LogLevel, formatEvent

    if event.get("log_level", LogLevel.info) >= LogLevel.warn:
        failure = event.get("log_failure")
        detail = failure.getTraceback() if failure is not None else None
        log.warning("twisted", text=redact_secrets(formatEvent(event)), failure=redact_secrets(detail))
