"""Orders at the broker that are not ours: the last levels of the kill switch cancel them too.

Left alone otherwise: they are their owner's. One that rests would open anew what has been flattened.
"""

from __future__ import annotations

import structlog
from django.db import transaction

from alphapanda.core.clock import market_now
from alphapanda.core.clock.market_time import wall_now
from alphapanda.core.journal.services import record_event
from alphapanda.core.telemetry.crashpoints import crashpoint
from portfolio.models import Account
from trading import wakeups
from trading.brokers.remote import RemoteBroker
from trading.models import SeenOrder
from trading.orders import rates
from trading.orders.broker_port import BrokerError

log = structlog.get_logger()


@transaction.atomic
def cancel_strangers(account: Account | None, asked_by: str) -> int:
    """Ask for the cancellation of every order that rests and is not ours. Returns how many were asked."""
    now = market_now()
    resting = SeenOrder.objects.strangers(now).filter(cancel_requested_at=None).select_related("account")
    asked = list((resting.filter(account=account) if account else resting).select_for_update(of=("self",), no_key=True))
    for row in asked:
        row.cancel_requested_at, row.cancel_requested_by = now, asked_by
        row.save(update_fields=["cancel_requested_at", "cancel_requested_by"])
        payload = {"by": asked_by, "what": str(row)}
        record_event("broker.cancel_requested", key=row.broker_order_id, account_id=row.account_id, payload=payload)
    for one in {row.account_id: row.account for row in asked}.values():
        wakeups.wake_execution(one, is_exit=True)
    return len(asked)


def send_cancellations(account: Account, broker: RemoteBroker) -> None:
    """Ask the broker, each once, outside any transaction; its book tells what became of it."""
    for row in SeenOrder.objects.to_cancel(market_now()).filter(account=account):
        if not _may_ask(row):
            return
        crashpoint("strangers.before_cancel")
        try:
            broker.request_cancel_of(row.broker_order_id, row.variety)
        except BrokerError as problem:
            log.warning("cancel_not_taken", order=row.broker_order_id, error=repr(problem))


def _may_ask(row: SeenOrder) -> bool:
    """Whether it is ours to ask now: noted before it leaves, within its share of the second and the minute."""
    with transaction.atomic():
        waiting = SeenOrder.objects.filter(pk=row.pk, cancel_sent_at=None)
        if not waiting.update(cancel_sent_at=wall_now()):
            return False
        if full := rates.spend_request(row.account, wall_now()):
            log.info("request_waits_for_rate", order=row.broker_order_id, window=full)
            transaction.set_rollback(True)
            return False
    return True
