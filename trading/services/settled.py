"""Whether everything the last stream entry caused has come to rest: what a lockstep replay waits for."""

import asyncio

from channels.db import database_sync_to_async

from market.models import Shard
from market.stream import StreamPosition
from trading.domain.orders import MAY_STILL_FILL, DeploymentState, OrderState, SignalState
from trading.models import Deployment, Order, PaperOrder, PaperRequest, PaperTrade, Signal

POLL_SECONDS = 0.002
SLOWEST_POLL_SECONDS = 0.05


async def everything_settled(feed_id: object, position: StreamPosition) -> None:
    """Return when the entry at ``position`` and all that followed from it is done: judged, asked, matched, booked."""
    wait = POLL_SECONDS
    while not await database_sync_to_async(is_settled)(feed_id, position):
        await asyncio.sleep(wait)
        wait = min(wait * 1.3, SLOWEST_POLL_SECONDS)


def is_settled(feed_id: object, position: StreamPosition) -> bool:
    behind = any(
        StreamPosition(*place) < position for place in Shard.objects.filter(feed_id=feed_id).values_list("epoch", "n")
    )
    return not (
        behind
        or Signal.objects.filter(state=SignalState.NEW).exists()
        or Order.objects.filter(state__in=(OrderState.CREATED, OrderState.UNCONFIRMED)).exists()
        or _cancellations_unasked()
        or PaperTrade.objects.filter(is_booked=False).exists()
        or PaperOrder.objects.filter(is_reported=False).exists()
        or Deployment.objects.filter(state=DeploymentState.WARMING, runs__inputs__isnull=True).exists()
    )


def _cancellations_unasked() -> bool:
    wanted = Order.objects.filter(cancel_requested_at__isnull=False, state__in=MAY_STILL_FILL)
    asked = PaperRequest.objects.filter(kind=PaperRequest.Kind.CANCEL).values("tag")
    return wanted.exclude(tag__in=asked).exists()
