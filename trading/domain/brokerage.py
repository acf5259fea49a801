"""What we ask of any broker, what it tells us, and the three answers a request can have.

BrokerError
  x OrderRefused          proof: nothing was placed, changed or cancelled
    - RateLimited         too many messages; the same may be asked later
    - AddressNotAllowed   our address is not registered: stop, a person must act
    - SessionExpired      log in again; nothing else will help
  x BrokerUnreachable     no proof either way: look it up by tag, never send it again
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from trading.domain.orders import OrderState


class BrokerError(Exception):
    """Something between us and the broker. ``code`` is the broker's word for it, if it gave one."""

    def __init__(self, words: str, code: str = "") -> None:
        super().__init__(words)
        self.words = words
        self.code = code


class OrderRefused(BrokerError):
    """Proof that the request had no effect."""


class RateLimited(OrderRefused):
    """Refused for the number of messages; nothing is wrong with the order."""


class AddressNotAllowed(OrderRefused):
    """Orders are not taken from this network address; each further try counts against the day."""


class SessionExpired(OrderRefused):
    """The access token is dead."""


class BrokerUnreachable(BrokerError):
    """The outcome is unknown: it may have been done."""


class WriteOutcome(StrEnum):
    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Ticket:
    """An order as it goes out. ``tag`` is ours, unique, and the only thread back to us."""

    tag: str
    exchange: str
    tradingsymbol: str
    signed_quantity: int
    product: str
    order_type: str
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    validity: str = "DAY"
    market_protection: Decimal | None = None

    @property
    def side(self) -> str:
        return "BUY" if self.signed_quantity > 0 else "SELL"


@dataclass(frozen=True, slots=True)
class OrderReport:
    """An order in the broker's book. ``tags`` holds ours among the broker's own."""

    broker_order_id: str
    tags: frozenset[str]
    exchange: str
    tradingsymbol: str
    signed_quantity: int
    product: str
    state: OrderState
    filled_quantity: int
    average_price: Decimal | None
    words: str
    broker_status: str  # as the broker wrote it
    placed_at: datetime | None
    updated_at: datetime | None


@dataclass(frozen=True, slots=True)
class BrokerTrade:
    """One trade in the broker's book; unique by exchange, day, trade id and order id."""

    trade_id: str
    broker_order_id: str
    exchange: str
    tradingsymbol: str
    product: str
    signed_quantity: int
    price: Decimal
    traded_at: datetime


@dataclass(frozen=True, slots=True)
class BrokerPosition:
    """The broker's net for a symbol and product."""

    exchange: str
    tradingsymbol: str
    product: str
    quantity: int
    average_price: Decimal


class Broker(Protocol):
    """Requests raise BrokerError; reads return everything of the day, or raise: never a part."""

    def place(self, ticket: Ticket) -> str:
        """Send an order once and return the broker's id for it; accepted is not yet filled."""

    def cancel(self, broker_order_id: str) -> None:
        """Ask for a cancellation; the book says later whether it happened."""

    def orders(self) -> list[OrderReport]: ...

    def trades(self) -> list[BrokerTrade]: ...
