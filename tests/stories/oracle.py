"""What must hold between our books and kitesim's own list of what it accepted and traded, whatever happened before."""

from __future__ import annotations

from collections import Counter
from typing import Any

from portfolio.models import Position, Trade
from tests.stories.live import LivePipeline
from trading.models import Order


def violations(live: LivePipeline) -> list[str]:
    """Everything that must hold, once all is quiet, and does not; by the invariants of reliability.md 4."""
    accepted = live.sent(accepted=True)
    theirs = {row["order_id"]: row for row in _read(live, "/orders")}
    return [
        *_doubled(accepted),
        *_without_a_row(accepted),
        *_not_alike(theirs),
        *_trades_differ(live),
        *_positions_differ(live),
    ]


def _read(live: LivePipeline, path: str) -> Any:
    return live.sim.ask("GET", path, headers=live.headers())["data"]


def _doubled(accepted: list[dict[str, Any]]) -> list[str]:
    """I2: one tag, at most one order at the broker."""
    times = Counter(call["params"]["tag"] for call in accepted)
    return [f"{tag} was accepted {count} times" for tag, count in times.items() if count > 1]


def _without_a_row(accepted: list[dict[str, Any]]) -> list[str]:
    """I3, I4: every order of ours at the broker has a row and an approved decision of the same side and quantity."""
    rows = {order.tag: order for order in Order.objects.select_related("signal__decision")}
    found = []
    for call in accepted:
        params, order = call["params"], rows.get(call["params"]["tag"])
        if order is None:
            found.append(f"{params['tag']} has no row")
        elif (order.side, str(order.quantity)) != (params["transaction_type"], params["quantity"]):
            found.append(f"{order} was sent as {params}")
        elif not order.signal.decision.approved or order.quantity not in order.signal.decision.slices:
            found.append(f"{order} was not decided so")
    return found


def _not_alike(theirs: dict[str, Any]) -> list[str]:
    """I28: what the broker ended is ended here, with as much of it filled."""
    ended = {"COMPLETE": "filled", "CANCELLED": "cancelled", "REJECTED": "rejected"}
    found = []
    for order in Order.objects.exclude(broker_order_id=""):
        row = theirs.get(order.broker_order_id)
        if row is None:
            found.append(f"{order} names an order the broker does not know")
        elif row["status"] in ended and (order.state, order.filled_quantity) != (
            ended[row["status"]],
            row["filled_quantity"],
        ):
            found.append(f"{order} is {order.state} with {order.filled_quantity} filled, there {row['status']}")
    return found


def _trades_differ(live: LivePipeline) -> list[str]:
    """I14, I28: each trade of the broker's is booked, once and whole, whoever made it."""
    ours: Counter[str] = Counter()
    for trade in Trade.objects.all():
        ours[trade.trade_id] += trade.signed_quantity
    sign = {"BUY": 1, "SELL": -1}
    theirs = {row["trade_id"]: sign[row["transaction_type"]] * row["quantity"] for row in _read(live, "/trades")}
    return [] if dict(ours) == theirs else [f"booked {dict(ours)}, traded {theirs}"]


def _positions_differ(live: LivePipeline) -> list[str]:
    """I9, I28: a position is the sum of its trades, and the broker's."""
    net: Counter[tuple[str, str]] = Counter()
    for position in Position.objects.select_related("instrument"):
        net[position.instrument.tradingsymbol, position.product] += position.quantity
    theirs = {
        (row["tradingsymbol"], row["product"]): row["quantity"] for row in _read(live, "/portfolio/positions")["net"]
    }
    keys = net.keys() | theirs.keys()
    return [
        f"{key}: {net[key]} here, {theirs.get(key, 0)} there" for key in sorted(keys) if net[key] != theirs.get(key, 0)
    ]
