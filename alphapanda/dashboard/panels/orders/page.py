"""The blotter: orders newest first, chosen by day, state, strategy and words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import TypedDict
from urllib.parse import urlencode

from django.db.models import Q, QuerySet

from alphapanda.core.figures import long_date
from alphapanda.core.timezone import IST
from alphapanda.dashboard.panels.ages import Age, read_now
from alphapanda.dashboard.panels.context import PageContext
from alphapanda.dashboard.panels.one_reading import of_one_moment
from alphapanda.dashboard.panels.orders.rows import WITH, OrderRow, order_rows
from alphapanda.dashboard.panels.shell import CommonFacts, common_facts
from trading.models import Deployment, Order
from trading.orders.life_cycle import MAY_STILL_FILL, ORDER_LABELS, OrderState

PAGE = 100
ANY = ""
AT_WORK = "working"


class OrdersSnapshot(CommonFacts):
    age: Age
    counts: str
    rows: list[OrderRow]
    empty: str
    older: str | None  # the address of the orders before these
    filters: dict[str | str | str | str, str]
    choices: FilterChoices


@of_one_moment
def orders_snapshot(filters: Mapping[str, str] | None = None) -> OrdersSnapshot:
    """Return up to 100 orders. ``filters``: day (ISO), state, strategy (its name), q (symbol or tag), before (id)."""
    page, asked = PageContext(), dict(filters or {})
    chosen = filter_orders(Order.objects.select_related(*WITH), asked)
    listed = list(chosen.order_by("-id")[: PAGE + 1])
    shown = listed[:PAGE]
    quotes = page.quotes({order.instrument_id: order.instrument for order in shown if order.may_still_fill}.values())
    return {
        **common_facts(page),
        "age": read_now(page),
        "counts": f"{len(shown)} shown" + (", more before" if len(listed) > PAGE else ""),
        "rows": order_rows(page, shown, quotes),
        "empty": "" if shown else empty_words(asked),
        "older": older_address(asked, shown[-1]) if len(listed) > PAGE else None,
        "filters": {name: asked.get(name, ANY) for name in ("day", "state", "strategy", "q")},
        "choices": filter_choices(),
    }


def older_address(asked: Mapping[str, str], last: Order) -> str:
    """Return the same filters, before the last order shown."""
    kept = {name: asked.get(name, ANY) for name in ("q", "day", "state", "strategy")}
    return "?" + urlencode({**kept, "before": str(last.pk)})


def filter_orders(orders: QuerySet[Order], asked: Mapping[str, str]) -> QuerySet[Order]:
    """Narrow the orders; what cannot be read as a filter is not one."""
    state, strategy, words = asked.get("state", ANY), asked.get("strategy", ANY), asked.get("q", "").strip()
    if day := read_day(asked.get("day", ANY)):
        start = datetime.combine(day, time(), IST)
        orders = orders.filter(market_time__gte=start, market_time__lt=start + timedelta(days=1))
    if state == AT_WORK:
        orders = orders.filter(state__in=MAY_STILL_FILL)
    elif state in OrderState.__members__.values():
        orders = orders.filter(state=state)
    if strategy and Deployment.objects.filter(name=strategy).exists():
        orders = orders.filter(deployment__name=strategy)
    if words:
        orders = orders.filter(Q(instrument__tradingsymbol__icontains=words) | Q(tag__iexact=words))
    return orders.filter(pk__lt=asked["before"]) if is_id(asked.get("before", "")) else orders


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
        "states": [{"key": AT_WORK, "words": "At work"}]
        + [{"key": str(state), "words": words} for state, words in ORDER_LABELS.items()],
        "strategies": list(Deployment.objects.values_list("name", flat=True)),
    }
