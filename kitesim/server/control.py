"""The simulation's own switches under /sim: clock, faults, oracle, statistics. No login is asked."""

from datetime import datetime
from typing import Any

from aiohttp import web

from kitesim.errors import bad_input
from kitesim.exchange.exchange import Exchange
from kitesim.exchange.trading_days import IST
from kitesim.replay.programme import Programme
from kitesim.server.faults import Fault
from kitesim.server.replies import EXCHANGE, whole_number

routes = web.RouteTableDef()
PROGRAMME = web.AppKey("programme", Programme)


async def _json(request: web.Request) -> dict[str, Any]:
    try:
        body = await request.json()
    except ValueError:
        raise bad_input("The body must be JSON") from None
    if not isinstance(body, dict):
        raise bad_input("The body must be a JSON object")
    return body


@routes.get("/sim/clock")
async def show_clock(request: web.Request) -> web.Response:
    return web.json_response(request.app[EXCHANGE].clock_report())


@routes.post("/sim/clock")
async def set_clock(request: web.Request) -> web.Response:
    """{"rate": market seconds per second} and/or {"advance_to": time of today, or a full ISO time}."""
    exchange, body = request.app[EXCHANGE], await _json(request)
    try:
        if "rate" in body:
            exchange.clock.set_rate(float(body["rate"]))
            request.app[PROGRAMME].save(now=True)
        if "advance_to" in body:
            await request.app[PROGRAMME].advance_to(_moment(exchange, str(body["advance_to"])))
    except (ValueError, TypeError) as error:
        raise bad_input(str(error)) from None
    return web.json_response(exchange.clock_report())


@routes.post("/sim/shocks")
async def add_shock(request: web.Request) -> web.Response:
    """{"symbol", "percent": signed, "over": market seconds, 0 for a gap, "thin": percent}: a share moves."""
    body = await _json(request)
    try:
        terms = str(body["symbol"]), float(body["percent"]), int(body.get("over", 0)), float(body.get("thin", 0))
        await request.app[PROGRAMME].shock(*terms)
    except KeyError as missing:
        raise bad_input(f"{missing} is missing") from None
    except (ValueError, TypeError) as error:
        raise bad_input(str(error)) from None
    return web.json_response(dict(zip(("symbol", "percent", "over", "thin"), terms, strict=True)))


def _moment(exchange: Exchange, text: str) -> int:
    if "T" not in text and len(text) <= 8:
        text = f"{exchange.market.day}T{text}"
    moment = datetime.fromisoformat(text)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=IST)).timestamp())


@routes.post("/sim/start")
async def start_replay(request: web.Request) -> web.Response:
    request.app[PROGRAMME].start()
    return web.json_response({"started": True})


@routes.get("/sim/faults")
async def list_faults(request: web.Request) -> web.Response:
    return web.json_response([fault.report() for fault in request.app[EXCHANGE].faults.now_on()])


@routes.post("/sim/faults")
async def add_fault(request: web.Request) -> web.Response:
    exchange = request.app[EXCHANGE]
    fault = exchange.faults.add(await _json(request))
    _strike_at_once(exchange, fault)
    return web.json_response(fault.report())


def _strike_at_once(exchange: Exchange, fault: Fault) -> None:
    """Some faults happen to what is connected now."""
    if fault.kind == "half_open":
        for socket in exchange.sockets:
            socket.go_deaf()
    elif fault.kind == "close_sockets":
        exchange.drop_sockets()
    elif fault.kind == "expire_token":
        keys = [fault.terms["api_key"]] if "api_key" in fault.terms else list(exchange.sessions.apps)
        for key in keys:
            exchange.sessions.close(key)
            exchange.drop_sockets(key)
    if fault.kind in ("close_sockets", "expire_token") or (fault.kind == "half_open" and fault.until is None):
        exchange.faults.clear(fault.kind)


@routes.delete("/sim/faults")
async def clear_faults(request: web.Request) -> web.Response:
    return web.json_response({"cleared": request.app[EXCHANGE].faults.clear(request.query.get("kind"))})


@routes.get("/sim/requests")
async def list_requests(request: web.Request) -> web.Response:
    """Every order call that reached the exchange, accepted or refused, oldest first."""
    after = whole_number(request.query.get("after", "0"), "after")
    return web.json_response(request.app[EXCHANGE].store.requests_after(after))


@routes.get("/sim/frames")
async def count_frames(request: web.Request) -> web.Response:
    exchange = request.app[EXCHANGE]
    sockets = [
        {
            "api_key": socket.api_key, "tokens": len(socket.tokens), "frames": socket.frames_sent,
            "bytes": socket.bytes_sent, "waiting": socket.waiting, "conflated": socket.frames_conflated,
        }
        for socket in exchange.sockets
    ]  # fmt: skip
    report = {"seq": exchange.seq, "played": exchange.played, "finished": exchange.finished, "sockets": sockets}
    return web.json_response(report)


@routes.post("/sim/orders")
async def place_by_hand(request: web.Request) -> web.Response:
    """An order the user places outside any app: {"user_id", and what the order API takes}."""
    exchange, body = request.app[EXCHANGE], await _json(request)
    given = {name: str(value) for name, value in body.items() if name != "user_id"}
    user_id = str(body.get("user_id") or next(iter(exchange.sessions.apps.values())).user_id)
    order_id = exchange.gateway.place(user_id, given, exchange.phase(), placed_by="WEB")
    return web.json_response({"order_id": order_id})


@routes.post("/sim/square_off")
async def square_off(request: web.Request) -> web.Response:
    """The broker closes everyone's intraday positions now."""
    exchange = request.app[EXCHANGE]
    for derivatives in (False, True):
        exchange.gateway.square_off(derivatives, exchange.phase())
    return web.json_response({"squared_off": True})
