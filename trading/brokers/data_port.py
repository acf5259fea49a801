"""What we ask of a broker beside orders: candles of the past, the day's price bands, and logins."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple, Protocol

from trading.orders.broker_port import BrokerConnection


class HistoricalCandle(NamedTuple):
    start: datetime  # aware, IST
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: int


class Band(NamedTuple):
    """The lowest and the highest price the exchange takes today."""

    low: Decimal
    high: Decimal


class MarketData(Protocol):
    """One account's market data. Requests raise BrokerError."""

    def fetch_history(
        self, instrument_token: int, interval: int, start: datetime, end: datetime
    ) -> Sequence[HistoricalCandle]:
        """Return the candles that start from ``start`` to ``end``, both included, oldest first.

        ``interval`` is in minutes, 1440 a day. The newest may still be forming.
        """

    def fetch_bands(self, keys: Sequence[str]) -> dict[str, Band]:
        """Return by key ("NSE:INFY") the bands of those the broker tells one of."""


class LoginRefused(Exception):
    """The broker did not take the login, or it belongs to somebody else."""


class CredentialMissing(Exception):
    """This process was not started with the account's credentials, or they are no good."""


class BrokerFolder(Protocol):
    """What each broker's ``folder.py`` offers: see ``trading.brokers.choice``."""

    def open_market_data(self, account_name: str) -> MarketData:
        """Return the account's market data. Raises SessionExpired if somebody has to log in first."""

    def open_orders(self, account_name: str) -> BrokerConnection:
        """Return the account's way to the exchange. Raises SessionExpired if somebody has to log in first."""

    def login_address(self, account_name: str, state: str) -> str:
        """Return the page where the account's owner logs in; it hands ``state`` back. Raises CredentialMissing."""

    def complete_login(self, account_name: str) -> None:
        """Exchange the request token the web left, once. Raises LoginRefused, BrokerError or CredentialMissing."""

    def log_in_to_practice(self, account_name: str) -> None:
        """Log in to the practice exchange, as a person would each morning. Raises LoginRefused or BrokerError."""
