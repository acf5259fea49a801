"""What a plan, its orders and its holding come to before the next step. Pure: rows or values in memory."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol, TypeVar

from alphapanda.core.timezone import IST
from instruments.domain.contracts import largest_order
from trading.exits.step import Phase, PlanState, Slice
from trading.orders.closable import Holdings
from trading.orders.life_cycle import OrderState
from trading.risk.exchange_rules import MOST_SLICES

REFUSED = (OrderState.REJECTED, OrderState.NOT_PLACED)
DOUBT = (OrderState.CREATED, OrderState.UNCONFIRMED, OrderState.SUBMITTED, OrderState.NEEDS_HUMAN)


class Plan(Protocol):
    """An exit: one holding on its way out. ``quantity`` None is all of it."""

    @property
    def portfolio_id(self) -> Hashable: ...
    @property
    def sign(self) -> int: ...
    @property
    def quantity(self) -> int | None: ...
    @property
    def limit(self) -> Decimal | None: ...
    @property
    def opened_at(self) -> datetime: ...
    @property
    def deadline(self) -> datetime | None: ...
    @property
    def step(self) -> int: ...
    @property
    def stepped_at(self) -> datetime | None: ...
    @property
    def withdrawn_by(self) -> str: ...


class PlacedOrder(Protocol):
    """An order of a plan; ``modify_number`` counts the changes of its price that were asked."""

    @property
    def pk(self) -> Any: ...
    @property
    def state(self) -> str: ...
    @property
    def state_reason(self) -> str: ...
    @property
    def filled_quantity(self) -> int: ...
    @property
    def out_quantity(self) -> int: ...
    @property
    def may_still_fill(self) -> bool: ...
    @property
    def ended_as(self) -> str: ...
    @property
    def price(self) -> Decimal | None: ...
    @property
    def working_price(self) -> Decimal | None: ...
    @property
    def market_time(self) -> datetime: ...
    @property
    def approved_at(self) -> datetime: ...
    @property
    def cancel_requested_at(self) -> datetime | None: ...
    @property
    def modify_number(self) -> int: ...
    @property
    def modify_pending(self) -> bool: ...
    @property
    def modifies_refused(self) -> int: ...


OrderT = TypeVar("OrderT", bound=PlacedOrder)


@dataclass(frozen=True, slots=True)
class Around:
    """What is known beside a plan's own columns and orders; ``refused_at`` is when the last refused one ended."""

    holdings: Holdings
    lot_size: int
    freeze: int | None  # the most the exchange takes at once
    entries_ending: int
    refused_at: datetime | None
    is_the_brokers: bool = False

    @property
    def largest(self) -> int | None:
        if self.freeze is None:
            return None
        return max(largest_order(self.freeze, self.lot_size), self.lot_size) * MOST_SLICES


def plan_state(plan: Plan, orders: Sequence[PlacedOrder], around: Around, now: datetime) -> PlanState:
    """Put together what one step is told; ``orders`` are the plan's own, oldest first."""
    refused, holdings = refused_in_a_row(orders), around.holdings
    own = holdings.of(plan.portfolio_id)
    return PlanState(
        sign=plan.sign,
        held=own.closes(-plan.sign),
        closable=holdings.closable(plan.portfolio_id, plan.sign),
        opened_at=plan.opened_at,
        slices=tuple(_slice(order) for order in orders if _is_out(order, now)),
        wanted=_wanted(plan, sum(order.filled_quantity for order in orders)),
        limit=plan.limit,
        deadline=plan.deadline,
        step=plan.step,
        stepped_at=plan.stepped_at,
        entries_ending=around.entries_ending,
        lot_size=around.lot_size,
        largest=around.largest,
        is_held_back=holdings.shortfall(-plan.sign) > 0,
        receivable=own.waiting(-plan.sign),
        refused=len(refused),
        refused_at=around.refused_at,
        refusal=refused[-1].state_reason if refused else "",
        is_the_brokers=around.is_the_brokers,
    )


def refused_in_a_row(orders: Iterable[OrderT]) -> list[OrderT]:
    """Return the newest orders of the plan that came to nothing, one after the other; oldest first."""
    found: list[OrderT] = []
    for order in reversed(list(orders)):
        if order.state not in REFUSED or order.filled_quantity:
            break
        found.insert(0, order)
    return found


def _wanted(plan: Plan, closed: int) -> int | None:
    """What is left of a part that was asked; a limit that was taken back wants nothing more."""
    if plan.withdrawn_by:
        return 0
    return None if plan.quantity is None else max(0, plan.quantity - closed)


def _is_out(order: PlacedOrder, now: datetime) -> bool:
    return bool(order.out_quantity) and order.market_time.astimezone(IST).date() >= now.astimezone(IST).date()


def _slice(order: PlacedOrder) -> Slice:
    return Slice(
        order=order.pk,
        quantity=order.out_quantity,
        phase=phase_of(order),
        price=order.working_price if order.working_price is not None else order.price,
        # Not the time of its signal: after a pause that may be the tick of long ago.
        asked_at=order.approved_at,
        modifies=order.modify_number,
        refusals=order.modifies_refused,
    )


def phase_of(order: PlacedOrder) -> Phase:
    if order.ended_as or not order.may_still_fill or order.cancel_requested_at:
        return Phase.ENDING
    if order.state in DOUBT:
        return Phase.DOUBT
    return Phase.CHANGING if order.modify_pending else Phase.WORKING
