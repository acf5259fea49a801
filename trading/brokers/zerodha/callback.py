"""Waits on loopback for the browser to come back from Kite's login with a request token."""

from __future__ import annotations

import hmac
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlsplit

_DONE = "<!doctype html><title>Logged in</title><p>Alpha Panda has the login. This page can be closed.</p>"
_WRONG = "<!doctype html><title>Not this login</title><p>This is not the login that was asked for.</p>"
_READ_SECONDS = 5.0


class NoCallback(Exception):
    """Nobody came back in time."""


class Callback(HTTPServer):
    """One login's landing place. Anything without our ``state`` is turned away and the wait goes on."""

    def __init__(self, port: int, state: str) -> None:
        super().__init__(("127.0.0.1", port), _Landing)
        self.state = state
        self.request_token = ""

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/"

    def wait(self, seconds: float) -> str:
        """Return the request token. Raises NoCallback."""
        until = time.monotonic() + seconds
        while not self.request_token:
            self.timeout = until - time.monotonic()
            if self.timeout <= 0:
                raise NoCallback(f"no login came back within {seconds:.0f} s")
            self.handle_request()
        return self.request_token


class _Landing(BaseHTTPRequestHandler):
    server: Callback
    timeout = _READ_SECONDS  # a client that connects and says nothing must not block the login

    def do_GET(self) -> None:
        given = parse_qs(urlsplit(self.path).query)
        state, token = (given.get(name, [""])[0] for name in ("state", "request_token"))
        is_ours = hmac.compare_digest(state.encode(), self.server.state.encode()) and bool(token)
        if is_ours:
            self.server.request_token = token
        self._answer(200 if is_ours else 400, _DONE if is_ours else _WRONG)

    def _answer(self, status: int, page: str) -> None:
        body = page.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the request line holds the request token."""
