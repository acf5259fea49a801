"""The only place where an order changes state: one conditional UPDATE, one line of history, one event."""

from decimal import Decimal
from typing import Any

import structlog
from django.db import transaction

from alphapanda.core.clock import market_now
from alphapanda.core.journal.services import record_event
from alphapanda.core.telemetry import metrics
from trading.models import Order, OrderTransition, RunInput
from trading.orders.life_cycle import OrderState, advance_state, is_terminal

log = structlog.get_logger()


@transaction.atomic
def move_order(
    order: Order, to: OrderState, *, actor: str, reason: str = "", details: Any = None, **changes: Any
) -> bool:
    """Move ``order`` on from the state it was read in. False: somebody else moved it first; read it again.

    Raises IllegalTransition if the life-cycle table has no such step.
    """
    before = OrderState(order.state)
    advance_state(before, to)
    if is_terminal(to):
        changes["reserved"] = Decimal(0)
    changes |= {"state": to, "state_reason": reason[:300]}
    if not Order.objects.filter(pk=order.pk, state=before).update(**changes):
        return False
    for name, value in changes.items():
        setattr(order, name, value)
    _write_history(order, before, to, actor, reason, details or {})
    if is_terminal(to):
        notify_run_of_end(order, reason)
    return True


def _write_history(order: Order, before: str, to: OrderState, actor: str, reason: str, details: Any) -> None:
    OrderTransition.objects.create(
        order=order,
        before=before,
        after=to,
        actor=actor,
        reason=reason[:300],
        details=details,
        market_time=market_now(),
    )
    record_event(
        f"order.{to}",
        key=order.tag,
        account_id=order.account_id,
        correlation=order.signal_id,
        payload={"from": before, "reason": reason, "filled": order.filled_quantity, "actor": actor},
    )
    transaction.on_commit(lambda: metrics.ORDERS.labels(to).inc())


def notify_run_of_end(order: Order, reason: str) -> None:
    """Let the run hear, at a later drain, that nothing more will come of what it asked: all its slices have ended."""
    states = list(Order.objects.filter(signal_id=order.signal_id).order_by("slice").values_list("state", flat=True))
    if not all(is_terminal(OrderState(state)) for state in states):
        return
    unfilled = [state for state in states if state != OrderState.FILLED]
    if unfilled:
        outcome = order.state if order.state in unfilled else unfilled[-1]
        notify_run(order.signal, "ended", str(order.signal_id), outcome=outcome, reason=reason)


def notify_run(signal: Any, kind: str, ref: str, **payload: Any) -> None:
    if signal.run_id is None:
        return
    RunInput.objects.get_or_create(
        run_id=signal.run_id,
        kind=kind,
        ref=ref,
        defaults={"payload": {"instrument": signal.instrument.key, "number": signal.ordinal, **payload}},
    )
