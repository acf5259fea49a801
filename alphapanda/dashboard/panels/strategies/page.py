"""Deployments as cards, one deployment by itself, and why there was no trade."""

from __future__ import annotations

from typing import Any

from alphapanda.dashboard.panels.ages import Age, read_now
from alphapanda.dashboard.panels.context import PageContext
from alphapanda.dashboard.panels.portfolio.positions import PositionsPanel, positions_panel
from alphapanda.dashboard.panels.results import PortfolioDays
from alphapanda.dashboard.panels.shell import CommonFacts, common_facts
from alphapanda.dashboard.panels.strategies.cards import past_days, strategy_card, trades_won
from alphapanda.dashboard.panels.strategies.rows import (
    AccountGroup,
    StrategyPanelData,
    account_group,
)
from alphapanda.dashboard.panels.strategies.waits import WaitsPanel, waits_panel
from trading.models import Deployment
from trading.orders.life_cycle import DEPLOYMENT_LABELS, DeploymentState
from trading.run.hosts import unreadable_strategies

S = DeploymentState


class StrategiesSnapshot(CommonFacts):
    sentence: str
    age: Age
    groups: list[AccountGroup]
    positions: PositionsPanel
    waits: WaitsPanel
    empty: str
    unreadable: str


def strategies_snapshot(user: Any) -> StrategiesSnapshot:
    page = PageContext()
    days = PortfolioDays(page)
    panel = StrategyPanelData(page, days)
    history = past_days(panel)
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
        "unreadable": unreadable_strategies(),
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
