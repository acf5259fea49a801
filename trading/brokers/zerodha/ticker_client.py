"""Zerodha's own KiteTicker, hardened: verified TLS, a watchdog on bytes, endless retries, no token in any log.

Importing this imports kiteconnect and with it Twisted's reactor: whoever wants another reactor installs it before.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import structlog
from autobahn.twisted.websocket import connectWS
from kiteconnect.ticker import KiteTicker, KiteTickerClientFactory, KiteTickerClientProtocol
from twisted.internet import ssl
from twisted.internet.protocol import ReconnectingClientFactory
from twisted.internet.task import LoopingCall

from trading.brokers.zerodha.frames import read_text

log = structlog.get_logger(__name__)

SILENCE_SECONDS = 5.0
FIRST_DELAY, LONGEST_DELAY = 0.5, 30.0
LOOPBACK = ("127.0.0.1", "localhost", "::1")
# A dead token, a wrong key, or a plan without market data: trying again changes nothing.
REFUSALS = (400, 401, 403)
_STATUS = re.compile(r"upgrade failed \[(\d{3})\]")


@dataclass(frozen=True, slots=True)
class TickerCallbacks:
    """What is called on the reactor's thread. Each must only enqueue: an exception would cost the connection."""

    on_frame: Callable[[bytes, int], None]
    on_bytes: Callable[[], None]
    on_hint: Callable[[str], None]
    on_message: Callable[[str], None]
    on_connected: Callable[[], None]
    on_disconnected: Callable[[str], None]
    on_refused: Callable[[str], None]


class WatchedProtocol(KiteTickerClientProtocol):
    """One connection. Counts every byte as a sign of life and nothing else as one."""

    factory: PatientFactory

    def connectionMade(self) -> None:  # noqa: N802
        self.factory.note_heard()
        super().connectionMade()
        if self.factory.paused:
            self.transport.pauseProducing()

    def dataReceived(self, data: bytes) -> None:  # noqa: N802
        self.factory.note_heard()
        super().dataReceived(data)

    def onMessage(self, payload: bytes, is_binary: bool) -> None:  # noqa: N802
        self.factory.note_stable()
        super().onMessage(payload, is_binary)

    def failHandshake(self, reason: str) -> None:  # noqa: N802
        status = _STATUS.search(reason)
        if status and int(status[1]) in REFUSALS:
            self.factory.give_up(f"the ticker answered {status[1]} to our login")
        super().failHandshake(reason)

    def _loop_ping(self) -> None:
        """Kite's client never sends the ping it waits an answer for; the factory watches bytes instead."""

    def _loop_pong_check(self) -> None:
        """See ``_loop_ping``: one unasked pong would otherwise cut the link five seconds later."""


