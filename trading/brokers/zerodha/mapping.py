"""Kite's words and ours, and what a reply proves. Pure; nothing beyond this folder knows a Kite word."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from alphapanda.core.timezone import IST
from instruments.domain.order_terms import NEEDS_PRICE, TAKES_MARKET, OrderType, Product
from trading.brokers.zerodha.rejections import Meaning, explained, rejection_in
from trading.orders.broker_port import (
    AddressNotAllowed,
    BrokerError,
    BrokerOrderRow,
    BrokerPositionRow,
    BrokerTradeRow,
    BrokerUnreachable,
    OrderRefused,
    OrderTicket,
    RateLimited,
    SessionExpired,
    WriteOutcome,
)
from trading.orders.life_cycle import OrderState

Row = Mapping[str, Any]

# Open-ended: Kite adds interim words, so what is not listed is not terminal (kite.md 2.4).
STATES: dict[str, OrderState] = {
    "PUT ORDER REQ RECEIVED": OrderState.SUBMITTED,
    "VALIDATION PENDING": OrderState.SUBMITTED,
    "OPEN PENDING": OrderState.SUBMITTED,
    "AMO REQ RECEIVED": OrderState.SUBMITTED,
    "OPEN": OrderState.OPEN,
    "MODIFY VALIDATION PENDING": OrderState.OPEN,
    "MODIFY PENDING": OrderState.OPEN,
    "MODIFIED": OrderState.OPEN,
    "CANCEL PENDING": OrderState.OPEN,
    "UPDATE": OrderState.OPEN,
    "TRIGGER PENDING": OrderState.TRIGGER_PENDING,
    "COMPLETE": OrderState.FILLED,
    "CANCELLED": OrderState.CANCELLED,
    "REJECTED": OrderState.REJECTED,
}

# A request of somebody's is under way at the exchange; what the row shows may change with the next reading.
_UNDER_WAY = frozenset({"MODIFY VALIDATION PENDING", "MODIFY PENDING", "CANCEL PENDING"})

INTERVALS: dict[int, str] = {
    1: "minute",
    3: "3minute",
    5: "5minute",
    10: "10minute",
    15: "15minute",
    30: "30minute",
    60: "60minute",
    1440: "day",
}
# Days one request for candles may span (kite.md 2.10).
LONGEST_SPAN_DAYS: dict[int, int] = {1: 60, 3: 100, 5: 100, 10: 100, 15: 200, 30: 200, 60: 400, 1440: 2000}

# What these error types say of a write is final, with a 4xx that Kite itself wrote.
_REFUSING_TYPES = frozenset(
    {
        "InputException",
        "OrderException",
        "MarginException",
        "HoldingException",
        "UserException",
        "PermissionException",
        "TokenException",
    }
)
_REFUSING_STATUSES = frozenset({400, 403, 404, 405, 410, 428})
TOO_MANY = 429


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back from a write. ``status`` None: nothing did. ``is_envelope``: it was Kite's own JSON."""

    status: int | None
    error_type: str = ""
    words: str = ""
    is_envelope: bool = False
    has_order_id: bool = False
    is_sent: bool = True  # False only by proof: the connection failed before a byte of it left


def classify_reply(reply: Reply) -> WriteOutcome:
    """Return what a reply to a write proves; whatever is not proof is unknown (kite.md 2.5)."""
    if not reply.is_sent or reply.status == TOO_MANY:
        return WriteOutcome.REFUSED
    if not reply.is_envelope or reply.status is None:
        return WriteOutcome.UNKNOWN
    known = rejection_in(reply.words) if reply.error_type else None
    if known is not None and (not known.is_final or reply.status in _REFUSING_STATUSES):
        return WriteOutcome.REFUSED if known.is_final else WriteOutcome.UNKNOWN
    if reply.status == 200 and reply.has_order_id and not reply.error_type:
        return WriteOutcome.ACCEPTED
    is_refusal = reply.status in _REFUSING_STATUSES and reply.error_type in _REFUSING_TYPES
    return WriteOutcome.REFUSED if is_refusal else WriteOutcome.UNKNOWN


def error_for(reply: Reply) -> BrokerError:
    """Return the broker error a failed write stands for."""
    words = reply.words or "no answer"
    if classify_reply(reply) is not WriteOutcome.REFUSED:
        return BrokerUnreachable(words, reply.error_type)
    return _refusal(reply)(explained(words), reply.error_type or "not_sent")


def read_error_for(reply: Reply) -> BrokerError:
    """Return the broker error a failed read stands for: a dead session, or nothing known."""
    kind = SessionExpired if _is_session_end(reply) else BrokerUnreachable
    return kind(reply.words or "no answer", reply.error_type)


def _refusal(reply: Reply) -> type[OrderRefused]:
    if reply.status == TOO_MANY:
        return RateLimited
    # The type of this refusal has varied; the text has not (kite.md 1.6).
    known = rejection_in(reply.words)
    if known is not None and known.meaning is Meaning.ADDRESS:
        return AddressNotAllowed
    return SessionExpired if _is_session_end(reply) else OrderRefused


def _is_session_end(reply: Reply) -> bool:
    return reply.error_type == "TokenException" and reply.status == 403


def place_params(ticket: OrderTicket) -> dict[str, str]:
    """Return the form of POST /orders/regular."""
    exchange, _, tradingsymbol = ticket.instrument.partition(":")
    params = {
        "exchange": exchange,
        "tradingsymbol": tradingsymbol,
        "transaction_type": ticket.side,
        "quantity": str(abs(ticket.signed_quantity)),
        "product": ticket.product,
        "order_type": ticket.order_type,
        "validity": ticket.validity,
        "tag": ticket.tag,
    }
    prices = {
        "price": ticket.price,
        "trigger_price": ticket.trigger_price,
        "market_protection": ticket.market_protection if ticket.order_type in TAKES_MARKET else None,
    }
    return params | {name: f"{value:f}" for name, value in prices.items() if value is not None}


