"""The web server: routes, errors in Kite's envelopes, faults, and the ticker's door."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

from aiohttp import web

from kitesim.errors import KiteError, bad_token
from kitesim.exchange.exchange import Exchange
from kitesim.replay.programme import Programme
from kitesim.server import control, rest_market, rest_orders, rest_session
from kitesim.server.faults import Fault
from kitesim.server.limits import RateLimits
from kitesim.server.oracle import is_order_call, note_call, note_refusal
from kitesim.server.replies import EXCHANGE, check_session, reply_data, reply_error
from kitesim.server.throttle import LIMITS
from kitesim.server.ticker import MOST_SOCKETS, TickerSocket

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_OPEN_PATHS = ("/sim/", "/connect/", "/session/")
_NO_CONTENT_TYPE = "kitesim.no_content_type"
_HTML_502 = "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"


@web.middleware
async def wrap_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Errors in Kite's form."""
    try:
        return await handler(request)
    except KiteError as error:
        if is_order_call(request):
            await note_refusal(request, error)
        return reply_error(error)
    except web.HTTPNotFound:
        return reply_error(KiteError(404, "GeneralException", "Route not found"))
    except web.HTTPMethodNotAllowed:
        return reply_error(KiteError(405, "GeneralException", "Method not allowed"))


@web.middleware
async def apply_faults(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Apply the fault switched on for this call, if any."""
    fault = request.app[EXCHANGE].faults.take_for_request(request.method, request.path)
    if fault is None or request.path.startswith("/sim/"):
        return await handler(request)
    return await _suffer(fault, request, handler)


async def _suffer(fault: Fault, request: web.Request, handler: Handler) -> web.StreamResponse:
    """``accept`` among an error's terms lets the call do its work before the error is answered."""
    if fault.kind == "drop_before_accept" or (fault.kind in ("http", "html502") and not fault.terms.get("accept")):
        if is_order_call(request):
            await note_call(request, accepted=False, fault=fault.kind)
        return _failure(fault, request)
    response = await handler(request)
    if fault.kind == "wrong_data":
        return reply_data(fault.terms.get("data"))
    if fault.kind == "delay":
        await asyncio.sleep(float(fault.terms.get("ms", 2000)) / 1000)
        return response
    if fault.kind == "no_content_type":
        response[_NO_CONTENT_TYPE] = True
        return response
    return _failure(fault, request)


async def _strip(_: web.Request, response: web.StreamResponse) -> None:
    """The web framework names a content type where none is; this is after that."""
    if response.get(_NO_CONTENT_TYPE):
        response.headers.popall("Content-Type", None)


def _failure(fault: Fault, request: web.Request) -> web.StreamResponse:
    if fault.kind == "html502":
        return web.Response(status=502, text=_HTML_502, content_type="text/html")
    if fault.kind == "http":
        return reply_error(_refusal(fault))
    if isinstance(request.transport, asyncio.Transport):
        request.transport.abort()
    return web.Response()


def _refusal(fault: Fault) -> KiteError:
    terms = fault.terms
    return KiteError(
        int(terms.get("status", 500)),
        str(terms.get("error_type", "GeneralException")),
        str(terms.get("message", "Something unexpected happened. Please try again.")),
    )


@web.middleware
async def require_session(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A live session for every call but login and the simulation's own switches."""
    if request.path != "/" and not request.path.startswith(_OPEN_PATHS):
        check_session(request)
    return await handler(request)


async def open_ticker(request: web.Request) -> web.StreamResponse:
    """GET / : the WebSocket; a bad token or a fourth socket is refused with 403 at the upgrade."""
    exchange = request.app[EXCHANGE]
    if request.headers.get("Upgrade", "").lower() != "websocket":
        return web.Response(text="kitesim: a practice exchange. Log in at /connect/login?api_key=…")
    fault = exchange.faults.take_fault("refuse_upgrade")
    if fault:
        raise KiteError(int(fault.terms.get("status", 403)), "TokenException", "Upgrade refused")
    query = request.query
    app = exchange.sessions.authenticate(query.get("api_key", ""), query.get("access_token", ""))
    if sum(socket.api_key == app.api_key for socket in exchange.sockets) >= MOST_SOCKETS:
        raise bad_token("Too many connections for this app")
    ws = web.WebSocketResponse(compress=False, autoping=True)
    await ws.prepare(request)
    await _stay(exchange, ws, request, app.api_key)
    return ws


async def _stay(exchange: Exchange, ws: web.WebSocketResponse, request: web.Request, api_key: str) -> None:
    transport = request.transport
    if not isinstance(transport, asyncio.Transport):
        return
    socket = TickerSocket(ws, transport, api_key, exchange.market.board, exchange.faults, exchange.snapshots)
    if exchange.faults.active("half_open"):
        socket.go_deaf()
    exchange.sockets.append(socket)
    try:
        await socket.serve()
    finally:
        exchange.sockets.remove(socket)


def build_app(programme: Programme, limits: bool) -> web.Application:
    app = web.Application(middlewares=[wrap_errors, apply_faults, require_session], client_max_size=2**18)
    app[EXCHANGE], app[LIMITS] = programme.exchange, RateLimits(limits)
    app[control.PROGRAMME] = programme
    app.on_response_prepare.append(_strip)
    app[rest_market.DRAWING] = asyncio.Lock()
    app.router.add_get("/", open_ticker)
    for module in (rest_session, rest_market, rest_orders, control):
        app.router.add_routes(module.routes)
    return app


@contextlib.asynccontextmanager
async def serve_app(app: web.Application, host: str, port: int) -> AsyncIterator[tuple[str, int]]:
    """Listen; yields the address that was taken."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    site = web.TCPSite(runner, host, port)
    await site.start()
    address = runner.addresses[0]
    try:
        yield str(address[0]), int(address[1])
    finally:
        await runner.cleanup()
