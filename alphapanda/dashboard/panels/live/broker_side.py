"""What the brokers of live accounts say: books that differ from ours, and accounts that take no new orders."""

from typing import Any

from alphapanda.core.figures import signed_whole
from alphapanda.dashboard.panels.live.verdict import Line
from trading.models import BookDifference, BrokerStanding
from trading.orders.life_cycle import BrokerState
from trading.orders.reconciliation import TIMES_TO_FREEZE


def broker_facts() -> dict[str, Any]:
    """What the verdict is told of brokers."""
    return {"stopped_brokers": stopped_brokers(), "differing_books": frozen_books()}


def frozen_books() -> tuple[str, ...]:
    """Both numbers of every holding that two readings showed to differ; nothing new is opened in it."""
    differing = BookDifference.objects.filter(times_seen__gte=TIMES_TO_FREEZE).exclude(quantity=0)
    return tuple(
        f"{row.tradingsymbol} {row.product} ({row.account.name}) {_held(row.ours)} here, {_held(row.theirs)} there"
        for row in differing.select_related("account").order_by("account__name", "tradingsymbol")
    )


def _held(quantity: int) -> str:
    return signed_whole(quantity) if quantity else "0"


def stopped_brokers() -> tuple[Line, ...]:
    """Accounts whose broker takes no new orders, each with the reason that was seen first."""
    stopped = BrokerStanding.objects.exclude(state=BrokerState.NORMAL).select_related("account")
    return tuple(Line(f"{row.account.name}: {row.reason}") for row in stopped.order_by("account__name"))
