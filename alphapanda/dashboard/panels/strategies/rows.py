"""What each deployment is doing, what it decided last and what it made today: the rows of a strategy table."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Any, TypedDict

from django.db.models import Count
from django.urls import reverse

from alphapanda.core.figures import iso
from alphapanda.dashboard.formats import money_tone
from alphapanda.dashboard.panels.ages import Age, read_now
from alphapanda.dashboard.panels.context import PageContext
from alphapanda.dashboard.panels.live.net import as_text, panel_age
from alphapanda.dashboard.panels.naming import done_word, side_word, symbol_of
from alphapanda.dashboard.panels.portfolio.positions import LevelsByHolding, levels_of
from alphapanda.dashboard.panels.results import PortfolioDay, PortfolioDays, add_results
from trading.models import Deployment, Evaluation, Order, Run, Signal
from trading.orders.life_cycle import DEPLOYMENT_LABELS, DeploymentState, SignalState

S = DeploymentState
LOOKS = {
    S.RUNNING: ("running", ""),
    S.WARMING: ("warming", ""),
    S.PAUSED: ("paused", "warn"),
    S.HALTED: ("halted", "fault"),
    S.STOPPED: ("stopped", ""),
}
SPARK_POINTS = 60
MODE_NOTES = {"live": "real money", "paper": "real prices, simulated fills", "practice": "the market is simulated"}


class StrategyPanelData:
    """Everything the strategy panels read, each in one query."""

    def __init__(self, page: PageContext, days: PortfolioDays) -> None:
        self.page, self.days = page, days
        deployments = Deployment.objects.select_related("strategy", "account", "shard__feed")
        deployments = deployments.prefetch_related("instruments")
        self.deployments = list(deployments)
        self.orders = dict(self._today(Order.objects.all()).values_list("deployment").annotate(n=Count("pk")))
        signals = self._today(Signal.objects.filter(deployment__isnull=False)).select_related("instrument")
        newest = signals.order_by("deployment_id", "-id").distinct("deployment_id")
        self.signals = {signal.deployment_id: signal for signal in newest}
        waits = Evaluation.objects.filter(at__gte=page.midnight).select_related("run", "instrument")
        latest = waits.order_by("run_id", "-at").distinct("run_id")
        self.waits = {wait.run.deployment_id: wait for wait in sorted(latest, key=lambda wait: wait.at)}
        self.runs = {run.deployment_id: run for run in Run.objects.filter(ended_at__isnull=True)}

    @cached_property
    def levels(self) -> LevelsByHolding:
        """Where each position of a strategy would be left."""
        return levels_of(self.days.by_deployment.values())

    def _today(self, rows: Any) -> Any:
        return rows.filter(market_time__gte=self.page.midnight).order_by()


class StrategiesPanel(TypedDict):
    counts: str
    age: Age
    groups: list[AccountGroup]
    empty: str


def strategies_panel(page: PageContext, days: PortfolioDays) -> StrategiesPanel:
    panel = StrategyPanelData(page, days)
    groups = [group for account in page.accounts if (group := account_group(panel, account))["rows"]]
    return {
        "counts": running_words(panel.deployments),
        "age": read_now(page),
        "groups": groups,
        "empty": "" if groups else "No strategy is deployed. Admin puts one on an account.",
    }


def running_words(deployments: Iterable[Deployment]) -> str:
    states = [deployment.state for deployment in deployments]
    running = states.count(S.RUNNING)
    return f"{running} of {len(states)} running" if states else ""


class AccountGroup(TypedDict):
    key: str
    mode: str
    account: Any
    mode_note: str
    note: str
    net: str | None
    charges: str | None
    orders: Any
    age: Age
    rows: list[StrategyRow]


def account_group(panel: StrategyPanelData, account: Any) -> AccountGroup:
    mode = panel.page.mode_of(account)
    own = [deployment for deployment in panel.deployments if deployment.account_id == account.pk]
    days = [day for each in own if (day := panel.days.by_deployment.get(each.pk))]
    return {
        "key": str(account.pk),
        "mode": mode,
        "account": account.name,
        "mode_note": MODE_NOTES[mode],
        "note": f"{account.name}, {MODE_NOTES[mode]}",
        "net": as_text(add_results(days).net) if days else "0",
        "charges": as_text(add_results(days).charges) if days else "0",
        "orders": sum(panel.orders.get(each.pk, 0) for each in own),
        "age": panel_age(panel.page, days),
        "rows": [strategy_row(panel, each, mode) for each in own],
    }


class StrategyRow(TypedDict):
    key: str
    name: str
    mode: str
    state: str
    icon: str
    tone: str
    decided_at: str | None
    decision: str
    orders: Any
    net: str | None
    net_tone: str
    net_icon: str
    spark: list[str]
    spark_tone: str
    href: str
    age: Age


def strategy_row(panel: StrategyPanelData, deployment: Deployment, mode: str) -> StrategyRow:
    day = panel.days.by_deployment.get(deployment.pk)
    icon, tone = LOOKS[S(deployment.state)]
    at, words = last_decision(panel, deployment)
    net = as_text(day.result.net) if day else "0"
    return {
        "key": str(deployment.pk),
        "name": deployment.name,
        "mode": mode,
        "state": DEPLOYMENT_LABELS[S(deployment.state)],
        "icon": icon,
        "tone": tone,
        "decided_at": iso(at),
        "decision": words,
        "orders": panel.orders.get(deployment.pk, 0),
        "net": net,
        "net_tone": money_tone(net),
        "net_icon": money_tone(net) or "none",
        "spark": spark_line(day, net),
        "spark_tone": money_tone(net),
        "href": reverse("dashboard:deployment", args=[deployment.pk]),
        "age": panel_age(panel.page, [day] if day else []),
    }


def spark_line(day: PortfolioDay | None, net: str | None) -> list[str]:
    if day is None or not day.points:
        return []
    step = max(1, len(day.points) // SPARK_POINTS)
    line = ["0", *(f"{value:f}" for _, value in day.points[::step])]
    return [*line, net] if net is not None else line


def last_decision(panel: StrategyPanelData, deployment: Deployment) -> tuple[Any, str]:
    """The newer of the last signal and the last "no trade"; trouble and warming up speak before both."""
    if deployment.state in (S.HALTED, S.PAUSED, S.WARMING) and deployment.state_reason:
        return deployment.state_since, deployment.state_reason
    signal, wait = panel.signals.get(deployment.pk), panel.waits.get(deployment.pk)
    if signal and (not wait or signal.market_time >= wait.at):
        return signal.market_time, signal_words(signal)
    if wait:
        return wait.at, f"No trade: {symbol_of(wait.instrument)}, {wait.text}"
    return deployment.state_since, "No decision yet today" if deployment.state != S.STOPPED else "Not running"


def signal_words(signal: Signal) -> str:
    what = f"{signal.quantity} {symbol_of(signal.instrument)}"
    if signal.state == SignalState.ORDERED:
        verb = done_word(signal.side) if signal.kind == Signal.Kind.ENTER else "Exit, " + side_word(signal.side).lower()
        return f"{verb} {what}: {signal.reason}"
    if signal.state == SignalState.DENIED:
        why = signal.state_reason.partition(": ")[2] or signal.state_reason
        return f"Refused {side_word(signal.side).lower()} {what}: {why}"
    return f"{side_word(signal.side)} {what}: {signal.reason}"
