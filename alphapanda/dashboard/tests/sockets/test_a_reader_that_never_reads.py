"""On a real daphne: a browser that reads nothing is dropped, and costs the others nothing."""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from channels.layers import get_channel_layer
from django.conf import settings

from alphapanda.dashboard.tests.sockets.test_a_browser_hears_what_happens import QUOTE

HANDSHAKE = (
    "GET /ws/v1/ HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nCookie: {cookie}\r\n\r\n"
)
SUBSCRIBE = b'{"type":"subscribe","topic":"market"}'
# 64 unsent at five a second, and before them what the kernel keeps. daphne gives up who answers no ping after 50 s.
DROPPED_WITHIN = 45
FEW_BYTES = 16_384
PRICES = 1500


def masked(text: bytes) -> bytes:
    """Return a text frame with a mask of zeros, which changes nothing."""
    return bytes([0x81, 0x80 | len(text), 0, 0, 0, 0]) + text


@pytest.fixture
async def host(cookie: str, tmp_path: Path) -> AsyncIterator[str]:
    """A daphne of its own on this test's database; what it logs stands in ``tmp_path``."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{free.getsockname()[1]}"
    names = settings.DATABASES["default"]
    address = f"postgres://{names['USER']}:{names['PASSWORD']}@{names['HOST'].replace('/', '%2F')}/{names['NAME']}"
    command = f"{sys.executable} -m daphne -v 0 -b 127.0.0.1 -p {host.split(':')[1]} alphapanda.asgi:application"
    with (tmp_path / "daphne.log").open("w") as log:
        environment = os.environ | {"DATABASE_URL": address, "LOG_LEVEL": "INFO"}
        daphne = subprocess.Popen(command.split(), env=environment, stdout=log, stderr=log)
        yield host
        daphne.terminate()
        daphne.wait(10)


async def connected(host: str, cookie: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    name, port = host.split(":")
    while True:
        line = socket.socket()
        # Small buffers: a reader whose bytes nobody takes soon stops taking them from the kernel.
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, FEW_BYTES)
        line.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(line, (name, int(port)))
            break
        except ConnectionRefusedError:
            line.close()
            await asyncio.sleep(0.2)
    reader, writer = await asyncio.open_connection(sock=line, limit=FEW_BYTES)
    session = f"{settings.SESSION_COOKIE_NAME}={cookie}"
    writer.write(HANDSHAKE.format(host=host, cookie=session).encode())
    assert b"101" in await reader.readuntil(b"\r\n\r\n")
    writer.write(masked(SUBSCRIBE))
    return reader, writer


async def send_prices() -> None:
    """Send new prices five times a second, for ever."""
    quotes = [QUOTE | {"k": f"NSE:S{n}"} for n in range(PRICES)]
    message = {"type": "market.update", "payload": {"v": [1, 1], "at": QUOTE["t"], "quotes": quotes}}
    while True:
        await get_channel_layer().group_send("market", message)
        await asyncio.sleep(0.2)


async def bytes_until_the_end(reader: asyncio.StreamReader) -> int:
    total = 0
    try:
        while data := await reader.read(65536):
            total += len(data)
    except ConnectionResetError:
        pass  # an aborted connection ends like this
    return total


async def test_a_reader_that_never_reads_is_dropped_and_others_go_on(host: str, cookie: str, tmp_path: Path) -> None:
    stuck, stuck_writer = await connected(host, cookie)
    good, good_writer = await connected(host, cookie)
    prices = asyncio.create_task(send_prices())
    taken = asyncio.create_task(bytes_until_the_end(good))
    async with asyncio.timeout(DROPPED_WITHIN):
        while "slow_browser_dropped" not in (tmp_path / "daphne.log").read_text():
            await asyncio.sleep(0.2)
    assert not taken.done()
    prices.cancel()
    kept = await asyncio.wait_for(bytes_until_the_end(stuck), 10)
    for writer in (stuck_writer, good_writer):
        writer.close()
    assert kept < await taken
