"""Every order call that reached us and what became of it: what tests hold the platform's own story against."""

import time
from typing import Any

from aiohttp import web

from kitesim.errors import KiteError
from kitesim.exchange.trading_days import ist_time
from kitesim.server.replies import EXCHANGE, known_user, read_form

_VERBS = {"POST": "place", "PUT": "modify", "DELETE": "cancel"}


def is_order_call(request: web.Request) -> bool:
    return request.method in _VERBS and request.path.startswith("/orders/")


async def note_call(request: web.Request, accepted: bool, **outcome: Any) -> None:
    """Append one call; ``outcome`` is the order id, the refusal, or the fault that ate it."""
    exchange, (variety, *order_id) = request.app[EXCHANGE], request.path.split("/")[2:]
    params = dict(request.query) if request.method == "DELETE" else await read_form(request)
    exchange.store.add_request(
        {
            "verb": _VERBS[request.method], "variety": variety, "order_id": order_id[0] if order_id else None,
            "user_id": known_user(request), "wall_time": time.time(),
            "market_time": ist_time(exchange.now).isoformat(timespec="milliseconds"), "params": params,
            "accepted": accepted, **outcome,
        }
    )  # fmt: skip


async def note_refusal(request: web.Request, error: KiteError) -> None:
    refusal = {"status": error.status, "error_type": error.error_type, "message": error.message}
    await note_call(request, accepted=False, **refusal)
