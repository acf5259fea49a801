"""Whether everything the last stream entry caused has come to rest: what a lockstep replay waits for."""

import asyncio
from uuid import UUID

from channels.db import database_sync_to_async
from django.db import connection

from alphapanda.core.clock import market_now
from market.domain.entries import StreamPosition

QUICKEST_DRAIN_SECONDS = 0.006
POLL_SECONDS = 0.003
SLOWEST_POLL_SECONDS = 0.05
# One round trip, since it is asked several times a frame: is anything of the pipeline still on its way?
NOT_QUIESCED = """
SELECT EXISTS (SELECT FROM trading_exitplan WHERE finished_at IS NULL AND look_at <= %s)
    OR EXISTS (SELECT FROM market_shard WHERE feed_id = %s AND (epoch, n) < (%s, %s))
    OR EXISTS (SELECT FROM trading_signal WHERE state = 'new')
    OR EXISTS (SELECT FROM trading_order WHERE state IN ('created', 'unconfirmed'))
    OR EXISTS (SELECT FROM trading_papertrade WHERE NOT is_booked)
    OR EXISTS (SELECT FROM trading_paperorder WHERE NOT is_reported)
    OR EXISTS (SELECT FROM trading_order o
               WHERE o.cancel_requested_at IS NOT NULL AND o.state IN ('submitted', 'open', 'trigger_pending')
               AND NOT EXISTS (SELECT FROM trading_paperrequest r WHERE r.tag = o.tag AND r.kind = 'cancel'))
    OR EXISTS (SELECT FROM trading_order WHERE modify_pending AND modify_sent_at IS NULL
               AND state IN ('open', 'trigger_pending') AND ended_as = '')
    OR EXISTS (SELECT FROM trading_deployment d JOIN trading_run r ON r.deployment_id = d.id
               WHERE d.state = 'warming' AND r.ended_at IS NULL
               AND NOT EXISTS (SELECT FROM trading_runinput i WHERE i.run_id = r.id AND i.kind = 'begin'))
"""


async def wait_until_quiesced(feed_id: UUID, position: StreamPosition) -> None:
    """Return when the entry at ``position`` and all that followed from it is done: judged, asked, matched, booked."""
    wait = POLL_SECONDS
    await asyncio.sleep(QUICKEST_DRAIN_SECONDS)
    while not await database_sync_to_async(is_quiesced)(feed_id, position):
        await asyncio.sleep(wait)
        wait = min(wait * 1.3, SLOWEST_POLL_SECONDS)


def is_quiesced(feed_id: UUID, position: StreamPosition) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(NOT_QUIESCED, [market_now(), feed_id, position.epoch, position.n])
        [unsettled] = cursor.fetchone()
    return not unsettled
