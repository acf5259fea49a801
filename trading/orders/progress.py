"""What trades and reports make of an order's figures: exits.md 4. Pure: a row, or a value in memory.

A report never overtakes its fills: an end that counts more than is booked is kept, and the order stays open for just
those trades. An order here is an ``OrderFigures`` with ``average_price``, ``reserved`` (rupees) and ``ended_at``.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from alphapanda.core.figures import plain
from portfolio.domain.positions import PRICE_STEP
from trading.orders.life_cycle import OrderState, is_terminal, may_advance, state_after_trades


def count_fill(order: Any, signed_quantity: int, price: Decimal) -> None:
    """Count a trade into its order: filled, average price, and what of its value stays reserved."""
    before, awaited = order.filled_quantity, order.out_quantity
    filled = before + abs(signed_quantity)
    spent = (order.average_price or Decimal(0)) * before + price * abs(signed_quantity)
    order.filled_quantity, order.average_price = filled, (spent / filled).quantize(PRICE_STEP)
    order.reserved = share_left(order.reserved, order.out_quantity, awaited)


def share_left(reserved: Decimal, left: int, before: int) -> Decimal:
    return (reserved * left / before).quantize(PRICE_STEP) if before else Decimal(0)


def proven_by_trades(order: Any) -> tuple[OrderState, str] | None:
    """Return the state its trades prove, or its broker's end of it once all it counts are booked; None: no news."""
    proven = state_after_trades(OrderState(order.state), order.quantity, order.filled_quantity)
    if order.ended_as and not order.out_quantity and proven != OrderState.FILLED:
        so_far = f"{order.ended_as.replace('_', ' ')} with {order.filled_quantity} of {order.quantity} filled"
        return OrderState(order.ended_as), f"{so_far}, all booked"
    if proven == order.state:
        return None
    at = f"filled at {plain(order.average_price)}" if order.average_price else "filled"
    part = "" if proven == OrderState.FILLED else f"{order.filled_quantity} of {order.quantity} "
    return proven, part + at


def awaits_trades(order: Any, new: OrderState, filled: int) -> bool:
    """Whether a report ends the order with more filled than is booked; the highest count wins."""
    return is_terminal(new) and max(filled, order.reported_filled) > order.filled_quantity


def is_news(order: Any, new: OrderState) -> bool:
    """Whether a report moves the order on, as far as its life cycle allows; a report can be old."""
    return new != order.state and may_advance(OrderState(order.state), new) and not order.ended_as


def keep_end(order: Any, new: OrderState, filled: int, out_before: int, now: datetime) -> None:
    """Keep how the order ended, and how much of it is still to be booked; until then only that is out."""
    order.reported_filled = max(filled, order.reported_filled)
    if order.may_still_fill:
        order.ended_as, order.ended_at = new, order.ended_at or now
        order.reserved = share_left(order.reserved, order.out_quantity, out_before)
