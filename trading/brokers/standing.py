"""Whether an account's broker takes orders: one refusal that all others would meet too stops the account."""

from uuid import UUID

from django.db import transaction

from alphapanda.core.clock import market_now
from alphapanda.core.journal.services import record_event
from portfolio.models import Account
from trading.models import BrokerSession, BrokerStanding
from trading.orders.broker_port import AddressNotAllowed, BrokerError, SessionExpired
from trading.orders.life_cycle import BrokerState

# What a fresh login mends; all else is lifted by a person.
LOGIN, ADDRESS = "login", "address"
_SEVERITY = {BrokerState.NORMAL: 0, BrokerState.EXITS_ONLY: 1, BrokerState.DOWN: 2}


def state_of(account_id: UUID) -> BrokerState:
    state = BrokerStanding.objects.filter(account_id=account_id).values_list("state", flat=True).first()
    return BrokerState(state) if state else BrokerState.NORMAL


def note_refusal(account: Account, error: BrokerError) -> None:
    """Stop the account if its broker would refuse every other request alike: no token, or a strange address."""
    if isinstance(error, SessionExpired):
        _stop_until_login(account, error)
    elif isinstance(error, AddressNotAllowed):
        restrict(account, BrokerState.DOWN, ADDRESS, f"orders are not taken from this address: {error}")


@transaction.atomic
def _stop_until_login(account: Account, error: SessionExpired) -> None:
    """A login that came while the refused request was out is another token's: nothing is wrong with it."""
    session = BrokerSession.objects.select_for_update(no_key=True).filter(account=account).first()
    if session is None or session.state != BrokerSession.State.LIVE:
        restrict(account, BrokerState.DOWN, LOGIN, f"log in again: {error}")


@transaction.atomic
def restrict(account: Account, state: BrokerState, code: str, reason: str) -> bool:
    """Make an account's standing stricter, never laxer; the first reason stays. Returns whether it changed."""
    row, _ = BrokerStanding.objects.select_for_update(no_key=True).get_or_create(
        account=account, defaults={"changed_at": market_now()}
    )
    if _SEVERITY[state] <= _SEVERITY[BrokerState(row.state)]:
        return False
    _change(row, state, code, reason)
    payload = {"state": str(state), "code": code, "reason": reason}
    record_event("broker.stopped", key=account.name, account_id=account.pk, payload=payload)
    return True


@transaction.atomic
def lift(account: Account, by: str, only: str = "") -> bool:
    """Let orders go again; ``only`` one reason's stop, as a login lifts no other. Returns whether anything was."""
    stopped = BrokerStanding.objects.select_for_update(no_key=True).exclude(state=BrokerState.NORMAL)
    row = stopped.filter(account=account, **({"code": only} if only else {})).first()
    if row is None:
        return False
    payload = {"by": by, "code": row.code, "reason": row.reason}
    _change(row, BrokerState.NORMAL, "", f"lifted by {by}")
    record_event("broker.lifted", key=account.name, account_id=account.pk, payload=payload)
    return True


def _change(row: BrokerStanding, state: BrokerState, code: str, reason: str) -> None:
    row.state, row.code, row.reason, row.changed_at = state, code, reason[:300], market_now()
    row.save()
