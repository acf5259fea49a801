"""A receiver on loopback that keeps what apprise sends it, and refuses on request."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest


class Receiver(HTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.heard: list[dict[str, Any]] = []
        self.pings = 0
        self.status = 200

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_port}"

    def titles(self) -> list[str]:
        return [message["title"] for message in self.heard]


class Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.answer(lambda: self.server.heard.append(body))

    def do_GET(self) -> None:
        self.server.pings += 1
        self.answer(lambda: None)

    def answer(self, keep: Any) -> None:
        if self.server.status == 200:
            keep()
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Keep quiet."""


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    server = Receiver()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    settings.ALERT_URLS = [f"json://{server.address}/s3cr3t"]
    settings.ALERT_PING_URL = f"http://{server.address}/ping"
    yield server
    server.shutdown()
    server.server_close()
