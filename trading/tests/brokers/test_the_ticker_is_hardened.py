"""What KiteTicker lacks: it notices silence, comes back with its subscriptions, checks certificates, keeps secrets."""

import asyncio
import json
import os
import queue
import ssl
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import WSMsgType, web

SUBSCRIPTIONS = [
    {"a": "subscribe", "v": [256265]},
    {"a": "mode", "v": ["ltp", [256265]]},
    {"a": "subscribe", "v": [408065]},
    {"a": "mode", "v": ["full", [408065]]},
]
FRAME = bytes.fromhex("0001000800063a0100024a0e")
# A process takes its time to start where many run.
WAIT = 45


class Server:
    """A ticker that does what a test says; everything a client sends goes into ``heard``."""

    def __init__(self, tls=None):
        self.heard, self.attempts, self.status, self.heartbeats = queue.Queue(), 0, 101, True
        self.sockets, self._tls = [], tls
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()
        self.port = self.call(self._start())

    def call(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(WAIT)

    async def _start(self):
        app = web.Application()
        app.router.add_get("/", self._serve)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=self._tls)
        await site.start()
        return site._server.sockets[0].getsockname()[1]

    async def _serve(self, request):
        self.attempts += 1
        if self.status != 101:
            return web.Response(status=self.status)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.sockets.append(socket)
        beat = asyncio.create_task(self._beat(socket))
        async for message in socket:
            if message.type == WSMsgType.TEXT:
                self.heard.put(json.loads(message.data))
        beat.request_cancel()
        return socket

    async def _beat(self, socket):
        while True:
            if self.heartbeats:
                await socket.send_bytes(b"\0")
            await asyncio.sleep(0.1)

    def send(self, *items):
        async def send():
            for item in items:
                await (self.sockets[-1].send_bytes if isinstance(item, bytes) else self.sockets[-1].send_str)(item)

        self.call(send())

    def drop(self):
        async def drop():
            self.sockets[-1]._req.transport.abort()

        self.call(drop())

    def hear(self, count=4):
        return [self.heard.get(timeout=WAIT) for _ in range(count)]

    def stop(self):
        self.call(self._runner.cleanup())
        self.loop.call_soon_threadsafe(self.loop.stop)


