"""An order as the broker keeps it, and what a ticket must look like to become one."""

from dataclasses import asdict, dataclass, field
from typing import Any

from kitesim.exchange.trading_days import kite_time

ENDED = frozenset({"COMPLETE", "CANCELLED", "REJECTED"})
ON_ITS_WAY = ("PUT ORDER REQ RECEIVED", "VALIDATION PENDING", "OPEN PENDING")


@dataclass
class Order:
    """Prices in paise, times in epoch seconds; ``turnover`` is what was traded in paise."""

    order_id: str
    user_id: str
    exchange: str
    symbol: str
    token: int
    side: str
    quantity: int
    product: str
    order_type: str
    price: int
    trigger: int
    validity: str
    validity_ttl: int
    disclosed: int
    tag: str | None
    protection: float
    placed_by: str
    placed_at: float
    status: str = ON_ITS_WAY[0]
    message: str | None = None
    filled: int = 0
    cancelled: int = 0
    turnover: int = 0
    exchange_order_id: str | None = None
    updated_at: float = 0.0
    modifications: int = 0
    tags: list[str] = field(default_factory=list)
    ahead: int = 0  # quantity queued before us at our price
    gathered: bool = False  # came before the open, waits for the first trade
    triggered: bool = False
    history: list[dict[str, Any]] = field(default_factory=list)

    @property
    def is_working(self) -> bool:
        return self.status in ("OPEN", "TRIGGER PENDING", "MODIFY PENDING", "CANCEL PENDING")

    @property
    def waits_for_trigger(self) -> bool:
        return self.order_type in ("SL", "SL-M") and not self.triggered

    @property
    def has_ended(self) -> bool:
        return self.status in ENDED

    @property
    def left(self) -> int:
        return self.quantity - self.filled - self.cancelled

    @property
    def is_buy(self) -> bool:
        return self.side == "BUY"

    def become(self, status: str, now: float, wall: float, message: str | None = None) -> None:
        """Take a status and remember how the order looked then."""
        self.status, self.updated_at = status, now
        self.message = message or self.message
        self.history.append({"wall": wall, "row": self.row()})

    def terms(self) -> dict[str, str]:
        """What may be modified, as the order API writes it; a triggered stop is a limit order by now."""
        kind = "LIMIT" if self.triggered else self.order_type
        return {
            "transaction_type": self.side, "product": self.product, "order_type": kind,
            "quantity": str(self.quantity), "price": f"{self.price / 100:.2f}", "validity": self.validity,
            "trigger_price": f"{self.trigger / 100:.2f}", "market_protection": str(self.protection),
            "validity_ttl": str(self.validity_ttl), "disclosed_quantity": str(self.disclosed),
        }  # fmt: skip

    def row(self) -> dict[str, Any]:
        """The order in Kite's own words and units."""
        average = self.turnover / self.filled / 100 if self.filled else 0
        at = kite_time(self.updated_at or self.placed_at)
        reached = self.exchange_order_id is not None
        return {
            "placed_by": self.placed_by, "order_id": self.order_id, "exchange_order_id": self.exchange_order_id,
            "parent_order_id": None, "status": self.status, "status_message": self.message,
            "status_message_raw": self.message, "order_timestamp": kite_time(self.placed_at),
            "exchange_update_timestamp": at if reached else None, "exchange_timestamp": at if reached else None,
            "variety": "regular", "modified": self.modifications > 0, "exchange": self.exchange,
            "tradingsymbol": self.symbol, "instrument_token": self.token, "order_type": self.order_type,
            "transaction_type": self.side, "validity": self.validity, "validity_ttl": self.validity_ttl,
            "product": self.product, "quantity": self.quantity, "disclosed_quantity": self.disclosed,
            "price": self.price / 100, "trigger_price": self.trigger / 100, "average_price": round(average, 4),
            "filled_quantity": self.filled, "pending_quantity": self.left, "cancelled_quantity": self.cancelled,
            "market_protection": 0, "meta": {}, "tag": self.tag, "tags": list(self.tags),
            "guid": f"{int(self.order_id) % 10**10:010d}X{self.token}",
        }  # fmt: skip

    def row_as_of(self, wall: float) -> dict[str, Any] | None:
        """How the order looked at a wall time; None if it was not there yet."""
        seen = [entry["row"] for entry in self.history if entry["wall"] <= wall]
        return seen[-1] if seen else None

    def saved(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Trade:
    """One execution; price in paise."""

    trade_id: str
    order_id: str
    exchange_order_id: str
    user_id: str
    exchange: str
    symbol: str
    token: int
    product: str
    side: str
    quantity: int
    price: int
    at: float
    wall: float

    @property
    def signed_quantity(self) -> int:
        return self.quantity if self.side == "BUY" else -self.quantity

    def row(self) -> dict[str, Any]:
        at = kite_time(self.at)
        return {
            "trade_id": self.trade_id, "order_id": self.order_id, "exchange_order_id": self.exchange_order_id,
            "exchange": self.exchange, "tradingsymbol": self.symbol, "instrument_token": self.token,
            "product": self.product, "average_price": self.price / 100, "quantity": self.quantity,
            "transaction_type": self.side, "fill_timestamp": at, "exchange_timestamp": at,
            "order_timestamp": at[11:],
        }  # fmt: skip
