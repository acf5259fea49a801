"""Signals, orders, exits and trades kept in memory: the columns of the rows of the same names, and no more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from instruments.domain.order_terms import Side, Validity
from portfolio.domain.positions import PRICE_STEP
from trading.orders.figures import OrderFigures
from trading.orders.life_cycle import OrderState, SignalState
from trading.risk.verdicts import Assessment
from trading.strategies.values import InstrumentSpec


def stored(price: Decimal | None) -> Decimal | None:
    """A price as its column keeps it: four places."""
    return None if price is None else price.quantize(PRICE_STEP)


@dataclass(frozen=True, slots=True)
class Named:
    """A deployment, by its name; rows and memory are compared by that."""

    name: str


@dataclass(frozen=True, slots=True)
class Numbered:
    """A run, by its number."""

    number: int


@dataclass(eq=False)
class MemoryPlan:
    """A holding on its way out; see ``trading.models.ExitPlan``."""

    pk: int
    key: str
    portfolio_id: str
    instrument: InstrumentSpec
    instrument_id: int
    product: str
    side: str
    urgency: int
    reason: str
    opened_at: datetime
    look_at: datetime
    run: str | None = None
    quantity: int | None = None
    limit: Decimal | None = None
    numbers: Mapping[str, Any] = field(default_factory=dict)
    number: int | None = None
    asked_by: str = ""
    reference_price: Decimal | None = None
    bid: Decimal | None = None
    ask: Decimal | None = None
    quote_at: datetime | None = None
    deadline: datetime | None = None
    placed: int = 0
    step: int = 0
    stepped_at: datetime | None = None
    state_reason: str = ""
    needs_person: bool = False
    withdrawn_by: str = ""
    finished_at: datetime | None = None
    orders: list[MemoryOrder] = field(default_factory=list)  # oldest first

    @property
    def sign(self) -> int:
        return 1 if self.side == Side.BUY else -1


@dataclass(eq=False)
class MemorySignal:
    """What a run wants, and what came of it; see ``trading.models.Signal``."""

    key: str
    portfolio_id: str
    instrument: InstrumentSpec
    instrument_id: int
    ordinal: int
    kind: str
    side: str
    quantity: int
    order_type: str
    product: str
    reason: str
    market_time: datetime
    send_by: datetime
    deployment: Named | None = None
    run: Numbered | None = None
    plan: MemoryPlan | None = None
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    stop: Decimal | None = None
    target: Decimal | None = None
    numbers: Mapping[str, Any] = field(default_factory=dict)
    reference_price: Decimal | None = None
    bid: Decimal | None = None
    ask: Decimal | None = None
    quote_at: datetime | None = None
    validity: str = Validity.DAY
    asked_by: str = ""
    state: str = SignalState.NEW
    state_reason: str = ""
    orders: list[MemoryOrder] = field(default_factory=list)  # its slices

    @property
    def signed_quantity(self) -> int:
        return self.quantity if self.side == Side.BUY else -self.quantity

    @property
    def deployment_id(self) -> str | None:
        return self.deployment.name if self.deployment else None

    @property
    def plan_id(self) -> int | None:
        return self.plan.pk if self.plan else None


@dataclass(frozen=True)
class MemoryDecision:
    """The gate's answer to one signal; see ``trading.models.RiskDecision``. ``assessment``: None if not kept."""

    signal: MemorySignal
    approved: bool
    refusal_codes: list[str]
    assessment: Assessment | None
    only_shrinks: bool
    side: str
    quantity: int
    slices: list[int]
    price: Decimal | None
    market_time: datetime

    @property
    def checks(self) -> list[dict[str, Any]]:
        return [check.as_dict() for check in self.assessment.checks] if self.assessment else []


@dataclass(eq=False)
class MemoryOrder(OrderFigures):
    """An order of a signal; see ``trading.models.Order``."""

    pk: int
    tag: str
    signal: MemorySignal
    decision: MemoryDecision
    slice: int
    quantity: int
    is_exit: bool
    reserved: Decimal
    expires_at: datetime | None = None
    market_protection: Decimal | None = None
    state: str = OrderState.CREATED
    state_reason: str = ""
    filled_quantity: int = 0
    average_price: Decimal | None = None
    reported_filled: int = 0
    ended_as: str = ""
    ended_at: datetime | None = None
    over_at: datetime | None = None  # market time of its last state
    working_price: Decimal | None = None
    cancel_requested_at: datetime | None = None
    is_cancel_sent: bool = False
    modify_number: int = 0
    modify_price: Decimal | None = None
    modify_pending: bool = False
    is_modify_sent: bool = True
    modifies_refused: int = 0

    def __post_init__(self) -> None:
        asked = self.signal
        self.side: str = asked.side
        self.portfolio_id = asked.portfolio_id
        self.deployment_id = asked.deployment_id
        self.instrument, self.instrument_id = asked.instrument, asked.instrument_id
        self.product, self.order_type, self.validity = asked.product, asked.order_type, asked.validity
        self.price, self.trigger_price = asked.price, asked.trigger_price
        self.market_time, self.send_by = asked.market_time, asked.send_by

    @property
    def approved_at(self) -> datetime:
        return self.decision.market_time


@dataclass
class MemoryTrade:
    """A booked execution; see ``portfolio.models.Trade``. ``charges`` None: no rate is known for its day."""

    sequence: int
    portfolio_id: str
    instrument: InstrumentSpec
    instrument_id: int
    exchange: str
    day: date
    product: str
    trade_id: str
    broker_order_id: str
    signed_quantity: int
    price: Decimal
    traded_at: datetime
    charges: Decimal | None = None
    is_expiry: bool = False

    @property
    def exchange_order(self) -> tuple[object, ...]:
        """Sorts trades as the exchange made them."""
        return self.traded_at, len(self.trade_id), self.trade_id, self.broker_order_id

    @property
    def value(self) -> Decimal:
        """What it brought in: below zero for a purchase."""
        return -self.signed_quantity * self.price


@dataclass(frozen=True)
class MemoryFill:
    """A booked trade of one of our orders."""

    order: MemoryOrder
    trade: MemoryTrade
    at: datetime
    signed_quantity: int
    price: Decimal
