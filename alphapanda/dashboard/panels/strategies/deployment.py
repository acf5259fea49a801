"""One deployment by itself: its card, its terms, its signals and its runs."""

from __future__ import annotations

from typing import TypedDict
from uuid import UUID

from alphapanda.core.figures import iso
from alphapanda.dashboard.panels.ages import Age, read_now
from alphapanda.dashboard.panels.context import PageContext
from alphapanda.dashboard.panels.naming import side_word, story_of, symbol_of
from alphapanda.dashboard.panels.results import PortfolioDays
from alphapanda.dashboard.panels.shell import CommonFacts, common_facts
from alphapanda.dashboard.panels.strategies.cards import describe_deployment, past_days, strategy_card, trades_won
from alphapanda.dashboard.panels.strategies.rows import (
    StrategyPanelData,
    StrategyRow,
    strategy_row,
)
from alphapanda.dashboard.panels.strategies.trades import (
    ClosedTrades,
    SessionChart,
    closed_trades,
    newest_trades,
    session_chart,
)
from alphapanda.dashboard.panels.strategies.waits import WaitsPanel, waits_panel
from trading.models import Deployment, Run, RunInput, Signal
from trading.orders.life_cycle import SIGNAL_LABELS, DeploymentState, SignalState

SHOWN_SIGNALS = 12


class SignalsPanel(TypedDict):
    age: Age
    rows: list[SignalRow]
    empty: str


class DeploymentSnapshot(CommonFacts):
    age: Age
    row: StrategyRow
    account: str
    reason: str
    traceback: str
    terms: list[dict[str, str]]
    chart: SessionChart
    closed: ClosedTrades
    waits: WaitsPanel
    signals: SignalsPanel
    runs: list[RunRow]


def deployment_snapshot(deployment_id: UUID, chart_of: str = "") -> DeploymentSnapshot:
    """Return one deployment: its session on a chart (of the instrument named), its trades, its runs."""
    page = PageContext()
    days = PortfolioDays(page)
    panel = StrategyPanelData(page, days)
    deployment = next(each for each in panel.deployments if each.pk == deployment_id)
    row = strategy_row(panel, deployment, page.mode_of(deployment.account))
    row.update(strategy_card(panel, deployment, past_days(panel), trades_won(page)))
    day = days.by_deployment.get(deployment_id)
    booked = newest_trades(deployment, day.portfolio.pk) if day else []
    return {
        **common_facts(page),
        "age": read_now(page),
        "row": row,
        "account": deployment.account.name,
        "reason": deployment.state_reason[:1].upper() + deployment.state_reason[1:],
        "traceback": last_traceback(deployment),
        "terms": terms_rows(deployment),
        "chart": session_chart(page, deployment, day, booked, chart_of),
        "closed": closed_trades(page, booked, day.portfolio.pk if day else None),
        "waits": waits_panel(page, deployment),
        "signals": signals_panel(page, deployment),
        "runs": [run_row(run) for run in deployment.runs.all()[:8]],
    }


def signals_panel(page: PageContext, deployment: Deployment) -> SignalsPanel:
    signals = (
        Signal.objects.filter(deployment=deployment)
        .select_related("instrument", "account")
        .prefetch_related("orders")
        .order_by("-id")[:SHOWN_SIGNALS]
    )
    rows = [signal_row(page, signal) for signal in signals]
    return {"age": read_now(page), "rows": rows, "empty": "" if rows else "It has wanted nothing yet."}


def last_traceback(deployment: Deployment) -> str:
    """Return what Python printed when the run's code raised last, while that still keeps it paused."""
    if deployment.state != DeploymentState.PAUSED:
        return ""
    paused = RunInput.objects.filter(run__deployment=deployment, run__ended_at__isnull=True, kind="exits_only")
    last = paused.order_by("-id").first()
    return str(last.payload.get("traceback", "")) if last else ""


def terms_rows(deployment: Deployment) -> list[dict[str, str]]:
    window = f"{deployment.entry_from:%H:%M} to {deployment.entry_until:%H:%M}"
    rows = [
        ("Trades", describe_deployment(deployment)),
        ("Enters", window),
        ("Flat by", f"{deployment.flat_by:%H:%M}" if deployment.flat_by else "not before it decides so"),
        ("Orders", deployment.get_order_style_display()),
    ]
    return [{"name": name, "words": words} for name, words in rows]


class SignalRow(TypedDict):
    key: str
    at: str | None
    icon: str
    tone: str
    state: str
    what: str
    words: str
    href: str | None
    mode: str


def signal_row(page: PageContext, signal: Signal) -> SignalRow:
    looks: dict[str, tuple[str, str]] = {
        SignalState.ORDERED: ("tick", ""),
        SignalState.DENIED: ("struck", ""),
        SignalState.FAILED: ("cross", "fault"),
        SignalState.NEW: ("loading", ""),
    }
    icon, tone = looks.get(signal.state, ("bar", ""))
    order = next(iter(signal.orders.all()), None)
    return {
        "key": str(signal.pk),
        "at": iso(signal.market_time),
        "icon": icon,
        "tone": tone,
        "state": SIGNAL_LABELS[SignalState(signal.state)],
        "what": f"{side_word(signal.side)} {signal.quantity} {symbol_of(signal.instrument)}",
        "words": signal.reason if signal.state == SignalState.ORDERED else signal.state_reason or signal.reason,
        "href": story_of(order) if order else None,
        "mode": page.mode_of(signal.account),
    }


class RunRow(TypedDict):
    key: str
    number: int
    started: str | None
    ended: str | None
    reason: str
    code: str


def run_row(run: Run) -> RunRow:
    return {
        "key": str(run.pk),
        "number": run.number,
        "started": iso(run.started_at),
        "ended": iso(run.ended_at),
        "reason": run.ended_reason or "goes on",
        "code": run.code_hash[:12],
    }
