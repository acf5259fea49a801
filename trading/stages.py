"""The stages an account's orders go through, each drained by a task of its own; in lockstep all in one order."""

from django.conf import settings
from django.utils.module_loading import import_string

from trading import wakeups

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


def drain_stage(stage: str, account_id: str) -> None:
    """Drain ``stage`` of an account; in lockstep every stage, so that who was called first decides nothing.

    One worker does them all there (``worker_children``), one task after the other.
    """
    for each in IN_LOCKSTEP if settings.LOCKSTEP else (stage,):
        wakeups.clear_awake_flag(each, account_id)
        import_string(DRAINS[each])(account_id)
