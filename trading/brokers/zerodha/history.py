"""Candles from Kite's history: in requests no longer than it allows, and no faster."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from alphapanda.core.timezone import IST
from trading.brokers.data_port import HistoricalCandle
from trading.brokers.zerodha.client import KiteClient
from trading.brokers.zerodha.mapping import INTERVALS, LONGEST_SPAN_DAYS
from trading.brokers.zerodha.pace import Pace
from trading.orders.broker_port import BrokerError

REQUESTS_PER_SECOND = 3


_pace = Pace(REQUESTS_PER_SECOND)


def fetch_history(
    client: KiteClient, token: int, interval: int, start: datetime, end: datetime, pace: Pace = _pace
) -> list[HistoricalCandle]:
    """Return the candles that start from ``start`` to ``end``, both included and aware, oldest first.

    ``interval`` is in minutes, 1440 a day. The newest may still be forming. Raises KiteError,
    BrokerError for a reply that holds no candles, or ValueError for an interval Kite does not have.
    """
    if interval not in INTERVALS:
        raise ValueError(f"Kite has no candles of {interval} minutes: use one of {', '.join(map(str, INTERVALS))}")
    candles: dict[datetime, HistoricalCandle] = {}
    for since, until in split_period(start.astimezone(IST), end.astimezone(IST), LONGEST_SPAN_DAYS[interval]):
        pace.wait()
        candles.update((c.start, c) for c in _request(client, token, INTERVALS[interval], since, until))
    return [candles[at] for at in sorted(candles)]


def split_period(start: datetime, end: datetime, days: int) -> Iterator[tuple[datetime, datetime]]:
    """Cut a period into pieces of at most ``days``, with no second in two of them."""
    while start <= end:
        until = min(start + timedelta(days=days) - timedelta(seconds=1), end)
        yield start, until
        start = until + timedelta(seconds=1)


def _request(
    client: KiteClient, token: int, interval: str, since: datetime, until: datetime
) -> Iterator[HistoricalCandle]:
    data = client._get(
        "market.historical",
        url_args={"instrument_token": token, "interval": interval},
        params={
            "from": f"{since:%Y-%m-%d %H:%M:%S}",
            "to": f"{until:%Y-%m-%d %H:%M:%S}",
            "continuous": 0,
            "oi": 0,
        },
    )
    rows = data.get("candles") if isinstance(data, dict) else None
    if not isinstance(rows, list):
        raise BrokerError(f"history of {token} came without candles: {str(data)[:200]}")
    return (_candle(token, row) for row in rows)


def _candle(token: int, row: Any) -> HistoricalCandle:
    try:
        return _read_candle(row)
    except (TypeError, ValueError, ArithmeticError, LookupError) as odd:
        raise BrokerError(f"history of {token} has a candle that is none: {str(row)[:200]}") from odd


def _read_candle(row: list[Any]) -> HistoricalCandle:
    start = datetime.fromisoformat(row[0]).astimezone(IST)
    first, high, low, last = (Decimal(str(price)) for price in row[1:5])
    return HistoricalCandle(start, first, high, low, last, int(row[5]))
