"""Halt and resume: the flag file, the rows behind it, and what stands afterwards."""

import contextlib
import getpass
import os
import threading
from pathlib import Path
from typing import Any

import structlog
from django.db import DatabaseError, OperationalError

from alphapanda.core.clock.market_time import wall_now
from portfolio.models import Account
from trading.models import Gate, Order
from trading.orders.gates import ensure_gates, flag_file, set_gate
from trading.orders.life_cycle import GateState

log = structlog.get_logger()
TRIES = 3
FROM_WEB = "Halted over the web"


class OnlyFlagged(Exception):
    """The flag file halts everything, and the rows behind it could not be written."""


def login_name() -> str:
    """The login name here; a container's user may have none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"


def raise_flag(by: str, reason: str, *, over_web: bool = False) -> Path:
    """Write the flag file and force it to disk. Raises OSError.

    A flag that stands already is left as it was; but one from the web, which the web may lower again, is replaced by
    one from a terminal, which keeps its words.
    """
    path = flag_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or (is_web_flag() and not over_web):
        halted, first = FROM_WEB if over_web else "Halted", f"{flag_words()}\n" if path.exists() else ""
        written = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}")
        with written.open("w", encoding="utf-8") as flag:
            flag.write(
                f"{halted} by {by} at {wall_now():%Y-%m-%d %H:%M:%S} UTC{': ' + reason if reason else ''}\n{first}"
            )
            flag.flush()
            os.fsync(flag.fileno())
        # At no moment is there none, or half of one.
        written.replace(path)
    return path


def is_web_flag() -> bool:
    """Whether the flag that stands was raised by a page or the API, so that these may lower it."""
    return flag_words().startswith(FROM_WEB)


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


def close_gate(
    account: Account | None, state: GateState, by: str, reason: str, *, only_stricter: bool = False
) -> list[Order]:
    """Set a gate, again if a claim held its row for longer than the lock's time-out. Raises DatabaseError."""
    for _ in range(TRIES - 1):
        with contextlib.suppress(OperationalError):
            return set_gate(state, account, by=by, reason=reason, only_stricter=only_stricter)
    return set_gate(state, account, by=by, reason=reason, only_stricter=only_stricter)


def set_level(
    account: Account | None, state: GateState, by: str, reason: str, *, only_stricter: bool = False
) -> list[Order]:
    """Set a gate from a page or the API, the flag file included: up before the rows close, down after they open.

    A halt, and whatever is ``only_stricter``, loosens nothing that stands. Returns the orders on their way. A flag
    raised at a terminal, or by hand, stays until it is lowered there. Raises OnlyFlagged, or DatabaseError where
    nothing was done.
    """
    stricter = only_stricter or state == GateState.HALTED
    is_flagged = _flag_over_web(by, reason) if account is None and state == GateState.HALTED else False
    try:
        on_their_way = close_gate(account, state, by, reason, only_stricter=stricter)
    except DatabaseError as error:
        if is_flagged:
            raise OnlyFlagged("The flag file stands and halts everything; the rows could not be written") from error
        raise
    if account is None and not stricter and is_web_flag():
        lower_flag()
    return on_their_way


def _flag_over_web(by: str, reason: str) -> bool:
    try:
        raise_flag(by, reason, over_web=True)
    except OSError as error:
        # The rows halt as well.
        log.error("flag_not_written", error=repr(error))
        return False
    return True


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
