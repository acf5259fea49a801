"""The only place where an order changes state: one conditional UPDATE, one line of history, one event."""

from decimal import Decimal
from typing import Any
from uuid import UUID

import structlog
from django.db import transaction

from alphapanda.core.clock import market_now
from alphapanda.core.journal.services import record_event
from alphapanda.core.telemetry import metrics
from trading import wakeups
from trading.models import ExitPlan, Order, OrderTransition, RunInput, Signal
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
    payload = {"from": before, "reason": reason, "filled": order.filled_quantity, "actor": actor}
    record_order(order, f"order.{to}", payload)
    transaction.on_commit(lambda: metrics.ORDERS.labels(to).inc())


def record_order(order: Order, kind: str, payload: dict[str, Any]) -> None:
    """Record an event of an order where its story is read."""
    record_event(kind, key=order.tag, account_id=order.account_id, correlation=order.signal_id, payload=payload)


def notify_run_of_end(order: Order, reason: str) -> None:
    """Let the run hear, at a later drain, that nothing more will come of what it asked: all its slices have ended."""
    if order.signal.plan_id is not None:
        wake_exit(order.signal.plan_id, order.account_id)  # it goes on asking until it is flat; then the run hears
        return
    states = list(Order.objects.filter(signal_id=order.signal_id).order_by("slice").values_list("state", flat=True))
    if not all(is_terminal(OrderState(state)) for state in states):
        return
    unfilled = [state for state in states if state != OrderState.FILLED]
    if unfilled:
        outcome = order.state if order.state in unfilled else unfilled[-1]
        notify_run(order.signal, "ended", str(order.signal_id), outcome=outcome, reason=reason)


def notify_run(signal: Signal, kind: str, ref: str, **payload: Any) -> None:
    """Let the run of a signal, if it has one, hear something of it, as its decision's number."""
    if signal.run_id is not None:
        write_run_input(signal.run_id, kind, ref, signal.instrument.key, signal.ordinal, **payload)


def write_run_input(run_id: UUID, kind: str, ref: str, instrument: str, number: int | None, **payload: Any) -> None:
    """Write what a run is to hear at a later drain; told once, however often it is written."""
    RunInput.objects.get_or_create(
        run_id=run_id, kind=kind, ref=ref, defaults={"payload": {"instrument": instrument, "number": number, **payload}}
    )


def wake_exit(plan_id: UUID, account_id: UUID) -> None:
    """Let an exit be looked at now: something of it was filled or has ended."""
    ExitPlan.objects.unfinished().filter(pk=plan_id).update(look_at=market_now())
    wakeups.wake_stage_after_commit(wakeups.EXITS, account_id, "risk")
