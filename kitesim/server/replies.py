"""Kite's envelopes, and what every handler needs of a request."""

from typing import Any

import orjson
from aiohttp import web

from kitesim.errors import KiteError, bad_input
from kitesim.exchange.exchange import Exchange
from kitesim.server.sessions import App

EXCHANGE = web.AppKey("exchange", Exchange)
_USER = "kitesim.user"


def reply_data(data: Any) -> web.Response:
    return web.Response(body=orjson.dumps({"status": "success", "data": data}), content_type="application/json")


def reply_error(error: KiteError) -> web.Response:
    body = {"status": "error", "message": error.message, "data": None, "error_type": error.error_type}
    return web.Response(status=error.status, body=orjson.dumps(body), content_type="application/json")


async def read_form(request: web.Request) -> dict[str, str]:
    """Form fields; anything else is refused as Kite does."""
    fields = await request.post()
    if any(not isinstance(value, str) for value in fields.values()):
        raise bad_input("Files are not accepted")
    return {name: str(value) for name, value in fields.items()}


def check_session(request: web.Request) -> None:
    """Raises a TokenException unless the call carries a live session."""
    header = request.headers.get("Authorization", "")
    request[_USER] = request.app[EXCHANGE].sessions.authenticate_header(header)


def calling_user(request: web.Request) -> App:
    app: App = request[_USER]
    return app


def known_user(request: web.Request) -> str | None:
    """The caller's user id, if the call carries a live session."""
    if _USER not in request:
        # A fault struck before anybody asked who calls.
        try:
            check_session(request)
        except KiteError:
            return None
    return calling_user(request).user_id


def whole_number(text: str, name: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise bad_input(f"Invalid `{name}`.") from None


def as_rupees(paise: int) -> float:
    return int(paise) / 100
