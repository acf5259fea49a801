"""Halt and resume from a terminal: the flag file, the rows behind it, and what stands afterwards."""

import contextlib
import getpass
import os
from pathlib import Path
from typing import Any

from django.db import OperationalError

from alphapanda.core.clock.market_time import wall_now
from portfolio.models import Account
from trading.models import Gate, Order
from trading.orders.gates import ensure_gates, flag_file, set_gate
from trading.orders.life_cycle import GateState

TRIES = 3


def login_name() -> str:
    """The login name here; a container's user may have none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"


def raise_flag(by: str, reason: str) -> Path:
    """Write the flag file and force it to disk. A flag that stands already is left as it was. Raises OSError."""
    path = flag_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        with path.open("w", encoding="utf-8") as flag:
            flag.write(f"Halted by {by} at {wall_now():%Y-%m-%d %H:%M:%S} UTC{': ' + reason if reason else ''}\n")
            flag.flush()
            os.fsync(flag.fileno())
    return path


def lower_flag() -> bool:
    """Remove the flag file. False: there was none. Raises OSError."""
    if not flag_file().exists():
        return False
    flag_file().unlink()
    return True


def flag_words() -> str:
    try:
        return flag_file().read_text(encoding="utf-8").strip() or "nothing"
    except OSError:
        return "nothing that can be read"


def close_gate(account: Account | None, state: GateState, by: str, reason: str) -> list[Order]:
    """Set a gate, again if a claim held its row for longer than the lock's time-out. Raises DatabaseError."""
    for _ in range(TRIES - 1):
        with contextlib.suppress(OperationalError):
            return set_gate(state, account, by=by, reason=reason)
    return set_gate(state, account, by=by, reason=reason)


def gates_as_they_stand() -> list[dict[str, Any]]:
    """Every gate as it stands, the global one first."""
    ensure_gates()
    gates = Gate.objects.select_related("account").order_by("-is_global", "account__name")
    return [
        {
            "gate": gate.account.name if gate.account else "everything",
            "state": gate.state,
            "by": gate.changed_by,
            "reason": gate.reason,
        }
        for gate in gates
    ]


def facts_of(order: Order) -> dict[str, Any]:
    return {
        "tag": order.tag,
        "order": str(order),
        "state": order.state,
        "filled_quantity": order.filled_quantity,
        "quantity": order.quantity,
    }