class Client:
    def __init__(self, root, silence=30.0, **environ):
        self._child = subprocess.Popen(
            [sys.executable, "-m", "trading.tests.brokers.ticker_child", str(silence)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ
            | {"KITE_TICKER_ROOT": root, "DJANGO_SETTINGS_MODULE": "alphapanda.settings", "LOG_LEVEL": "DEBUG"}
            | environ,
        )
        self._said, self.log = queue.Queue(), []
        self._readers = [
            threading.Thread(target=self._read, daemon=True),
            threading.Thread(target=self.log.extend, args=[self._child.stderr], daemon=True),
        ]
        for reader in self._readers:
            reader.start()

    def _read(self):
        for line in self._child.stdout:
            self.log.append(line)
            self._said.put(json.loads(line))

    def next(self, *types, timeout=WAIT):
        """Return the next message of one of these types, leaving out heartbeats."""
        while True:
            message = self._said.get(timeout=timeout)
            if message["type"] in types and message.get("payload") != "00":
                return message

    def order(self, *words):
        self._child.stdin.write(" ".join(words) + "\n")
        self._child.stdin.flush()

    def stop(self):
        if self._child.poll() is None:
            self.order("stop")
        code = self._child.wait(WAIT)
        for reader in self._readers:
            reader.join(WAIT)
        return code


@pytest.fixture
def server():
    running = Server()
    yield running
    running.stop()


@pytest.fixture
def start(server):
    clients = []

    def start(root=None, **given):
        clients.append(Client(root or f"ws://127.0.0.1:{server.port}/", **given))
        return clients[-1]

    yield start
    for client in clients:
        client.stop()


def test_frames_and_order_updates_arrive_raw_and_nothing_leaks_the_token(server, start):
    client = start()
    assert client.next("feed.connected")["nth"] == 1
    assert sorted(map(str, server.hear())) == sorted(map(str, SUBSCRIPTIONS))
    update = '{"type": "order", "data": {"order_id": "1"}}'
    server.send(FRAME, "[1, 2]", "no JSON", '{"type": "error", "data": "too many"}', update, FRAME)
    assert client.next("feed.frame")["payload"] == FRAME.hex()
    assert client.next("feed.hint")["text"] == update
    assert client.next("feed.frame")["at"] > 1_600_000_000_000
    assert client.stop() == 0
    assert "the-secret-access-token" not in "".join(client.log)


def test_a_dropped_connection_comes_back_with_the_same_subscriptions(server, start):
    client = start()
    client.next("feed.connected")
    first = server.hear()
    server.drop()
    assert client.next("feed.disconnected", "feed.connected")["type"] == "feed.disconnected"
    assert client.next("feed.connected")["nth"] == 2
    assert server.hear() == first
    assert sorted(map(str, first)) == sorted(map(str, SUBSCRIPTIONS))
    client.stop()
    assert "the-secret-access-token" not in "".join(client.log)


def test_a_silent_connection_is_cut_and_made_again(server, start):
    client = start(silence=0.6)
    client.next("feed.connected")
    server.heartbeats = False
    assert client.next("feed.disconnected", timeout=6)
    server.heartbeats = True
    assert client.next("feed.connected")["nth"] == 2
    server.send(FRAME)
    assert client.next("feed.frame")["payload"] == FRAME.hex()


def test_a_refused_login_is_not_tried_again(server, start):
    server.status = 403
    client = start()
    assert "403" in client.next("feed.refused")["reason"]
    with pytest.raises(queue.Empty):
        client.next("feed.connected", "feed.refused", timeout=1.0)
    assert server.attempts == 1
    client.stop()
    assert "the-secret-access-token" not in "".join(client.log)


def test_any_other_failure_is_tried_again_for_ever(server, start):
    server.status = 502
    client = start()
    while server.attempts < 4:
        threading.Event().wait(0.05)
    server.status = 101
    assert client.next("feed.connected")["nth"] == 1


def test_while_paused_nothing_is_read_and_afterwards_nothing_is_missing(server, start):
    client = start(silence=0.6)
    client.next("feed.connected")
    client.order("pause")
    client.next("done")
    frames = [nth.to_bytes(2, "big") + b"\0" for nth in range(1, 51)]
    server.send(*frames)
    with pytest.raises(queue.Empty):
        client.next("feed.frame", "feed.disconnected", timeout=1.5)
    client.order("resume")
    assert [client.next("feed.frame")["payload"] for _ in frames] == [frame.hex() for frame in frames]


def test_only_what_changed_is_subscribed_again(server, start):
    client = start()
    client.next("feed.connected")
    server.hear()
    client.order("want", "408065=quote", "779521=full")
    assert server.hear(4) == [
        {"a": "unsubscribe", "v": [256265]},
        {"a": "subscribe", "v": [779521]},
        {"a": "mode", "v": ["quote", [408065]]},
        {"a": "mode", "v": ["full", [779521]]},
    ]


@pytest.fixture
def certificate(tmp_path):
    """A certificate for localhost, signed by nobody else."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    today = datetime(2024, 1, 1, tzinfo=UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(today)
        .not_valid_after(today + timedelta(days=36_500))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "localhost.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + signed.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.mark.parametrize(
    ("host", "trusted", "connects"),
    [("localhost", True, True), ("localhost", False, False), ("127.0.0.1", True, False)],
)
def test_a_certificate_must_be_trusted_and_name_the_host(certificate, host, trusted, connects):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = Server(context)
    trust = {"SSL_CERT_FILE": str(certificate)} if trusted else {}
    client = Client(f"wss://{host}:{server.port}/", **trust)
    try:
        came = client.next("feed.connected", "feed.disconnected")
        assert (came["type"] == "feed.connected", server.attempts > 0) == (connects, connects)
    finally:
        client.stop()
        server.stop()


@pytest.mark.parametrize("root", ["ws://ws.kite.trade", "http://127.0.0.1", "ws://10.0.0.1:9000"])
def test_the_token_never_travels_in_the_clear(root):
    from trading.brokers.zerodha.ticker_client import HardenedTicker, TickerCallbacks

    with pytest.raises(ValueError, match="wss://"):
        HardenedTicker("key", "token", TickerCallbacks(*[lambda *_: None] * 7), root=root)
