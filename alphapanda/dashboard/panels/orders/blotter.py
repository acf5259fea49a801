"""What came of an order, beside its row in the blotter: filled, average, slippage, charges; and where days change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import groupby
from typing import TypedDict
from uuid import UUID

from alphapanda.core.figures import long_date, moment, whole
from alphapanda.dashboard.panels.live.net import as_text
from alphapanda.dashboard.panels.orders.rows import OrderRow, state_words
from instruments.domain.order_terms import Side
from portfolio.domain.pnl import known_total
from trading.models import Fill, Order
from trading.orders.life_cycle import ORDER_LABELS, OrderState

Charges = dict[UUID, list[Decimal | None]]


class Outcome(TypedDict):
    """Exact amounts; None: not known. What has no fill has none of them, and ``is_filled`` says so.

    ``state`` leaves the average price to its own column.
    """

    state: str
    filled: str
    is_filled: bool
    average: str | None
    slippage: str | None
    has_slippage: bool
    charges: str | None


class BlotterRow(OrderRow, Outcome):
    """``day`` stands above the first row of each day, where not all are of today."""

    day: str


def charges_of(orders: Iterable[Order]) -> Charges:
    """What each fill was charged, by order; None: no rate of it is known."""
    found: Charges = {}
    fills = Fill.objects.filter(order__in=[order.pk for order in orders]).order_by()
    for order, amount in fills.values_list("order", "trade__charges"):
        found.setdefault(order, []).append(amount)
    return found


def outcome_of(order: Order, charges: Charges) -> Outcome:
    slippage, paid = slippage_of(order), charges.get(order.pk)
    is_whole = order.state == OrderState.FILLED
    is_part = 0 < order.filled_quantity < order.quantity
    return {
        "state": ORDER_LABELS[OrderState.FILLED] if is_whole else state_words(order),
        "filled": f"{whole(order.filled_quantity)} of {whole(order.quantity)}" if is_part else whole(order.quantity),
        "is_filled": paid is not None,
        "average": as_text(order.average_price),
        "slippage": as_text(slippage),
        "has_slippage": slippage is not None,
        "charges": as_text(known_total(paid)) if paid else None,
    }


def never_ordered(row: OrderRow) -> Outcome:
    """What a refusal came to: the quantity that was wished, and no more."""
    return {
        "state": row["state"],
        "filled": whole(row["quantity"]),
        "is_filled": False,
        "average": None,
        "slippage": None,
        "has_slippage": False,
        "charges": None,
    }


def slippage_of(order: Order) -> Decimal | None:
    """Rupees won (+) or lost (−) by the fills against the price it was decided on; None: not filled, or not known."""
    decided = order.signal.reference_price
    if decided is None or order.average_price is None or not order.filled_quantity:
        return None
    sign = 1 if order.side == Side.BUY else -1
    return sign * order.filled_quantity * (decided - order.average_price)


def with_days(rows: Iterable[tuple[OrderRow, Outcome]], today: str) -> Iterator[BlotterRow]:
    """Yield the rows; the first of each day carries it, unless all are of today."""
    days = [(day, list(group)) for day, group in groupby(rows, key=lambda row: day_of(row[0]))]
    is_told = any(day != today for day, _ in days)
    for day, group in days:
        for nth, (row, outcome) in enumerate(group):
            yield {**row, **outcome, "day": day if is_told and not nth else ""}


def day_of(row: OrderRow) -> str:
    at = moment(row["at"])
    return long_date(at) if at else ""
