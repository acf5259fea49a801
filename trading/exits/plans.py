"""An exit's own columns: what a request asks, what it takes over, what a step keeps, what its orders say. Pure.

A plan here is whatever has the columns of ``trading.models.ExitPlan``: a row, or a value in memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from instruments.domain.order_terms import OrderType
from trading.exits.prices import ExitQuote
from trading.exits.step import NextStep, Place
from trading.orders.life_cycle import Urgency

# An exit outlives any one session; what the gate refuses for its form is asked again a little later.
EXITS_LIVE = timedelta(hours=8)
AFTER_DENIAL = timedelta(seconds=15)
QUOTE = ("reference_price", "bid", "ask", "quote_at")


@dataclass(frozen=True)
class ExitRequest:
    """Why and how one wants out of a holding; ``quantity`` None is all of it, ``limit`` None at market."""

    urgency: Urgency
    reason: str
    key: str
    numbers: Mapping[str, Any] = field(default_factory=dict)
    quantity: int | None = None
    limit: Decimal | None = None
    number: int | None = None  # the run's decision
    asked_by: str = ""
    seen: Mapping[str, Any] = field(default_factory=dict)  # the quote, and where in the stream


def take_over(plan: Any, request: ExitRequest, now: datetime) -> bool:
    """Let a request for a holding that is being left already change its plan; say whether it was more urgent.

    A more urgent one begins at the first price again; the run hears the end as its own number in any case.
    """
    is_more_urgent = request.urgency > plan.urgency
    if request.number is not None:
        plan.number = request.number
    if request.quantity is None:
        plan.quantity = None  # the whole holding, whatever part was asked before
    if is_more_urgent:
        plan.urgency, plan.limit, plan.withdrawn_by = request.urgency, request.limit, ""
        plan.reason, plan.numbers, plan.asked_by = request.reason[:300], dict(request.numbers), request.asked_by
        plan.step, plan.stepped_at = 0, None
    plan.look_at = now
    return is_more_urgent


def keep_step(plan: Any, made: NextStep) -> None:
    """Keep how far a step has come, and when to look again."""
    plan.step, plan.stepped_at, plan.look_at = made.step, made.stepped_at, made.look_at
    plan.state_reason, plan.needs_person = made.words[:300], made.needs_person


def keep_denial(plan: Any, reason: str, now: datetime) -> None:
    """Keep in words what the gate refused for its form; it is asked again."""
    plan.state_reason, plan.look_at = reason, now + AFTER_DENIAL
    plan.needs_person = plan.placed > 2


def signal_columns(plan: Any, act: Place, quote: ExitQuote, now: datetime) -> dict[str, Any]:
    """What the signal of one step says.

    The first step stands for the request itself: its time and its quote; each later one for its own.
    """
    is_first = not plan.placed
    at = plan.opened_at if is_first else now
    return {
        "key": plan.key if is_first else f"{plan.key}/{plan.placed + 1}",
        "ordinal": plan.number or 0,
        "kind": "exit",
        "side": plan.side,
        "quantity": act.quantity,
        "order_type": OrderType.MARKET if act.price is None else OrderType.LIMIT,
        "product": plan.product,
        "price": act.price,
        "reason": plan.reason,
        "numbers": plan.numbers,
        **_quote_of_step(plan, is_first, quote),
        "market_time": at,
        "send_by": at + EXITS_LIVE,
        "asked_by": plan.asked_by,
    }


def _quote_of_step(plan: Any, is_first: bool, quote: ExitQuote) -> dict[str, Any]:
    if is_first and plan.reference_price is not None:
        return {name: getattr(plan, name) for name in QUOTE}
    return dict(zip(QUOTE, (quote.last, quote.bid, quote.ask, quote.at), strict=True))
