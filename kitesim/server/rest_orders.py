"""Orders, trades, positions, holdings and margins."""

import time
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from kitesim.errors import KiteError, bad_input
from kitesim.exchange import board as b
from kitesim.exchange.exchange import Exchange
from kitesim.exchange.positions import segment_funds
from kitesim.server.oracle import note_call
from kitesim.server.replies import EXCHANGE, calling_user, read_form, reply_data
from kitesim.server.throttle import common_limit, order_limit

routes = web.RouteTableDef()


OrderCall = Callable[[web.Request], Awaitable[str]]


def _recorded(handler: OrderCall) -> Callable[[web.Request], Awaitable[web.Response]]:
    """Note the accepted call and answer with the order's id."""

    async def handle(request: web.Request) -> web.Response:
        order_id = await handler(request)
        await note_call(request, accepted=True, order_id=order_id)
        return reply_data({"order_id": order_id})

    return handle


def _regular(request: web.Request) -> None:
    if request.match_info["variety"] != "regular":
        raise bad_input("Invalid `variety`. The practice exchange takes regular orders only.")


@routes.post("/orders/{variety}")
@_recorded
async def place_order(request: web.Request) -> str:
    order_limit(request)
    _regular(request)
    given = await read_form(request)
    if given.get("autoslice") == "true":
        raise bad_input("The practice exchange does not slice orders.")
    exchange = request.app[EXCHANGE]
    return exchange.gateway.place(calling_user(request).user_id, given, exchange.phase())


@routes.put("/orders/{variety}/{order_id}")
@_recorded
async def modify_order(request: web.Request) -> str:
    common_limit(request)
    _regular(request)
    given, order_id = await read_form(request), request.match_info["order_id"]
    return request.app[EXCHANGE].gateway.modify(calling_user(request).user_id, order_id, given)


@routes.delete("/orders/{variety}/{order_id}")
@_recorded
async def cancel_order(request: web.Request) -> str:
    common_limit(request)
    _regular(request)
    return request.app[EXCHANGE].gateway.cancel(calling_user(request).user_id, request.match_info["order_id"])


def _seen_until(exchange: Exchange, kind: str) -> float:
    """Reads may trail writes, if a fault says so."""
    fault = exchange.faults.take_fault(kind) or (exchange.faults.take_fault("lag_book") if kind != "lag_book" else None)
    return time.time() - (float(fault.terms.get("seconds", 5)) if fault else -1.0)


@routes.get("/orders")
async def get_orders(request: web.Request) -> web.Response:
    common_limit(request)
    exchange = request.app[EXCHANGE]
    until = _seen_until(exchange, "lag_book")
    rows = (order.row_as_of(until) for order in exchange.gateway.orders_of(calling_user(request).user_id))
    return reply_data([row for row in rows if row is not None])


@routes.get("/orders/{order_id}")
async def order_history(request: web.Request) -> web.Response:
    common_limit(request)
    exchange = request.app[EXCHANGE]
    order = exchange.gateway.order_of(calling_user(request).user_id, request.match_info["order_id"])
    until = _seen_until(exchange, "lag_book")
    rows = [entry["row"] for entry in order.history if entry["wall"] <= until]
    if not rows:
        raise KiteError(404, "OrderException", "Couldn't find that `order_id`.")
    return reply_data(rows)


@routes.get("/trades")
async def get_trades(request: web.Request) -> web.Response:
    common_limit(request)
    exchange = request.app[EXCHANGE]
    until = _seen_until(exchange, "lag_trades")
    mine = exchange.gateway.trades_of(calling_user(request).user_id)
    return reply_data([trade.row() for trade in mine if trade.wall <= until])


@routes.get("/orders/{order_id}/trades")
async def order_trades(request: web.Request) -> web.Response:
    common_limit(request)
    exchange = request.app[EXCHANGE]
    order = exchange.gateway.order_of(calling_user(request).user_id, request.match_info["order_id"])
    until = _seen_until(exchange, "lag_trades")
    mine = (trade for trade in exchange.gateway.trades_of(order.user_id) if trade.order_id == order.order_id)
    return reply_data([trade.row() for trade in mine if trade.wall <= until])


@routes.get("/portfolio/positions")
async def get_positions(request: web.Request) -> web.Response:
    common_limit(request)
    exchange, user_id = request.app[EXCHANGE], calling_user(request).user_id
    board, gateway = exchange.market.board, exchange.gateway
    held = gateway.ledger.positions(user_id, gateway.trades_of(user_id)).values()
    shown = [(position, *_prices(board, position.token)) for position in held]
    return reply_data(
        {
            "net": [position.row(last, close, of_day=False) for position, last, close in shown],
            "day": [
                position.row(last, close, of_day=True)
                for position, last, close in shown
                if position.buys or position.sells
            ],
        }
    )


def _prices(board: b.Board, token: int) -> tuple[int, int]:
    row = board.row_of.get(token)
    return (0, 0) if row is None else (int(board.words[row, b.LAST]), int(board.words[row, b.CLOSE]))


@routes.get("/portfolio/holdings")
async def get_holdings(request: web.Request) -> web.Response:
    common_limit(request)
    exchange, user_id = request.app[EXCHANGE], calling_user(request).user_id
    board = exchange.market.board
    kept = exchange.gateway.ledger.holdings(user_id)
    sold = {
        position.symbol: max(-position.quantity, 0)
        for (_, product), position in exchange.gateway.ledger.positions(
            user_id, exchange.gateway.trades_of(user_id)
        ).items()
        if product == "CNC"
    }
    return reply_data([_holding(board, symbol, kept[symbol], sold.get(symbol, 0)) for symbol in kept])


def _holding(board: b.Board, symbol: str, held: dict[str, Any], used: int) -> dict[str, Any]:
    last, close = _prices(board, held["token"])
    average, owned = held["average"], held["quantity"] + held["t1"]
    change = last - close
    return {
        "tradingsymbol": symbol, "exchange": held["exchange"], "instrument_token": held["token"], "isin": "",
        "product": "CNC", "price": 0, "quantity": held["quantity"], "used_quantity": used, "t1_quantity": held["t1"],
        "realised_quantity": held["quantity"], "authorised_quantity": 0, "authorised_date": None,
        "opening_quantity": owned, "collateral_quantity": 0, "collateral_type": "", "discrepancy": False,
        "short_quantity": 0, "average_price": round(average / 100, 4), "last_price": last / 100,
        "close_price": close / 100, "pnl": (last - average) * owned / 100, "day_change": change / 100,
        "day_change_percentage": change / close * 100 if close else 0,
    }  # fmt: skip


@routes.get("/user/margins")
@routes.get("/user/margins/{segment}")
async def get_margins(request: web.Request) -> web.Response:
    common_limit(request)
    exchange, user_id = request.app[EXCHANGE], calling_user(request).user_id
    gateway = exchange.gateway
    equity = gateway.ledger.margins(
        user_id, gateway.orders_of(user_id), gateway.trades_of(user_id), exchange.market.board
    )
    both = {"equity": equity, "commodity": {**segment_funds(0, 0, 0), "enabled": False}}
    segment = request.match_info.get("segment")
    if segment is None:
        return reply_data(both)
    if segment not in both:
        raise bad_input("Invalid `segment`.")
    return reply_data(both[segment])
