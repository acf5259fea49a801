"""One order as a row: its lane, its state in words, and the one thing that can be done with it."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, TypedDict

from django.urls import reverse

from alphapanda.core import roles
from alphapanda.core.figures import clock_time, iso, plain
from alphapanda.dashboard.panels.context import PageContext
from alphapanda.dashboard.panels.naming import order_words, side_word, story_of, symbol_of, tail_of
from instruments.domain.order_terms import NEEDS_TRIGGER
from market.quotes import Quote
from trading.models import Order, Signal
from trading.orders.life_cycle import MEANINGS, ORDER_LABELS, OrderState

S = OrderState
ICONS: dict[OrderState, tuple[str, str]] = {
    S.CREATED: ("working", "quiet"),
    S.UNCONFIRMED: ("warn", "warn"),
    S.SUBMITTED: ("working", "ours"),
    S.OPEN: ("working", "ours"),
    S.TRIGGER_PENDING: ("working", "ours"),
    S.FILLED: ("tick", ""),
    S.CANCELLED: ("bar", ""),
    S.REJECTED: ("cross", "fault"),
    S.EXPIRED: ("bar", ""),
    S.NOT_PLACED: ("bar", ""),
    S.NEEDS_HUMAN: ("warn", "warn"),
}
LANES = {S.NEEDS_HUMAN: "lane-needs", S.UNCONFIRMED: "lane-unconfirmed"}
WITH = ("instrument", "account", "deployment", "signal")


def order_rows(page: PageContext, orders: Iterable[Order], quotes: dict[Any, Quote]) -> list[OrderRow]:
    listed = list(orders)
    modes = {page.mode_of(order.account) for order in listed}
    return [order_row(page, order, quotes.get(order.instrument_id), badge=len(modes) > 1) for order in listed]


class OrderRow(TypedDict):
    key: str
    at: str | None
    side: str
    quantity: int
    symbol: str
    tail: str
    product: str
    price: str
    from_last: str
    state: str
    icon: str
    tone: str
    lane: str
    second: str
    mode: str
    badge: bool
    by: str
    story: str
    story_only: bool
    story_words: str
    cancel: str | None
    cancel_words: str
    needs: str
    tag: str


def order_row(page: PageContext, order: Order, quote: Quote | None, *, badge: bool = False) -> OrderRow:
    icon, tone = icon_of(order)
    can_cancel = order.may_be_cancelled
    words = order_words(order)
    return {
        "key": str(order.pk),
        "at": iso(order.market_time),
        "side": side_word(order.side),
        "quantity": order.quantity,
        "symbol": symbol_of(order.instrument),
        "tail": tail_of(order.instrument),
        "product": order.product,
        "price": price_words(order),
        "from_last": distance_words(order, quote) if order.may_still_fill else "",
        "state": state_words(order),
        "icon": icon,
        "tone": tone,
        "lane": LANES.get(S(order.state), "" if order.may_still_fill else "done"),
        "second": second_line(order, page),
        "mode": page.mode_of(order.account),
        "badge": badge,
        "by": str(order.deployment) if order.deployment else "by hand",
        "story": story_of(order),
        "story_only": not can_cancel,
        "story_words": f"Story of {words}",
        "cancel": reverse("dashboard:cancel_order", args=[order.pk]) if can_cancel else None,
        "cancel_words": f"Cancel {words}",
        "needs": cancel_needs(order),
        "tag": order.tag,
    }


def cancel_needs(order: Order) -> str:
    """What leaves a position is taken back only by who may trade; anything else by who may halt."""
    if order.is_exit:
        return roles.needs_right(roles.Right.TRADE, order.account_id)
    return roles.needs("cancel_order", account=order.account_id)


def icon_of(order: Order) -> tuple[str, str]:
    if order.may_still_fill and order.filled_quantity and order.state != S.UNCONFIRMED:
        return "part", "ours"
    return ICONS[S(order.state)]


def price_words(order: Order | Signal) -> str:
    """LIMIT 1,512.40; SL 1,501.00 (its trigger); MARKET."""
    shown = order.trigger_price if order.order_type in NEEDS_TRIGGER else order.price
    return order.order_type if shown is None else f"{order.order_type} {plain(shown)}"


def distance_words(order: Order, quote: Quote | None) -> str:
    """How far its price or trigger is from the last price, in rupees."""
    own = order.trigger_price or order.price
    if own is None:
        return ""
    return plain(abs(Decimal(own) - quote.last_price)) if quote else "unknown"


def state_words(order: Order) -> str:
    state = S(order.state)
    if state == S.FILLED:
        return f"Filled {plain(order.average_price)}"
    if order.cancel_requested_at and order.may_still_fill:
        return "Cancel asked"
    if order.filled_quantity:
        part = f"{order.filled_quantity} of {order.quantity}"
        return part if order.may_still_fill else f"{ORDER_LABELS[state]}, {part}"
    return ORDER_LABELS[state]


def second_line(order: Order, page: PageContext) -> str:
    if order.state == S.UNCONFIRMED:
        since = f"Asked at {clock_time(order.claimed_at)}. " if order.claimed_at and not page.is_practice else ""
        return f"{since}Looking for tag {order.tag}. Counted as filled until proven. Not sent again."
    if order.state == S.NEEDS_HUMAN:
        return MEANINGS[S.NEEDS_HUMAN]
    return ""
