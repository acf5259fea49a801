"""What each page shows, as plain dictionaries: the same for the first paint and for the WebSocket."""

from alphapanda.dashboard.panels.lab.page import lab_snapshot
from alphapanda.dashboard.panels.lab.result import backtest_snapshot
from alphapanda.dashboard.panels.live.page import live_snapshot
from alphapanda.dashboard.panels.morning.flight import flight_snapshot
from alphapanda.dashboard.panels.morning.handover import handover_snapshot
from alphapanda.dashboard.panels.morning.logins import logins_snapshot
from alphapanda.dashboard.panels.orders.page import orders_snapshot
from alphapanda.dashboard.panels.orders.story import order_story
from alphapanda.dashboard.panels.orders.ticket import reckon_ticket
from alphapanda.dashboard.panels.portfolio.page import portfolio_snapshot
from alphapanda.dashboard.panels.strategies.deployment import deployment_snapshot
from alphapanda.dashboard.panels.strategies.page import strategies_snapshot
from alphapanda.dashboard.panels.system.page import system_snapshot

__all__ = [
    "backtest_snapshot",
    "deployment_snapshot",
    "flight_snapshot",
    "handover_snapshot",
    "lab_snapshot",
    "live_snapshot",
    "logins_snapshot",
    "order_story",
    "orders_snapshot",
    "portfolio_snapshot",
    "reckon_ticket",
    "strategies_snapshot",
    "system_snapshot",
]