def modify_params(ticket: OrderTicket, price: Decimal) -> dict[str, str]:
    """Return the form of PUT /orders/regular: another price. The quantity stays away: Kite would take it as changed.

    A market order rests as a limit at its protected price, so a limit is what it becomes.
    """
    kind = OrderType.LIMIT if ticket.order_type in TAKES_MARKET else ticket.order_type
    params = {"order_type": str(kind), "price": f"{price:f}", "validity": ticket.validity}
    return params | ({"trigger_price": f"{ticket.trigger_price:f}"} if kind == OrderType.SL else {})


def order_state(status: str, filled_quantity: int = 0) -> OrderState:
    """Return our state; an unknown word is not terminal, and a fill proves the order rests."""
    unknown = OrderState.OPEN if filled_quantity else OrderState.SUBMITTED
    return STATES.get(_plain_status(status), unknown)


def _plain_status(status: str) -> str:
    return " ".join(status.upper().split())


def order_report(row: Row) -> BrokerOrderRow:
    """Read one row of GET /orders. Raises KeyError, TypeError or ValueError for a row that is not one."""
    status, filled = _text(row, "status"), _whole(row, "filled_quantity")
    return BrokerOrderRow(
        broker_order_id=_text(row, "order_id"),
        tags=_tags(row),
        exchange=_text(row, "exchange"),
        tradingsymbol=_text(row, "tradingsymbol"),
        signed_quantity=_signed(row),
        product=_text(row, "product"),
        state=order_state(status, filled),
        filled_quantity=filled,
        average_price=_price(row, "average_price") if filled else None,
        words=explained(row.get("status_message_raw") or row.get("status_message") or ""),
        broker_status=status,
        placed_at=ist_time(row.get("order_timestamp")),
        updated_at=ist_time(row.get("exchange_update_timestamp")),
        price=_limit(row) if row.get("order_type") in NEEDS_PRICE else None,
        is_changing=_plain_status(status) in _UNDER_WAY,
        variety=str(row.get("variety") or ""),
    )


def trade_row(row: Row) -> BrokerTradeRow:
    """Read one row of GET /trades. Raises KeyError, TypeError or ValueError for a row that is not one."""
    traded_at = ist_time(row.get("fill_timestamp")) or ist_time(row.get("exchange_timestamp"))
    if traded_at is None:
        raise ValueError(f"trade {row['trade_id']} has no time")
    return BrokerTradeRow(
        trade_id=_text(row, "trade_id"),
        broker_order_id=_text(row, "order_id"),
        exchange=_text(row, "exchange"),
        tradingsymbol=_text(row, "tradingsymbol"),
        product=_text(row, "product"),
        signed_quantity=_signed(row),
        price=_price(row, "average_price"),
        traded_at=traded_at,
    )


def position_row(row: Row) -> BrokerPositionRow:
    """Read one row of the ``net`` list of GET /portfolio/positions; flat rows of the day have a quantity of 0."""
    return BrokerPositionRow(
        exchange=_text(row, "exchange"),
        tradingsymbol=_text(row, "tradingsymbol"),
        product=_text(row, "product"),
        quantity=_whole(row, "quantity"),
    )


def holding_row(row: Row) -> BrokerPositionRow:
    """Read one row of GET /portfolio/holdings as delivery held: settled and T+1; what was sold today is a position."""
    return BrokerPositionRow(
        exchange=_text(row, "exchange"),
        tradingsymbol=_text(row, "tradingsymbol"),
        product=Product.CNC,
        quantity=_whole(row, "quantity") + _whole(row, "t1_quantity"),
    )


def ist_time(value: str | datetime | None) -> datetime | None:
    """Read one of Kite's times, which name no zone and mean IST; one from before 2000 is missing."""
    if not value:
        return None
    at = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    aware = at if at.tzinfo else at.replace(tzinfo=IST)
    return aware if aware.year >= 2000 else None


def _tags(row: Row) -> frozenset[str]:
    """The broker adds tags of its own beside ours."""
    return frozenset(tag for tag in [row.get("tag"), *(row.get("tags") or [])] if tag)


def _signed(row: Row) -> int:
    sign = {"BUY": 1, "SELL": -1}[row["transaction_type"]]
    if (quantity := _whole(row, "quantity")) <= 0:
        raise ValueError(f"a quantity of {quantity}")
    return sign * quantity


def _text(row: Row, name: str) -> str:
    """Return an id or a word; one that is missing, null or empty makes the row unreadable, never a guess."""
    if not isinstance(value := row[name], str | int) or isinstance(value, bool) or value == "":
        raise ValueError(f"{name} is {value!r}")
    return str(value)


def _whole(row: Row, name: str) -> int:
    value = row[name]
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or value != int(value):
        raise ValueError(f"{name} is {value!r}")
    return int(value)


def _limit(row: Row) -> Decimal | None:
    """Return an order's limit, None where it is 0, as the order of somebody else can be."""
    return None if row["price"] == 0 else _price(row, "price")


def _price(row: Row, name: str) -> Decimal:
    """Return a price; NaN, nothing and 0 are no price."""
    price = Decimal(str(row[name]))
    if not price.is_finite() or price <= 0:
        raise ValueError(f"{name} is {price}")
    return price
