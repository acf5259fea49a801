"""What we ask of any broker, what it tells us, and the three answers a request can have.

BrokerError
  x OrderRefused          proof: nothing was placed, changed or cancelled
    - RateLimited         too many messages; the same may be asked later
    - AddressNotAllowed   our address is not registered: stop, a person must act
    - SessionExpired      log in again; nothing else will help
  x BrokerUnreachable     no proof either way: look it up by tag, never send it again
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol, runtime_checkable
from uuid import UUID

from instruments.domain.order_terms import Side, side_of
from trading.orders.life_cycle import OrderState


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
class OrderTicket:
    """An order as it goes out. ``tag`` is ours, unique, and the only thread back to us."""

    tag: str
    instrument: str  # "NSE:INFY"
    signed_quantity: int
    order_type: str
    product: str
    validity: str
    price: Decimal | None
    trigger_price: Decimal | None
    market_protection: Decimal | None
    market_time: datetime  # of the decision
    instrument_id: UUID | None = None
    broker_order_id: str = ""  # once the broker gave one

    @property
    def side(self) -> Side:
        return side_of(self.signed_quantity)


@dataclass(frozen=True, slots=True)
class BrokerOrder:
    """What the broker's book says of one of our orders. ``status`` is one of ours: an OrderState.

    ``filled_quantity`` is None where the read did not say: then the report says nothing.
    """

    tag: str
    broker_order_id: str
    status: str
    filled_quantity: int | None
    message: str
    changed_at: datetime | None
    working_price: Decimal | None = None  # the limit it works at
    modify_number: int = 0  # the last modification that was answered
    modify_refusal: str = ""  # why it was refused; empty if it was done


@dataclass(frozen=True, slots=True)
class BrokerTrade:
    """One trade of one of our orders; unique by account, exchange, day, trade id and order id."""

    tag: str
    trade_id: str
    broker_order_id: str
    signed_quantity: int
    price: Decimal
    traded_at: datetime


class Broker(Protocol):
    """Takes our orders and tells what became of them. Requests raise BrokerError.

    Asked twice for one tag it may make two orders, unless it is a ``RepeatingBroker``: an unanswered order is looked up
    and never sent again.
    """

    def place_order(self, ticket: OrderTicket) -> str:
        """Send an order and return the broker's id for it; accepted is not yet filled."""

    def request_cancel(self, ticket: OrderTicket) -> None:
        """Ask for a cancellation; the book says later whether it happened."""

    def request_modify(self, ticket: OrderTicket, number: int, price: Decimal) -> None:
        """Ask for another limit price; the book says later whether it happened. ``number`` counts an order's own."""

    def changed_orders(self) -> Iterable[BrokerOrder]:
        """Return the orders whose last change has not been taken yet."""

    def note_report_taken(self, order: BrokerOrder) -> None:
        """Note that a change is part of our own book now."""

    def new_trades(self) -> Iterable[BrokerTrade]:
        """Return the trades not booked yet, oldest first."""

    def note_trade_booked(self, trade: BrokerTrade) -> None:
        """Note that a trade is part of our own book now."""

    def note_trade_not_booked(self, trade: BrokerTrade, error: str) -> None:
        """Note that a trade could not be booked this time."""


@runtime_checkable
class RepeatingBroker(Broker, Protocol):
    """One at which asking twice for one tag is one order."""

    def has_request(self, ticket: OrderTicket) -> bool:
        """Whether the order was asked for: it proves either."""


@dataclass(frozen=True, slots=True)
class BrokerOrderRow:
    """A row of the broker's own order book: anybody's orders on the account, ours by their tag."""

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
    price: Decimal | None = None  # the limit it works at; None at market
    is_changing: bool = False  # a change or a cancellation is under way at the exchange
    variety: str = ""  # the broker's kind of order, without which nothing can be asked of it


@dataclass(frozen=True, slots=True)
class BrokerTradeRow:
    """A row of the broker's own trade book, which does not repeat the order's tag."""

    trade_id: str
    broker_order_id: str
    exchange: str
    tradingsymbol: str
    product: str
    signed_quantity: int
    price: Decimal
    traded_at: datetime


@dataclass(frozen=True, slots=True)
class BrokerPositionRow:
    """The broker's signed net for a symbol and product, in units."""

    exchange: str
    tradingsymbol: str
    product: str
    quantity: int


class BrokerBook(Protocol):
    """The broker's own books of the day. Each read returns all of it, or raises: never a part."""

    def orders(self) -> list[BrokerOrderRow]: ...

    def trades(self) -> list[BrokerTradeRow]: ...

    def positions(self) -> list[BrokerPositionRow]: ...

    def holdings(self) -> list[BrokerPositionRow]:
        """Return shares in the demat account, those of yesterday (T+1) included; today's trades are positions."""


class BrokerConnection(BrokerBook, Protocol):
    """One account's way to a broker on the network: requests, each sent once, and its books. Raises BrokerError."""

    def place_order(self, ticket: OrderTicket) -> str: ...

    def request_cancel(self, ticket: OrderTicket) -> None: ...

    def request_cancel_of(self, broker_order_id: str, variety: str) -> None:
        """Ask for the cancellation of an order that need not be ours."""

    def request_modify(self, ticket: OrderTicket, price: Decimal) -> None: ...
