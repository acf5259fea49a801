"""Each deployment as a card: what it is, how its days went, and what may be done with it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TypedDict
from uuid import UUID

from django.db.models import Sum
from django.urls import reverse

from alphapanda.core import roles
from alphapanda.core.figures import (
    clock_minute,
    counted,
    percent,
    plain,
    rupees,
    short_rupees,
    signed_whole,
)
from alphapanda.dashboard.panels.context import PageContext
from alphapanda.dashboard.panels.daily import nets_of_days
from alphapanda.dashboard.panels.live.net import as_text
from alphapanda.dashboard.panels.naming import symbol_of
from alphapanda.dashboard.panels.results import Holding, PortfolioDay
from alphapanda.dashboard.panels.shell import acts_of
from alphapanda.dashboard.panels.strategies.rows import (
    StrategyPanelData,
)
from portfolio.models import Realisation
from trading.models import Deployment
from trading.orders.life_cycle import DEPLOYMENT_LABELS, DeploymentState

S = DeploymentState
HISTORY_DAYS = 20


class Hold(TypedDict):
    """A position on a card, and how far it is from where it would be left."""

    key: str
    words: str
    stop: str


class StrategyCard(TypedDict):
    about: str
    state_long: str
    days: list[str]
    days_net: str | None
    days_words: str
    worst_fall: str | None
    winners: str
    run: str
    holds: list[Hold]
    range: str
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
        "holds": holds_of(panel, deployment),
        "range": range_words(panel.days.by_deployment.get(deployment.pk)),
        "acts": act_rows(deployment),
    }


def act_rows(deployment: Deployment) -> list[dict[str, str]]:
    return [
        {
            "key": act,
            "verb": verb,
            "ask": asks,
            "needs": roles.needs("deployment_act", act, deployment.account_id),
            "address": reverse("dashboard:deployment_act", args=[deployment.pk, act]),
        }
        for act, (verb, asks) in acts_of(deployment).items()
    ]


def holds_of(panel: StrategyPanelData, deployment: Deployment) -> list[Hold]:
    day = panel.days.by_deployment.get(deployment.pk)
    held = [hold_row(panel, day, holding) for holding in day.holdings] if day else []
    return held or [{"key": "flat", "words": "Holds nothing", "stop": ""}]


def hold_row(panel: StrategyPanelData, day: PortfolioDay, holding: Holding) -> Hold:
    position, instrument = holding.position, holding.position.instrument
    levels = panel.levels.get((day.deployment_id, instrument.key))
    return {
        "key": str(position.pk),
        "words": f"{signed_whole(position.quantity)} {symbol_of(instrument)} at {plain(position.average_price)}",
        "stop": stop_words(holding, levels.stop if levels else None),
    }


def stop_words(holding: Holding, stop: Decimal | None) -> str:
    if stop is None:
        return "no stop"
    if holding.last is None:
        return f"stop {plain(stop)}, price unknown"
    away = abs(holding.last - stop)
    lost = rupees((holding.last - stop) * holding.position.quantity, 0)
    return f"stop {plain(stop)}, {plain(away)} away ({percent(100 * away / holding.last)}): {lost} from here"


def range_words(day: PortfolioDay | None) -> str:
    """The day's line in figures, since it has no axis: where it began, its low and its high, and its last point."""
    points = day.points if day else []
    if not points:
        return ""
    low, high = (end(points, key=lambda point: point[1]) for end in (min, max))
    named = {"low": low, "high": high, "last": points[-1]}
    said = (f"{name} {signed_whole(net)} at {clock_minute(at)}" for name, (at, net) in named.items())
    return ", ".join(["In ₹: began at 0", *said])


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


def past_days(panel: StrategyPanelData) -> dict[UUID, list[Decimal]]:
    """The last known net of each of the days before this one, oldest first, by deployment."""
    owners = {day.portfolio.pk: day.deployment_id for day in panel.days.all if day.deployment_id}
    nets = nets_of_days(owners, panel.page.day - timedelta(days=HISTORY_DAYS * 2), panel.page.day)
    return {owners[portfolio]: list(found.values())[-HISTORY_DAYS:] for portfolio, found in nets.items()}


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
