"""Live: is all right, what needs me, what did today bring, and what is at work."""

from __future__ import annotations

from typing import Any, TypedDict

from django.db.models import Case, Q, When

from alphapanda.dashboard.panels.ages import Age, read_now
from alphapanda.dashboard.panels.context import PageContext
from alphapanda.dashboard.panels.live.events import EventsPanel, RefusedPanel, events_panel, refused_panel
from alphapanda.dashboard.panels.live.facts import FactRow, facts_strip, verdict_facts
from alphapanda.dashboard.panels.live.kill_switch import KillSwitchPanel, kill_switch_panel
from alphapanda.dashboard.panels.live.limits import LimitsPanel, limits_panel
from alphapanda.dashboard.panels.live.live_accounts import LiveAccountsPanel, live_accounts_panel
from alphapanda.dashboard.panels.live.needs_you import NeedsYouPanel, needs_you_panel
from alphapanda.dashboard.panels.live.net import NetPanel, net_panel
from alphapanda.dashboard.panels.live.verdict import Finding, Verdict, list_findings, make_verdict
from alphapanda.dashboard.panels.orders.rows import WITH, OrderRow, order_rows
from alphapanda.dashboard.panels.portfolio.positions import PositionsPanel, positions_panel
from alphapanda.dashboard.panels.results import PortfolioDays
from alphapanda.dashboard.panels.shell import CommonFacts, common_facts
from alphapanda.dashboard.panels.strategies.rows import StrategiesPanel, strategies_panel
from trading.models import Order
from trading.orders.life_cycle import MAY_STILL_FILL, TERMINAL, OrderState

JUST_DONE, ROWS, MOST_WORKING = 2, 8, 30
LANE_ORDER = {OrderState.NEEDS_HUMAN: 0, OrderState.UNCONFIRMED: 1}


class LiveSnapshot(CommonFacts):
    facts: list[FactRow]
    net: NetPanel
    limits: LimitsPanel
    kill_switch: KillSwitchPanel
    strategies: StrategiesPanel
    orders: AtWork
    positions: PositionsPanel
    refused: RefusedPanel
    events: EventsPanel
    verdict: Verdict
    needs_you: NeedsYouPanel
    live_accounts: LiveAccountsPanel


def live_snapshot(user: Any) -> LiveSnapshot:
    """Return everything the Live page shows. ``user`` sees all accounts: the desk is one family's."""
    page = PageContext()
    days = PortfolioDays(page)
    live, done = orders_at_hand(page)
    limits, positions = limits_panel(page), positions_panel(page, days)
    facts = verdict_facts(page, days, live, limits, positions)
    return {
        **common_facts(page),
        "facts": facts_strip(page, live),
        "net": net_panel(page, days),
        "limits": limits,
        "kill_switch": kill_switch_panel(page),
        "strategies": strategies_panel(page, days),
        "orders": at_work(page, live, done),
        "positions": positions,
        "refused": refused_panel(page),
        "events": events_panel(page),
        "verdict": make_verdict(facts),
        "needs_you": needs_you_panel(page, days, facts, positions),
        "live_accounts": live_accounts_panel(page),
    }


def findings_now() -> list[Finding]:
    """Return all that Live would say is wrong, the worst first, without drawing it."""
    page = PageContext()
    days = PortfolioDays(page)
    live, _ = orders_at_hand(page)
    return list(list_findings(verdict_facts(page, days, live, limits_panel(page), positions_panel(page, days))))


def orders_at_hand(page: PageContext) -> tuple[list[Order], list[Order]]:
    """Orders that may still fill (needs you, unconfirmed, then working, each newest first), and the last that ended.

    Read in one statement: an order that ended between two would stand in both lists, or in neither.
    """
    ended = Q(state__in=TERMINAL, market_time__gte=page.midnight)
    both = Order.objects.select_related(*WITH).filter(ended | Q(state__in=MAY_STILL_FILL))
    live_first = Case(When(state__in=TERMINAL, then=1), default=0)
    found = list(both.order_by(live_first, "-updated_at")[: MOST_WORKING + ROWS])
    live = [order for order in found if order.may_still_fill][:MOST_WORKING]
    live.sort(key=lambda order: order.pk, reverse=True)
    live.sort(key=lambda order: LANE_ORDER.get(OrderState(order.state), 2))
    return live, [order for order in found if not order.may_still_fill][: max(JUST_DONE, ROWS - len(live))]


class AtWork(TypedDict):
    counts: str
    age: Age
    rows: list[OrderRow]
    empty: str


def at_work(page: PageContext, live: list[Order], done: list[Order]) -> AtWork:
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
