"""An order at the paper exchange, the rules it is matched by, and what becomes of it."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from alphapanda.core.timezone import IST
from instruments.domain.order_terms import Validity
from instruments.domain.price_protection import UNTOLD, Protection
from instruments.domain.sessions import PhaseKind
from trading.orders.life_cycle import OrderState, is_terminal
from trading.paper.depth import Liquidity, plain_value


@dataclass(frozen=True, slots=True)
class PaperRules:
    """What holds for one instrument on one day, at the moment of matching."""

    tick_size: Decimal
    lot_size: int
    phase: str | None  # kind of session phase now; None is closed
    closes_at: datetime | None  # the end of the instrument's continuous session
    protection: Protection = UNTOLD  # the dated facts of its contract and day
    freeze_quantity: int | None = None
    takes_sl_m: bool = True

    @property
    def is_continuous(self) -> bool:
        return self.phase == PhaseKind.CONTINUOUS


@dataclass(frozen=True, slots=True)
class PaperOrder:
    """An order at the paper exchange. ``limit`` is the price it works at, once it has one."""

    tag: str
    signed_quantity: int
    order_type: str  # MARKET, LIMIT, SL, SL-M
    arrives_at: datetime  # signal time and latency; no book from before is used
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    validity: str = Validity.DAY
    market_protection: Decimal | None = Decimal(-1)
    state: OrderState = OrderState.SUBMITTED
    limit: Decimal | None = None
    awaits_book: bool = True  # it takes from the first book seen after it arrives, then rests
    filled: int = 0
    trade_count: int = 0
    queue_ahead: int | None = None  # quantity quoted before ours; None: the book does not reach
    seen_volume: int | None = None
    words: str = ""

    @property
    def is_buy(self) -> bool:
        return self.signed_quantity > 0

    @property
    def sign(self) -> int:
        return 1 if self.signed_quantity > 0 else -1

    @property
    def quantity(self) -> int:
        return abs(self.signed_quantity)

    @property
    def remaining(self) -> int:
        return self.quantity - self.filled

    @property
    def is_done(self) -> bool:
        return is_terminal(self.state)

    def is_of_day_before(self, now: datetime) -> bool:
        """Whether its day is over: DAY and IOC orders do not outlive it, whoever slept over the close."""
        return self.arrives_at.astimezone(IST).date() < now.astimezone(IST).date()

    def accepts(self, price: Decimal) -> bool:
        """Whether a price is at the limit or better."""
        return self.limit is not None and (self.limit - price) * self.sign >= 0


@dataclass(frozen=True, slots=True)
class PaperFill:
    """One trade; its id derives from tag and ordinal, so a replay makes the same."""

    tag: str
    ordinal: int
    signed_quantity: int
    price: Decimal
    at: datetime

    @property
    def trade_id(self) -> str:
        return f"{self.tag}-{self.ordinal}"


@dataclass(frozen=True, slots=True)
class OrderEvent:
    """What the exchange did with an order: accepted, triggered, rejected, modified, filled, cancelled…"""

    kind: str
    words: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Outcome:
    order: PaperOrder
    liquidity: Liquidity | None
    trades: tuple[PaperFill, ...] = ()
    events: tuple[OrderEvent, ...] = ()

    def then(self, later: Outcome) -> Outcome:
        return replace(later, trades=self.trades + later.trades, events=self.events + later.events)

    def with_liquidity(self, liquidity: Liquidity | None) -> Outcome:
        return replace(self, liquidity=liquidity)

    def told(self, kind: str, words: str, at: datetime, **changes: Any) -> Outcome:
        """Return the outcome with the order changed and the change told."""
        order = replace(self.order, words=words, **changes)
        return replace(self, order=order, events=(*self.events, OrderEvent(kind, words, at)))


def save_order(order: PaperOrder) -> dict[str, Any]:
    """Return the order as JSON values; prices and times as strings."""
    return {field.name: plain_value(getattr(order, field.name)) for field in fields(order)}


def restore_order(saved: dict[str, Any]) -> PaperOrder:
    values = dict(saved)
    for name in ("price", "trigger_price", "market_protection", "limit"):
        values[name] = None if values.get(name) is None else Decimal(values[name])
    values["arrives_at"] = datetime.fromisoformat(values["arrives_at"])
    values["state"] = OrderState(values["state"])
    return PaperOrder(**values)
