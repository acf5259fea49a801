"""Live: is all right, what needs me, what did today bring, and what is at work."""

from typing import Any

from alphapanda.dashboard.panels.ages import read_now
from alphapanda.dashboard.panels.context import PageContext
from alphapanda.dashboard.panels.live.events import events_panel, refused_panel
from alphapanda.dashboard.panels.live.facts import facts_strip, verdict_facts
from alphapanda.dashboard.panels.live.kill_switch import kill_switch_panel
from alphapanda.dashboard.panels.live.limits import limits_panel
from alphapanda.dashboard.panels.live.net import net_panel
from alphapanda.dashboard.panels.live.verdict import make_verdict
from alphapanda.dashboard.panels.orders.rows import WITH, order_rows
from alphapanda.dashboard.panels.portfolio.positions import positions_panel
from alphapanda.dashboard.panels.results import PortfolioDays
from alphapanda.dashboard.panels.shell import common_facts
from alphapanda.dashboard.panels.strategies.rows import strategies_panel
from trading.models import Order
from trading.orders.life_cycle import TERMINAL, OrderState

JUST_DONE, ROWS, MOST_WORKING = 2, 8, 30
LANE_ORDER = {OrderState.NEEDS_HUMAN: 0, OrderState.UNCONFIRMED: 1}


def live_snapshot(user: Any) -> dict[str, Any]:
    """Return everything the Live page shows. ``user`` sees all accounts: the desk is one family's."""
    page = PageContext()
    days = PortfolioDays(page)
    live = live_orders()
    snapshot = {
        **common_facts(page),
        "facts": facts_strip(page, live),
        "net": net_panel(page, days),
        "limits": limits_panel(page),
        "kill_switch": kill_switch_panel(page),
        "strategies": strategies_panel(page, days),
        "orders": at_work(page, live),
        "positions": positions_panel(page, days),
        "refused": refused_panel(page),
        "events": events_panel(page),
    }
    return snapshot | {"verdict": make_verdict(verdict_facts(page, days, live, snapshot))}


def live_orders() -> list[Order]:
    """Orders that may still fill: needs you, unconfirmed, then working, each newest first."""
    live = Order.objects.live().select_related(*WITH).order_by("-id")[:MOST_WORKING]
    return sorted(live, key=lambda order: LANE_ORDER.get(OrderState(order.state), 2))


def at_work(page: PageContext, live: list[Order]) -> dict[str, Any]:
    room = max(JUST_DONE, ROWS - len(live))
    today = Order.objects.filter(state__in=TERMINAL, market_time__gte=page.midnight)
    done = today.select_related(*WITH).order_by("-updated_at")[:room]
    shown = [*live, *done]
    quotes = page.quotes({order.instrument_id: order.instrument for order in shown}.values())
    return {
        "counts": order_counts(page, live),
        "age": read_now(page),
        "rows": order_rows(page, shown, quotes),
        "empty": "" if shown else "No order today.",
    }


def order_counts(page: PageContext, live: list[Order]) -> str:
    states = [order.state for order in live]
    unconfirmed, needs = states.count(OrderState.UNCONFIRMED), states.count(OrderState.NEEDS_HUMAN)
    done = Order.objects.filter(state__in=TERMINAL, market_time__gte=page.midnight).count()
    parts = [f"{needs} need you" if needs else "", f"{unconfirmed} unconfirmed" if unconfirmed else ""]
    return ", ".join([*filter(None, parts), f"{len(states) - unconfirmed - needs} working", f"{done} done today"])
