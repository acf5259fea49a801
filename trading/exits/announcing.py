"""Tell the journal what became of an exit."""

from typing import Any

from alphapanda.core.journal.services import record_event
from trading.models import ExitPlan


def announce_exit(plan: ExitPlan, kind: str, **payload: Any) -> None:
    """Record an event of an exit: what is being left, and what else there is to say."""
    told = {"exit": str(plan), "instrument": plan.instrument.tradingsymbol, **payload}
    record_event(f"exit.{kind}", key=plan.key, account_id=plan.account_id, payload=told)
