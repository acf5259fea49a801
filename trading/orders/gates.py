"""Open and close the gate, and read it where an order is about to leave."""

from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction

from alphapanda.core.clock import market_now
from alphapanda.core.journal.services import record_event
from portfolio.models import Account
from trading.models import Gate, Order
from trading.orders.life_cycle import GATE_SEVERITY, GateState, OrderState, advance_state, effective_gate


def ensure_gates() -> None:
    """Make the global gate, and one for every account that has none yet."""
    Gate.objects.get_or_create(is_global=True)
    for account in Account.objects.filter(gate__isnull=True):
        Gate.objects.get_or_create(account=account)


def set_gate(
    state: GateState | str, account: Account | None = None, *, by: str, reason: str = "", only_stricter: bool = False
) -> list[Order]:
    """Set the global gate or an account's. Returns the orders already on their way, which it does not stop.

    With ``only_stricter`` a gate that is as strict already stays as it is, and keeps who closed it and why.

    The gate's row is locked for update, and every claim holds it for share: after this returns no claim that the
    new state forbids can begin.
    """
    new = GateState(state)
    with transaction.atomic():
        ensure_gates()
        which = {"account": account} if account else {"is_global": True}
        gate = Gate.objects.select_for_update(no_key=False).get(**which)
        before = GateState(gate.state)
        stays = only_stricter and GATE_SEVERITY[new] <= GATE_SEVERITY[before]
        if not stays:
            gate.state = advance_state(before, new)
            gate.reason, gate.changed_by, gate.changed_at = reason, by, market_now()
            gate.save()
        payload = {"from": before, "to": gate.state, "by": by, "reason": reason}
        record_event(
            "gate.changed",
            key=str(account or "everything"),
            payload=payload,
            account_id=account.id if account else None,
        )
        on_their_way = Order.objects.live().exclude(state=OrderState.CREATED)
        return list((on_their_way.filter(account=account) if account else on_their_way).select_related("instrument"))


def flag_file() -> Path:
    """A file whose existence halts everything: it works when no server does."""
    return Path(settings.STATE_DIR) / "HALT"


def gate_states(account_id: UUID) -> tuple[GateState, GateState]:
    """Return the global gate and the account's. A missing row is treated as halted: unknown is not open."""
    rows = Gate.objects.filter(is_global=True) | Gate.objects.filter(account_id=account_id)
    found = {row.is_global: GateState(row.state) for row in rows}
    return found.get(True, GateState.HALTED), found.get(False, GateState.HALTED)


def gate_in_force(account_id: UUID) -> GateState:
    """Return what holds for an account now: both rows and the flag file."""
    return effective_gate(*gate_states(account_id), flag_raised=flag_file().exists())


def hold_gate(account_id: UUID) -> GateState:
    """Return the gate's state and hold it for share until the transaction ends, so that no halt slips in between."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT is_global, state FROM trading_gate WHERE is_global OR account_id = %s"
            " ORDER BY is_global DESC FOR SHARE",
            [account_id],
        )
        found = {is_global: GateState(state) for is_global, state in cursor.fetchall()}
    return effective_gate(found.get(True), found.get(False), flag_raised=flag_file().exists())