class PatientFactory(KiteTickerClientFactory):
    """Connects again for as long as it takes, and cuts a connection that has gone silent."""

    protocol = WatchedProtocol
    noisy = False
    initialDelay = delay = FIRST_DELAY  # noqa: N815
    jitter = 0.25

    def __init__(self, *args: Any, on_bytes: Callable[[], None], on_refused: Callable[[str], None], **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.paused = self.is_patient = False
        self.connector_in_use: Any = None
        self._on_bytes, self._on_refused = on_bytes, on_refused
        self._heard_at = time.monotonic()
        self._watch = LoopingCall(self._look_for_silence)

    def __repr__(self) -> str:
        """Without the address: it carries the access token, and Twisted logs factories."""
        return "<the ticker's connection>"

    def startedConnecting(self, connector: Any) -> None:  # noqa: N802
        super().startedConnecting(connector)
        self.connector_in_use = connector
        if not self._watch.running:
            self._watch.start(min(1.0, SILENCE_SECONDS / 5), now=False)

    def stopTrying(self) -> None:  # noqa: N802
        super().stopTrying()
        if self._watch.running:
            self._watch.stop()

    def note_heard(self) -> None:
        self._heard_at = time.monotonic()
        self._on_bytes()

    def note_stable(self) -> None:
        """A frame came, so the connection works: the next failure is a first one."""
        if self.retries:
            ReconnectingClientFactory.resetDelay(self)

    def resetDelay(self) -> None:  # noqa: N802
        """A handshake proves little: a server that accepts and drops would be called without pause."""

    def retry(self, connector: Any = None) -> None:
        self.delay = max(self.delay, FIRST_DELAY)
        super().retry(connector)

    def give_up(self, reason: str) -> None:
        self.stopTrying()
        self._on_refused(reason)

    def _look_for_silence(self) -> None:
        if self.ws is None or self.paused or self.is_patient:
            self._heard_at = time.monotonic()
            return
        silence = time.monotonic() - self._heard_at
        if silence > SILENCE_SECONDS:
            log.warning("ticker_silent", seconds=round(silence, 1))
            self._heard_at = time.monotonic()
            self.ws.dropConnection(abort=True)


class HardenedTicker(KiteTicker):
    """KiteTicker with the weaknesses of kite.md 3.3 taken out. ``on_ticks`` stays unset: frames go on raw."""

    subscribed_tokens: dict[int, str]

    def __init__(
        self, api_key: str, access_token: str, callbacks: TickerCallbacks, root: str, *, patient: bool = False
    ) -> None:
        """``patient``: silence means nothing, as in a replay in lockstep.

        Raises ValueError for an address that would carry the token in the clear to another machine."""
        address = urlsplit(root)
        if address.scheme != "wss" and not (address.scheme == "ws" and address.hostname in LOOPBACK):
            raise ValueError(f"the ticker's address must be wss:// (or ws:// on this machine), not {root}")
        super().__init__(api_key, access_token, root=root)
        self._callbacks, self._is_patient = callbacks, patient
        self._paused = False
        self.factory: PatientFactory | None = None

    def __repr__(self) -> str:
        return f"<HardenedTicker of {urlsplit(self.root).hostname}>"

    def _create_connection(self, url: str, **kwargs: Any) -> None:
        self.factory = PatientFactory(
            url, on_bytes=self._callbacks.on_bytes, on_refused=self._callbacks.on_refused, **kwargs
        )
        self.factory.on_open = self._on_open
        self.factory.on_close = self._on_close
        self.factory.on_message = self._on_message
        self.factory.on_connect = self._on_connect
        self.factory.maxDelay = LONGEST_DELAY
        self.factory.maxRetries = None
        self.factory.paused, self.factory.is_patient = self._paused, self._is_patient

    def connect(self, *_: Any, **__: Any) -> None:
        """Connect on the running reactor. A certificate that does not prove the host's name is refused."""
        self._create_connection(self.socket_url, useragent=self._user_agent(), headers={"X-Kite-Version": "3"})
        tls = None
        if self.factory and self.factory.isSecure:
            tls = ssl.optionsForClientTLS(self.factory.host)
        connectWS(self.factory, contextFactory=tls, timeout=self.connect_timeout)

    def want(self, modes: Mapping[int, str]) -> None:
        """Subscribe exactly these tokens in these modes, at once if connected and after every reconnection."""
        have = dict(self.subscribed_tokens)
        if not self.is_connected():
            self.subscribed_tokens = dict(modes)
            return
        if gone := [token for token in have if token not in modes]:
            self.unsubscribe(gone)
        if new := [token for token in modes if token not in have]:
            self.subscribe(new)
        for mode in ("ltp", "quote", "full"):
            if changed := [token for token, wanted in modes.items() if wanted == mode != have.get(token)]:
                self.set_mode(mode, changed)

    def pause(self) -> None:
        """Read nothing more until ``resume``; the server's socket fills up."""
        self._set_paused(True)

    def resume(self) -> None:
        self._set_paused(False)

    def _set_paused(self, paused: bool) -> None:
        if self._paused == paused:
            return
        self._paused = paused
        if self.factory is None:
            return
        self.factory.paused = paused
        if self.ws is not None and self.ws.state == self.ws.STATE_OPEN:
            (self.ws.transport.pauseProducing if paused else self.ws.transport.resumeProducing)()

    def leave(self) -> None:
        """Close for good."""
        self.stop_retry()
        if self.is_connected():
            self._close()
        elif self.factory is not None and self.factory.connector_in_use is not None:
            self.factory.connector_in_use.disconnect()

    def _on_open(self, ws: Any) -> None:
        self._callbacks.on_connected()
        if self.subscribed_tokens:
            self.resubscribe()

    def _on_close(self, ws: Any, code: Any, reason: Any) -> None:
        log.info("ticker_closed", code=code, reason=str(reason))
        self._callbacks.on_disconnected(f"{code}: {reason}")

    def _on_message(self, ws: Any, payload: bytes, is_binary: bool) -> None:
        if is_binary:
            self._callbacks.on_frame(payload, time.time_ns() // 1_000_000)
            return
        said = read_text(payload)
        if said.kind == "order":
            self._callbacks.on_hint(said.text)
        elif said.kind in ("error", "message"):
            log.warning("ticker_said", kind=said.kind, data=str(said.data)[:200])
            if said.kind == "message":
                self._callbacks.on_message(str(said.data))
        else:
            log.warning("ticker_said_something_unreadable", size=len(payload))
