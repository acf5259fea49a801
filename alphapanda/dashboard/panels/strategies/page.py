"""Deployments as cards, one deployment by itself, and why there was no trade."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from decimal import Decimal
from typing import Any, TypedDict
from uuid import UUID

from django.db.models import Sum
from django.urls import reverse

from alphapanda.core.figures import counted, iso, short_rupees
from alphapanda.dashboard.panels.ages import Age, read_now
from alphapanda.dashboard.panels.context import PageContext
from alphapanda.dashboard.panels.live.net import as_text
from alphapanda.dashboard.panels.naming import side_word, story_of, symbol_of
from alphapanda.dashboard.panels.portfolio.positions import PositionsPanel, positions_panel
from alphapanda.dashboard.panels.results import PortfolioDays
from alphapanda.dashboard.panels.shell import CommonFacts, acts_of, common_facts
from alphapanda.dashboard.panels.strategies.rows import (
    AccountGroup,
    StrategyPanelData,
    StrategyRow,
    account_group,
    strategy_row,
)
from portfolio.models import PnlSnapshot, Realisation
from trading.models import Deployment, Evaluation, Run, Signal
from trading.orders.life_cycle import DEPLOYMENT_LABELS, SIGNAL_LABELS, DeploymentState, SignalState

S = DeploymentState
HISTORY_DAYS, SHOWN_EVALUATIONS = 20, 12


class StrategiesSnapshot(CommonFacts):
    sentence: str
    age: Age
    groups: list[AccountGroup]
    positions: PositionsPanel
    waits: WaitsPanel
    empty: str


def strategies_snapshot(user: Any) -> StrategiesSnapshot:
    page = PageContext()
    days = PortfolioDays(page)
    panel = StrategyPanelData(page, days)
    history = past_days(page)
    closed = trades_won(page)
    groups = [group for account in page.accounts if (group := account_group(panel, account))["rows"]]
    by_id = {str(deployment.pk): deployment for deployment in panel.deployments}
    for group in groups:
        for row in group["rows"]:
            row.update(strategy_card(panel, by_id[row["key"]], history, closed))
    return {
        **common_facts(page),
        "sentence": states_sentence(panel.deployments),
        "age": read_now(page),
        "groups": groups,
        # Not drawn: lets the browser move each strategy's figures with the prices of what it holds.
        "positions": positions_panel(page, days),
        "waits": waits_panel(page),
        "empty": "" if groups else "No strategy is deployed. Admin puts one on an account.",
    }


def states_sentence(deployments: list[Deployment]) -> str:
    """ "Three of four are running. One paused." """
    if not deployments:
        return "No strategy is deployed."
    states = [S(deployment.state) for deployment in deployments]
    words = [f"{states.count(S.RUNNING)} of {len(states)} running."]
    for state in (S.WARMING, S.PAUSED, S.HALTED, S.STOPPED):
        if number := states.count(state):
            words.append(f"{number} {DEPLOYMENT_LABELS[state].lower()}.")
    return " ".join(words)


class StrategyCard(TypedDict):
    about: str
    state_long: str
    days: list[str]
    days_net: str | None
    days_words: str
    worst_fall: str | None
    winners: str
    run: str
    acts: list[dict[str, str]]


def strategy_card(
    panel: StrategyPanelData,
    deployment: Deployment,
    history: dict[UUID, list[Decimal]],
    closed: dict[UUID, tuple[int, int]],
) -> StrategyCard:
    days = history.get(deployment.pk, [])
    won, all_ = closed.get(deployment.pk, (0, 0))
    run = panel.runs.get(deployment.pk)
    code = (run.code_hash if run else deployment.strategy.code_hash)[:6]
    return {
        "about": describe_deployment(deployment),
        "state_long": DEPLOYMENT_LABELS[S(deployment.state)],
        "days": [f"{net:f}" for net in days],
        "days_net": as_text(sum(days, Decimal(0))) if days else None,
        "days_words": counted(len(days), "day") if days else "No full day yet",
        "worst_fall": as_text(worst_fall(days)) if days else None,
        "winners": f"{round(100 * won / all_)}\u00a0% of {all_}" if all_ else "no closed trade",
        "run": f"run {run.number}, code {code}" if run else f"code {code}",
        "acts": [
            {
                "key": act,
                "verb": verb,
                "ask": asks,
                "address": reverse("dashboard:deployment_act", args=[deployment.pk, act]),
            }
            for act, (verb, asks) in acts_of(deployment).items()
        ],
    }


def describe_deployment(deployment: Deployment) -> str:
    """One line of instruments and settings."""
    names = [symbol_of(instrument) for instrument in deployment.instruments.all()]
    shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    units = {
        "lots": counted(int(deployment.size), "lot"),
        "capital": f"{short_rupees(deployment.size)} a position",
        "risk": f"{short_rupees(deployment.size)} at risk",
    }[deployment.sizing]
    return f"{deployment.strategy.title}; {shown or 'no instrument'}; {units}, {deployment.product}"


def past_days(page: PageContext) -> dict[UUID, list[Decimal]]:
    """The last known net of each of the days before this one, oldest first, by deployment."""
    since = page.day - timedelta(days=HISTORY_DAYS * 2)
    rows = PnlSnapshot.objects.filter(
        day__gte=since, day__lt=page.day, net__isnull=False, portfolio__deployment_id__isnull=False
    )
    latest = rows.order_by("portfolio_id", "day", "-at").distinct("portfolio_id", "day")
    found: dict[UUID, list[Decimal]] = defaultdict(list)
    for deployment, net in latest.values_list("portfolio__deployment_id", "net"):
        if deployment and net is not None:
            found[deployment].append(net)
    return {deployment: days[-HISTORY_DAYS:] for deployment, days in found.items()}


def worst_fall(days: list[Decimal]) -> Decimal:
    """The deepest fall of the summed net from its highest point: zero or below."""
    high = running = worst = Decimal(0)
    for net in days:
        running += net
        high = max(high, running)
        worst = min(worst, running - high)
    return worst


def trades_won(page: PageContext) -> dict[UUID, tuple[int, int]]:
    """Closing orders that made money before charges, of all closing orders, in the last 20 days or so."""
    rows = Realisation.objects.filter(day__gte=page.day - timedelta(days=HISTORY_DAYS * 2)).order_by()
    grouped = rows.values_list("lot__position__portfolio__deployment_id", "trade__broker_order_id").annotate(
        made=Sum("realised")
    )
    found: dict[UUID, tuple[int, int]] = {}
    for deployment, _, made in grouped:
        won, all_ = found.get(deployment, (0, 0))
        found[deployment] = (won + (made > 0), all_ + 1)
    return found


class WaitsPanel(TypedDict):
    age: Age
    rows: list[WaitRow]
    empty: str


def waits_panel(page: PageContext, deployment: Deployment | None = None) -> WaitsPanel:
    today = Evaluation.objects.filter(at__gte=page.midnight)
    waits = today.select_related("run__deployment__account", "instrument").order_by("-at", "-id")
    if deployment:
        waits = waits.filter(run__deployment=deployment)
    rows = [wait_row(page, wait) for wait in waits[:SHOWN_EVALUATIONS]]
    return {"age": read_now(page), "rows": rows, "empty": "" if rows else "No evaluation yet today."}


class WaitRow(TypedDict):
    key: str
    at: str | None
    name: str
    symbol: str
    words: str
    mode: str
    near: dict[str, str | None]


def wait_row(page: PageContext, wait: Evaluation) -> WaitRow:
    near = wait.nearness
    return {
        "key": str(wait.pk),
        "at": iso(wait.at),
        "name": wait.run.deployment.name,
        "symbol": symbol_of(wait.instrument),
        "words": wait.text,
        "mode": page.mode_of(wait.run.deployment.account),
        "near": {
            "name": "How near",
            "ratio": None if near is None else f"{near:.3f}",
            "tone": "unknown" if near is None else "",
            "spoken": "cannot be said" if near is None else f"{round(near * 100)} percent of the way",
        },
    }


class SignalsPanel(TypedDict):
    age: Age
    rows: list[SignalRow]


class DeploymentSnapshot(CommonFacts):
    age: Age
    row: StrategyRow
    account: str
    reason: str
    terms: list[dict[str, str]]
    waits: WaitsPanel
    signals: SignalsPanel
    runs: list[RunRow]


def deployment_snapshot(deployment_id: UUID) -> DeploymentSnapshot:
    """Return one deployment: its card, its runs and why it did not trade."""
    page = PageContext()
    days = PortfolioDays(page)
    panel = StrategyPanelData(page, days)
    deployment = next(each for each in panel.deployments if each.pk == deployment_id)
    row = strategy_row(panel, deployment, page.mode_of(deployment.account))
    row.update(strategy_card(panel, deployment, past_days(page), trades_won(page)))
    signals = (
        Signal.objects.filter(deployment=deployment)
        .select_related("instrument", "account", "order")
        .order_by("-id")[:SHOWN_EVALUATIONS]
    )
    return {
        **common_facts(page),
        "age": read_now(page),
        "row": row,
        "account": deployment.account.name,
        "reason": deployment.state_reason[:1].upper() + deployment.state_reason[1:],
        "terms": terms_rows(deployment),
        "waits": waits_panel(page, deployment),
        "signals": {"age": read_now(page), "rows": [signal_row(page, signal) for signal in signals]},
        "runs": [run_row(run) for run in deployment.runs.all()[:8]],
    }


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
    looks = {"ordered": ("tick", ""), "denied": ("struck", ""), "failed": ("cross", "fault"), "new": ("loading", "")}
    icon, tone = looks.get(signal.state, ("bar", ""))
    order = getattr(signal, "order", None)
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
