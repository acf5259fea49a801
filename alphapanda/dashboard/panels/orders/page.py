"""The blotter: orders newest first, chosen by day, state, strategy and words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any, TypedDict, TypeVar
from urllib.parse import urlencode

from django.db.models import Q, QuerySet

from alphapanda.core.figures import long_date
from alphapanda.core.timezone import IST
from alphapanda.dashboard.panels.ages import Age, read_now
from alphapanda.dashboard.panels.context import PageContext
from alphapanda.dashboard.panels.orders import refusals
from alphapanda.dashboard.panels.orders.blotter import (
    BlotterRow,
    Outcome,
    charges_of,
    never_ordered,
    outcome_of,
    with_days,
)
from alphapanda.dashboard.panels.orders.refusals import REFUSED, REFUSED_WORDS, among_orders, refusal_as_order
from alphapanda.dashboard.panels.orders.rows import WITH, OrderRow, order_rows
from alphapanda.dashboard.panels.shell import CommonFacts, common_facts
from market.quotes import Quote
from trading.models import Deployment, Order, Signal
from trading.orders.life_cycle import MAY_STILL_FILL, ORDER_LABELS, OrderState, SignalState

PAGE = 100
ANY = ""
AT_WORK = "working"


class OrdersSnapshot(CommonFacts):
    age: Age
    counts: str
    rows: list[BlotterRow]
    empty: str
    older: str | None  # the address of the orders before these
    filters: dict[str | str | str | str, str]
    choices: FilterChoices


def orders_snapshot(filters: Mapping[str, str] | None = None) -> OrdersSnapshot:
    """Return up to 100 orders and refusals. ``filters``: day (ISO), state, strategy (its name), q (symbol or tag),
    before (id)."""
    page, asked = PageContext(), dict(filters or {})
    listed = newest_of(asked)
    shown = listed[:PAGE]
    orders = [one for one in shown if isinstance(one, Order) and one.may_still_fill]
    quotes = page.quotes({order.instrument_id: order.instrument for order in orders}.values())
    return {
        **common_facts(page),
        "age": read_now(page),
        "counts": f"{len(shown)} shown" + (", more before" if len(listed) > PAGE else ""),
        "rows": rows_of(page, shown, quotes),
        "empty": "" if shown else empty_words(asked),
        "older": older_address(asked, shown[-1]) if len(listed) > PAGE else None,
        "filters": {name: asked.get(name, ANY) for name in ("day", "state", "strategy", "q")},
        "choices": filter_choices(),
    }


def newest_of(asked: Mapping[str, str]) -> list[Order | Signal]:
    """Return the newest orders that fit, and the refusals among them; one more than a page shows."""
    found: list[Order | Signal] = []
    state = asked.get("state", ANY)
    if state != REFUSED:
        orders = filter_state(filter_both(Order.objects.select_related(*WITH), asked), state)
        found += orders.order_by("-id")[: PAGE + 1]
    if state in (ANY, REFUSED):
        denied = Signal.objects.filter(state=SignalState.DENIED).select_related(*refusals.WITH)
        found += filter_both(denied, asked).order_by("-id")[: PAGE + 1]
    return sorted(found, key=lambda one: one.pk, reverse=True)[: PAGE + 1]


def rows_of(page: PageContext, shown: list[Order | Signal], quotes: dict[Any, Quote]) -> list[BlotterRow]:
    listed = [one for one in shown if isinstance(one, Order)]
    charges = charges_of(listed)
    rows = order_rows(page, listed, quotes)
    orders = {row["key"]: (row, outcome_of(order, charges)) for row, order in zip(rows, listed, strict=True)}
    told = (refused_row(page, one) if isinstance(one, list) else orders[str(one.pk)] for one in among_orders(shown))
    return list(with_days(told, long_date(page.now)))


def refused_row(page: PageContext, alike: list[Signal]) -> tuple[OrderRow, Outcome]:
    row = refusal_as_order(page, alike)
    return row, never_ordered(row)


def older_address(asked: Mapping[str, str], last: Order | Signal) -> str:
    """Return the same filters, before the last order shown."""
    kept = {name: asked.get(name, ANY) for name in ("q", "day", "state", "strategy")}
    return "?" + urlencode({**kept, "before": str(last.pk)})


Both = TypeVar("Both", Order, Signal)


def filter_both(rows: QuerySet[Both], asked: Mapping[str, str]) -> QuerySet[Both]:
    """Narrow orders or signals; what cannot be read as a filter is not one."""
    strategy, words = asked.get("strategy", ANY), asked.get("q", "").strip()
    if day := read_day(asked.get("day", ANY)):
        start = datetime.combine(day, time(), IST)
        rows = rows.filter(market_time__gte=start, market_time__lt=start + timedelta(days=1))
    if strategy and Deployment.objects.filter(name=strategy).exists():
        rows = rows.filter(deployment__name=strategy)
    if words:
        tag = "tag__iexact" if rows.model is Order else "orders__tag__iexact"
        rows = rows.filter(Q(instrument__tradingsymbol__icontains=words) | Q(**{tag: words}))
    return rows.filter(pk__lt=asked["before"]) if is_id(asked.get("before", "")) else rows


def filter_state(orders: QuerySet[Order], state: str) -> QuerySet[Order]:
    if state == AT_WORK:
        return orders.filter(state__in=MAY_STILL_FILL)
    return orders.filter(state=state) if state in OrderState.__members__.values() else orders


def read_day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def is_id(text: str) -> bool:
    return len(text) == 36 and text.replace("-", "").isalnum() and all(c in "0123456789abcdef-" for c in text)


def empty_words(asked: Mapping[str, str]) -> str:
    if day := read_day(asked.get("day", ANY)):
        return f"No order on {long_date(datetime.combine(day, time(), IST))} fits."
    return "No order fits." if any(asked.values()) else "No order has been placed yet."


class FilterChoices(TypedDict):
    states: list[dict[str, str]]
    strategies: list[str]


def filter_choices() -> FilterChoices:
    return {
        "states": [{"key": AT_WORK, "words": "At work"}, {"key": REFUSED, "words": REFUSED_WORDS}]
        + [{"key": str(state), "words": words} for state, words in ORDER_LABELS.items()],
        "strategies": list(Deployment.objects.values_list("name", flat=True)),
    }
