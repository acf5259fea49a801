"""The stages an account's orders go through, each drained by a task of its own; in lockstep always in one order."""

from uuid import UUID

from django.conf import settings
from django.db.models import Exists, OuterRef
from django.utils.module_loading import import_string

from alphapanda.core.clock import market_now
from portfolio.models import Account
from trading import wakeups
from trading.models import ExitPlan, Order, PaperOrder, PaperTrade, Signal
from trading.orders.life_cycle import OrderState, SignalState

# Imported when first drained: no worker needs to know the stages of the others.
DRAINS = {
    wakeups.EXITS: "trading.exits.drain.follow_exits",
    wakeups.ASSESS: "trading.risk.assessment.assess_signals",
    wakeups.EXECUTE: "trading.orders.execution.execute_orders",
    wakeups.EXECUTE_EXITS: "trading.orders.execution.execute_exits",
    wakeups.BOOK: "trading.orders.readings.read_and_book",
}
# As the engine's STAGES: a gate that judges before a fill is booked sees other exposure than one that judges after.
IN_LOCKSTEP = (wakeups.EXITS, wakeups.ASSESS, wakeups.EXECUTE, wakeups.BOOK)
# Our own choice; what has not come to rest by then is left to the next call.
MOST_ROUNDS = 100


def drain_stage(stage: str, account_id: UUID | str) -> None:
    """Drain ``stage`` of an account; in lockstep whatever waits, so that who was called first decides nothing.

    One worker does them all there (``worker_children``), one task after the other. A call that finds nothing waiting
    does nothing: the next frame may come at any moment then, and a stage that runs on would be out of its turn.
    """
    wakeups.clear_awake_flag(stage, account_id)
    if not settings.LOCKSTEP:
        import_string(DRAINS[stage])(account_id)
        return
    for _ in range(MOST_ROUNDS):
        waiting = first_waiting(account_id)
        if waiting is None:
            return
        wakeups.clear_awake_flag(waiting, account_id)
        import_string(DRAINS[waiting])(account_id)


def first_waiting(account_id: UUID | str) -> str | None:
    """Return the first stage with work of a paper account, by one look at all of them."""
    mine = {"account": OuterRef("pk")}
    to_send = Order.objects.filter(state__in=(OrderState.CREATED, OrderState.UNCONFIRMED))
    to_ask = to_send | Order.objects.to_cancel() | Order.objects.to_modify()
    unbooked, unreported = PaperTrade.objects.filter(is_booked=False), PaperOrder.objects.filter(is_reported=False)
    work = {
        wakeups.EXITS: Exists(ExitPlan.objects.due(market_now()).order_by().filter(**mine)),
        wakeups.ASSESS: Exists(Signal.objects.filter(state=SignalState.NEW, **mine)),
        wakeups.EXECUTE: Exists(to_ask.filter(**mine)),
        wakeups.BOOK: Exists(unbooked.filter(**mine)) | Exists(unreported.filter(**mine)),
    }
    found = Account.objects.filter(pk=account_id).annotate(**work).values_list(*IN_LOCKSTEP).get()
    return next((stage for stage, has_work in zip(IN_LOCKSTEP, found, strict=True) if has_work), None)
