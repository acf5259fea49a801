"""What each page shows, as plain dictionaries: the same for the first paint and for the WebSocket."""

from alphapanda.dashboard.snapshots.live import live_snapshot
from alphapanda.dashboard.snapshots.orders import orders_snapshot
from alphapanda.dashboard.snapshots.portfolio import portfolio_snapshot
from alphapanda.dashboard.snapshots.story import order_story
from alphapanda.dashboard.snapshots.strategies import deployment_snapshot, strategies_snapshot
from alphapanda.dashboard.snapshots.system import system_snapshot

__all__ = [
    "deployment_snapshot",
    "live_snapshot",
    "order_story",
    "orders_snapshot",
    "portfolio_snapshot",
    "strategies_snapshot",
    "system_snapshot",
]
