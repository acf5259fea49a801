"""Admin: deployments, limits and gates to change through their services; everything trading wrote, to look at."""

from trading import replays
from trading.admin import broker_side, deployments, gates, limits, orders, paper, runs, sessions, signals, strategies

__all__ = [
    "broker_side",
    "deployments",
    "gates",
    "limits",
    "orders",
    "paper",
    "replays",
    "runs",
    "sessions",
    "signals",
    "strategies",
]
