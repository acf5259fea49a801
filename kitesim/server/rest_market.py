"""Instruments, quotes and candles."""

import asyncio
import gzip
import re
from datetime import datetime
from typing import Any

from aiohttp import web

from kitesim.errors import bad_input
from kitesim.exchange import board as b
from kitesim.exchange.candles import INTERVALS, LONGEST_SPAN
from kitesim.exchange.exchange import Exchange
from kitesim.exchange.listing import instruments_csv
from kitesim.exchange.trading_days import IST, day_of, ist_time, kite_time, midnight_of
from kitesim.server.limits import HISTORICAL, QUOTES
from kitesim.server.replies import EXCHANGE, as_rupees, reply_data, whole_number
from kitesim.server.throttle import common_limit, wall_limit

routes = web.RouteTableDef()
DRAWING = web.AppKey("drawing", asyncio.Lock)  # candles are drawn one request at a time, beside the loop
_FULL_AT_ONCE, _SHORT_AT_ONCE = 500, 1000


@routes.get("/instruments")
@routes.get("/instruments/{exchange:[A-Z]+}")
async def get_instruments(request: web.Request) -> web.Response:
    common_limit(request)
    rows = request.app[EXCHANGE].market.board.instruments
    text = instruments_csv(rows, request.match_info.get("exchange")).encode()
    if "gzip" not in request.headers.get("Accept-Encoding", ""):
        return web.Response(body=text, content_type="text/csv")
    return web.Response(body=gzip.compress(text), content_type="text/csv", headers={"Content-Encoding": "gzip"})


def _asked_rows(request: web.Request, most: int) -> list[tuple[str, int]]:
    """(what was asked, board row); unknown instruments are left out silently, as Kite does."""
    wall_limit(request, "quote", QUOTES)
    asked = request.query.getall("i", [])
    if not asked:
        raise bad_input("Missing or empty field `i`")
    if len(asked) > most:
        raise bad_input(f"Too many instruments; {most} at most")
    board = request.app[EXCHANGE].market.board
    found = ((key, _row(board, key)) for key in dict.fromkeys(asked))
    return [(key, row) for key, row in found if row is not None]


def _row(board: b.Board, key: str) -> int | None:
    return board.row_of.get(int(key)) if key.isdigit() else board.row_of_key.get(key)


@routes.get("/quote/ltp")
async def get_ltp(request: web.Request) -> web.Response:
    board = request.app[EXCHANGE].market.board
    return reply_data({key: _ltp(board, row) for key, row in _asked_rows(request, _SHORT_AT_ONCE)})


@routes.get("/quote/ohlc")
async def get_ohlc(request: web.Request) -> web.Response:
    board = request.app[EXCHANGE].market.board
    rows = _asked_rows(request, _SHORT_AT_ONCE)
    return reply_data({key: {**_ltp(board, row), "ohlc": _ohlc(board, row)} for key, row in rows})


@routes.get("/quote")
async def get_quote(request: web.Request) -> web.Response:
    exchange = request.app[EXCHANGE]
    return reply_data({key: _quote(exchange, row) for key, row in _asked_rows(request, _FULL_AT_ONCE)})


def _ltp(board: b.Board, row: int) -> dict[str, Any]:
    words = board.words[row]
    return {"instrument_token": int(words[b.TOKEN]), "last_price": as_rupees(words[b.LAST])}


def _ohlc(board: b.Board, row: int) -> dict[str, float]:
    words = board.words[row]
    fields = {"open": b.OPEN, "high": b.HIGH, "low": b.LOW, "close": b.CLOSE}
    return {name: as_rupees(words[field]) for name, field in fields.items()}


def _time(epoch: int) -> str | None:
    return kite_time(int(epoch)) if epoch else None


def _quote(exchange: Exchange, row: int) -> dict[str, Any]:
    board = exchange.market.board
    words, numbers = board.words[row], board.words[row].tolist()
    short = {
        **_ltp(board, row),
        "timestamp": _time(numbers[b.EXCHANGE_TIME] or int(exchange.now)),
        "ohlc": _ohlc(board, row),
        "net_change": (numbers[b.LAST] - numbers[b.CLOSE]) / 100,
    }
    if board.instruments[row].is_index:
        return short
    bids, asks = board.depth(row)
    return {
        **short,
        "last_trade_time": _time(numbers[b.LAST_TRADE_TIME]),
        "last_quantity": numbers[b.LAST_QUANTITY],
        "buy_quantity": numbers[b.BUY_QUANTITY],
        "sell_quantity": numbers[b.SELL_QUANTITY],
        "volume": numbers[b.VOLUME],
        "average_price": as_rupees(words[b.AVERAGE]),
        "oi": numbers[b.OI],
        "oi_day_high": numbers[b.OI_HIGH],
        "oi_day_low": numbers[b.OI_LOW],
        "lower_circuit_limit": as_rupees(board.lower_band[row]),
        "upper_circuit_limit": as_rupees(board.upper_band[row]),
        "depth": {"buy": _depth(bids), "sell": _depth(asks)},
    }


def _depth(levels: list[tuple[int, int, int]]) -> list[dict[str, Any]]:
    padded = levels + [(0, 0, 0)] * (b.LEVELS - len(levels))
    return [{"price": price / 100, "quantity": quantity, "orders": orders} for price, quantity, orders in padded]


def _moment(text: str, name: str) -> float:
    try:
        return datetime.fromisoformat(re.sub(r"[+]\d\d:?\d\d$", "", text.strip())).replace(tzinfo=IST).timestamp()
    except ValueError:
        raise bad_input(f"invalid {name} date") from None


@routes.get("/instruments/historical/{token}/{interval}")
async def get_historical(request: web.Request) -> web.Response:
    wall_limit(request, "historical", HISTORICAL)
    exchange, interval = request.app[EXCHANGE], request.match_info["interval"]
    token = whole_number(request.match_info["token"], "instrument_token")
    if interval not in INTERVALS:
        raise bad_input("invalid interval")
    first, last = (_moment(request.query.get(name, ""), name) for name in ("from", "to"))
    if first > last:
        raise bad_input("from date should be lesser than to date")
    if last - first > LONGEST_SPAN[interval] * 86_400 + 86_399:
        raise bad_input(f"interval exceeds max limit: {LONGEST_SPAN[interval]} days")
    if interval == "day":
        first = midnight_of(day_of(first))
    _check_flags(exchange, token, interval, request)
    async with request.app[DRAWING]:
        bars = await asyncio.to_thread(exchange.history.candles, token, interval, first, last, exchange.played)
    with_interest = request.query.get("oi") == "1"
    return reply_data({"candles": [_candle(row, with_interest) for row in bars.rows()]})


def _check_flags(exchange: Exchange, token: int, interval: str, request: web.Request) -> None:
    """``continuous`` strings expired futures together, by day only; here the live contract's own days are given."""
    row = exchange.market.board.row_of.get(token)
    if row is None:
        raise bad_input("invalid token")
    is_future = exchange.market.board.instruments[row].instrument_type == "FUT"
    if request.query.get("continuous") == "1" and not (is_future and interval == "day"):
        raise bad_input("continuous data is available only for futures, by day")


def _candle(row: tuple[int, ...], with_interest: bool) -> list[Any]:
    start, *prices, volume, interest = row
    at = ist_time(start).strftime("%Y-%m-%dT%H:%M:%S%z")
    return [at, *(price / 100 for price in prices), volume, *([interest] if with_interest else [])]
