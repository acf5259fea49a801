"""Whether an approved order may still be sent, asked anew at the last moment. Pure: rows or values in memory."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from alphapanda.core.figures import clock_time, whole
from instruments.domain.order_terms import Side
from trading.orders.closable import Holdings
from trading.orders.life_cycle import DeploymentState, GateState, OrderState

NOT_TRADING = frozenset({DeploymentState.PAUSED, DeploymentState.HALTED, DeploymentState.STOPPED})


class UnsentOrder(Protocol):
    @property
    def portfolio_id(self) -> Hashable: ...
    @property
    def side(self) -> str: ...
    @property
    def quantity(self) -> int: ...
    @property
    def slice(self) -> int: ...
    @property
    def price(self) -> Decimal | None: ...
    @property
    def is_exit(self) -> bool: ...
    @property
    def send_by(self) -> datetime: ...
    @property
    def cancel_requested_at(self) -> datetime | None: ...


class Decided(Protocol):
    """What the gate decided about the order's signal; ``slices`` are the quantities of its orders."""

    @property
    def approved(self) -> bool: ...
    @property
    def side(self) -> str: ...
    @property
    def slices(self) -> Sequence[int]: ...
    @property
    def price(self) -> Decimal | None: ...


def why_not_sent(
    order: UnsentOrder, decision: Decided, gate: GateState, deployment: str | None, now: datetime
) -> tuple[OrderState, str] | None:
    """Return how the order ends unsent, and why; None if it may be sent. ``deployment`` is its deployment's state."""
    if gate_forbids(order, gate):
        return OrderState.NOT_PLACED, f"the gate was {gate.replace('_', ' ')} before it was sent"
    if not is_as_decided(order, decision):
        return OrderState.NOT_PLACED, "no approved decision stands for this side, quantity and price"
    if order.cancel_requested_at:
        return OrderState.CANCELLED, "cancelled before it was sent"
    if not order.is_exit and now > order.send_by:
        return OrderState.EXPIRED, f"too old to send: it was to leave by {clock_time(order.send_by)}"
    if not order.is_exit and deployment in NOT_TRADING:
        return OrderState.NOT_PLACED, f"its deployment is {deployment}"
    return None


def gate_forbids(order: UnsentOrder, gate: GateState) -> bool:
    # Getting out is always allowed, whatever the gate says.
    return gate != GateState.ACTIVE and not order.is_exit


def is_as_decided(order: UnsentOrder, decision: Decided) -> bool:
    """Whether an approved decision stands for this very order: side, price, and the quantity of its slice."""
    decided = list(decision.slices[order.slice - 1 : order.slice])
    return decision.approved and (decision.side, decided, decision.price) == (order.side, [order.quantity], order.price)


def closes_too_much(order: UnsentOrder, holdings: Holdings) -> str:
    """Return why an exit would now close more than it may, in words; empty if it may. ``holdings`` without it."""
    may = holdings.closable(order.portfolio_id, 1 if order.side == Side.BUY else -1)
    return "" if order.quantity <= may else f"{whole(may)} may be closed now, not {whole(order.quantity)}"
