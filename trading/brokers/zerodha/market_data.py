"""Kite's history and quotes as market data: in requests of a size Kite takes, and no faster than it answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from typing import Any

from trading.brokers.data_port import Band, HistoricalCandle
from trading.brokers.zerodha.client import KiteClient, KiteError
from trading.brokers.zerodha.history import fetch_history
from trading.brokers.zerodha.mapping import read_error_for
from trading.brokers.zerodha.pace import Pace

MOST_KEYS = 400  # 500 are allowed, but the address gets too long before that (kite.md, "Quotes")
_pace = Pace(1)  # Kite answers one request for quotes a second (kite.md 2.1)


class KiteMarketData:
    """Implements ``trading.brokers.data_port.MarketData``."""

    def __init__(self, client: KiteClient) -> None:
        self._client = client

    def fetch_history(
        self, instrument_token: int, interval: int, start: datetime, end: datetime
    ) -> list[HistoricalCandle]:
        with read_errors():
            return fetch_history(self._client, instrument_token, interval, start, end)

    def fetch_bands(self, keys: Sequence[str]) -> dict[str, Band]:
        bands: dict[str, Band] = {}
        for at in range(0, len(keys), MOST_KEYS):
            _pace.wait()
            with read_errors():
                quotes = self._client.quote(list(keys[at : at + MOST_KEYS]))
            bands |= {key: band for key, quote in quotes.items() if (band := band_in(quote))}
        return bands


@contextmanager
def read_errors() -> Iterator[None]:
    """Raise Kite's errors as the port's."""
    try:
        yield
    except KiteError as error:
        raise read_error_for(error.reply) from error


def band_in(quote: dict[str, Any]) -> Band | None:
    """Return the circuit limits of a quote; Kite sends 0 where there are none."""
    low, high = quote.get("lower_circuit_limit"), quote.get("upper_circuit_limit")
    return Band(Decimal(str(low)), Decimal(str(high))) if low and high else None
