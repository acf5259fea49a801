"""Candles with what was filled on them and where a position would be left, as the browser draws them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, TypedDict
from uuid import UUID

from alphapanda.core.figures import clock_time, plain, whole
from alphapanda.dashboard.panels.naming import done_word
from instruments.domain.order_terms import Side
from market.models import Candle

INTERVALS = (5, 3, 15, 1, 30, 60)


class CandleChart(TypedDict):
    """``candles`` are [epoch seconds, open, high, low, close]; prices are exact decimals."""

    title: str
    words: str
    candles: list[list[object]]
    levels: list[dict[str, str]]
    fills: list[FillMark]


class FillMark(TypedDict):
    """``at`` begins the candle it fell into; ``words`` stand at the mark, ``said`` is told of it when pointed at."""

    at: int
    side: str
    words: str
    said: str


def candle_chart(
    symbol: str, interval: int, candles: Iterable[Candle], levels: Mapping[str, Decimal | None], fills: Iterable[Any]
) -> CandleChart:
    bars, marks = [candle_row(candle) for candle in candles], [fill_mark(fill, interval) for fill in fills]
    known = [(name, price) for name, price in levels.items() if price is not None]
    told = [f"{len(bars)} candles of {symbol}, {interval} min", *(f"{name} {plain(price)}" for name, price in known)]
    return {
        "title": f"{symbol}, {interval} min",
        "words": "; ".join([*told, *(mark["said"] for mark in marks[-5:])]),
        "candles": bars,
        "levels": [{"name": name, "price": f"{price:f}"} for name, price in known],
        "fills": marks,
    }


def candle_row(candle: Candle) -> list[object]:
    prices = (candle.open, candle.high, candle.low, candle.close)
    return [int(candle.start.timestamp()), *(f"{price:f}" for price in prices)]


def fill_mark(fill: Any, interval: int) -> FillMark:
    """``fill`` is one of an order's, or anything with the same columns."""
    side = Side.BUY if fill.signed_quantity > 0 else Side.SELL
    words = f"{done_word(side)} {whole(abs(fill.signed_quantity))}"
    return {
        "at": candle_start(fill.at, interval),
        "side": "Buy" if side == Side.BUY else "Sell",
        "words": words,
        "said": f"{clock_time(fill.at)} {words} at {plain(fill.price)}: {fill.order.signal.reason}",
    }


def candle_start(at: datetime, interval: int) -> int:
    seconds = int(at.timestamp())
    return seconds - seconds % (interval * 60)


def stored_interval(instrument: UUID, asked: object = None) -> int:
    """Return ``asked``, or the first of the usual intervals, of which there are candles; else the usual one."""
    wanted = [asked, *INTERVALS] if isinstance(asked, int) else list(INTERVALS)
    there = (interval for interval in wanted if Candle.objects.of(instrument, interval).exists())
    return next(there, INTERVALS[0])
