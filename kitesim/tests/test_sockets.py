"""What the ticker refuses, and what the clock and the user's own hand do, without Zerodha's client."""

import asyncio
import json
from datetime import datetime

import aiohttp
import pytest


@pytest.fixture(scope="module")
def slow(start_sim):
    """A market that stands still, so that what is asked is all that happens."""
    return start_sim("--open-at", "11:00:00", "--rate", "0", "--no-limits")


@pytest.fixture(scope="module")
def address(slow) -> str:
    return f"{slow.ws_url}/?api_key=kitesim&access_token={slow.log_in().access_token}"


async def next_text(ws) -> dict:
    async for message in ws:
        if message.type == aiohttp.WSMsgType.TEXT:
            return json.loads(message.data)
    raise AssertionError("the socket closed")


async def test_the_fourth_socket_of_an_app_is_refused(address):
    async with aiohttp.ClientSession() as http:
        sockets = [await http.ws_connect(address) for _ in range(3)]
        with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
            await http.ws_connect(address)
        for ws in sockets:
            await ws.close()


async def test_more_than_three_thousand_tokens_get_an_error_and_the_socket_stays(address):
    await asyncio.sleep(0.2)  # the sockets of the test before may still be closing
    async with aiohttp.ClientSession() as http, http.ws_connect(address) as ws:
        await ws.send_json({"a": "subscribe", "v": list(range(256, 256 * 3002, 256))})
        assert (await next_text(ws))["type"] == "error"
        await ws.send_str("this is not JSON")
        assert (await next_text(ws))["data"] == "Invalid message"
        assert not ws.closed


def test_the_clock_stands_runs_and_jumps_but_never_goes_back(slow):
    before = slow.get("/sim/clock")
    assert before["market_time"] == "2026-11-23T11:00:00.000+05:30"
    jumped = slow.post("/sim/clock", {"advance_to": "11:05:00"})
    assert jumped["market_time"].startswith("2026-11-23T11:05:00")
    assert jumped["seq"] - before["seq"] == 300
    assert slow.post("/sim/clock", {"advance_to": "10:00:00"})["market_time"] == jumped["market_time"]
    assert slow.post("/sim/clock", {"rate": -1})["error_type"] == "InputException"
    slow.post("/sim/clock", {"rate": 100})
    assert slow.post("/sim/clock", {"rate": 0})["market_time"] >= jumped["market_time"]


def test_an_order_by_the_users_own_hand_is_seen_by_the_app(slow):
    kite = slow.log_in()
    ticket = {
        "exchange": "NSE", "tradingsymbol": "SBIN", "transaction_type": "BUY", "quantity": 5, "product": "MIS",
        "order_type": "MARKET", "market_protection": -1,
    }  # fmt: skip
    order_id = slow.post("/sim/orders", ticket)["order_id"]
    for _ in range(50):
        if kite.order_history(order_id)[-1]["status"] == "COMPLETE":
            break
    assert kite.orders()[-1]["placed_by"] == "WEB"
    slow.post("/sim/square_off", {})
    for _ in range(50):
        if kite.positions()["net"][0]["quantity"] == 0:
            break
    assert [order["placed_by"] for order in kite.orders()] == ["WEB", "RMS"]
    assert kite.positions()["net"][0]["quantity"] == 0
    assert isinstance(kite.trades()[0]["fill_timestamp"], datetime)
