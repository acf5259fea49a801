"""Who may do what: the rights, the roles that hold them, and the one table of what each page, act and topic needs.

Roles are Django groups, made by a migration; rights are Django permissions. docs/security.md shows the same table.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.contrib.auth import get_user_model

APP = "portfolio"
BACKEND = "django.contrib.auth.backends.ModelBackend"


class Right(StrEnum):
    """A permission's codename. ``NONE`` is for what a stranger may have as well: signing in, and how pages look."""

    NONE = ""
    LOOK = "look"
    HALT = "halt"
    TRADE = "trade"
    EASE = "ease"
    OPERATE = "operate"
    WATCH_LOGS = "watch_logs"
    EVERY_ACCOUNT = "every_account"


WORDS = {
    Right.LOOK: "see pages, prices, orders and books",
    Right.HALT: "halt, cancel and leave positions",
    Right.TRADE: "place orders and run strategies",
    Right.EASE: "open a gate that was closed",
    Right.OPERATE: "decide about work that was given up",
    Right.WATCH_LOGS: "watch the processes' log lines",
    Right.EVERY_ACCOUNT: "act on accounts of others",
}
R = Right
# What takes the proof of a person again, if theirs is old: a screen left alone must not open a gate.
PROVED = frozenset({R.EASE, R.OPERATE})
# A viewer may not halt: its sessions stand open on screens in a room, and a halt costs entries until somebody lifts it.
ROLES: dict[str, frozenset[Right]] = {
    "viewer": frozenset({R.LOOK}),
    "trader": frozenset({R.LOOK, R.HALT, R.TRADE}),
    "risk manager": frozenset({R.LOOK, R.HALT, R.EASE, R.EVERY_ACCOUNT}),
    "administrator": frozenset(WORDS),
}
# Staff without a role look, and can always get out: an upgrade must take the kill switch from nobody it trusted.
STAFF = frozenset({R.LOOK, R.HALT, R.WATCH_LOGS})

Row = Right | dict[str, Right]
# By the address's name; where one address does several things, by what is asked of it.
PAGES: dict[str, Row] = {
    "live": R.LOOK,
    "strategies": R.LOOK,
    "deployment": R.LOOK,
    "orders": R.LOOK,
    "order_story": R.LOOK,
    "portfolio": R.LOOK,
    "lab": R.LOOK,
    "backtest": R.LOOK,
    "backtest_file": R.LOOK,
    "system": R.LOOK,
    "find": R.LOOK,
    "flight": R.LOOK,
    "handover": R.LOOK,
    "logins": R.LOOK,
    "login_back": R.TRADE,
    "login_act": R.TRADE,
    "gate": {"active": R.EASE, "reduce_only": R.HALT, "halted": R.HALT, "cancel_all": R.HALT, "flatten": R.HALT},
    "deployment_act": {
        "start": R.TRADE,
        "stop": R.HALT,
        "exit": R.HALT,
        "exit-stop": R.HALT,
        "pause": R.HALT,
        "resume": R.TRADE,
        "reload": R.TRADE,
        "parameters": R.TRADE,
    },
    "arming": {"arm": R.TRADE, "disarm": R.HALT},
    "exit_position": R.HALT,
    "place_order": R.TRADE,
    "reckon_order": R.TRADE,
    "cancel_order": R.HALT,
    "ask_backtest": R.TRADE,
    "cancel_backtest": R.TRADE,
    "dead_letter_act": R.OPERATE,
    "acknowledge_alert": R.HALT,
    # One's own: whoever is signed in, whatever the role.
    "you": R.NONE,
    "change_password": R.NONE,
    "end_sessions": R.NONE,
    "revoke_token": R.NONE,
    "theme": R.NONE,
    "sign_in": R.NONE,
    "sign_in_by_link": R.NONE,
    "sign_out": R.NONE,
}
# Writes over REST, by route and action. Reading anything needs LOOK; a route without a row refuses all.
REST: dict[str, dict[str, Right]] = {
    **{
        name: {}
        for name in (
            *("instruments", "sessions", "candles", "quotes", "feeds", "health", "parts", "nothing", "schema", "docs"),
            *("accounts", "portfolios", "positions", "lots", "trades", "ledger", "pnl"),
            *("strategies", "runs", "evaluations", "signals", "decisions", "fills", "limits", "meters"),
            *("session", "events"),
        )
    },
    "deployments": {
        "start": R.TRADE,
        "stop": R.HALT,
        "exit": R.HALT,
        "exit_and_stop": R.HALT,
        "pause": R.HALT,
        "resume": R.TRADE,
        "parameters": R.TRADE,
    },
    "orders": {"create": R.TRADE, "cancel": R.HALT},
    "exits": {"create": R.HALT, "withdraw": R.TRADE},
    "backtests": {"create": R.TRADE, "cancel": R.TRADE},
    "gate": {"halt": R.HALT, "reduce_only": R.HALT, "flatten": R.HALT, "resume": R.EASE},
    "dead-letters": {"replay": R.OPERATE, "drop": R.OPERATE},
    "tokens": {"create": R.LOOK, "destroy": R.LOOK},
}
SOCKET_TOPICS: dict[str, Right] = {
    **dict.fromkeys(("live", "strategies", "orders", "portfolio", "lab", "system", "market"), R.LOOK),
    "logs": R.WATCH_LOGS,
}


def may(user: Any, right: Right) -> bool:
    """Whether a person holds a right: by a role, a permission of their own, as staff, or as a superuser."""
    if right == Right.NONE:
        return True
    if user.is_active and user.is_staff and right in STAFF:
        return True
    return bool(user.has_perm(f"{APP}.{right}"))


def may_touch(user: Any, account: Any) -> bool:
    """Whether a person may act on this account (a row or its id): it is theirs, or they may act on every one."""
    if may(user, Right.EVERY_ACCOUNT):
        return True
    return bool(user.owned_accounts.filter(pk=getattr(account, "pk", account)).exists())


def needed(row: Row, act: str) -> Right:
    """Return the right a row asks for. What nobody can do is refused later, in words, to whoever may trade."""
    return row if isinstance(row, Right) else row.get(act, Right.TRADE)


def needs(name: str, act: str = "", account: Any = "") -> str:
    """Return what an act of a page asks of a person, in one word or two: the right, and whose account it must be."""
    return needs_right(needed(PAGES[name], act), account)


def needs_right(right: Right, account: Any = "") -> str:
    return f"{right} {account}".strip()


@dataclass(frozen=True, slots=True)
class Reach:
    """What a person may do, as a page and its scripts ask of it; ``accounts`` None: every one."""

    rights: frozenset[str]
    accounts: frozenset[str] | None

    def meets(self, needed: str) -> bool:
        right, _, account = needed.partition(" ")
        is_theirs = not account or self.accounts is None or account in self.accounts
        return (not right or right in self.rights) and is_theirs


def reach_of(user: Any) -> Reach:
    """Read it once for a whole page: the same as ``may`` and ``may_touch`` say of each."""
    rights = frozenset(str(right) for right in WORDS if may(user, right))
    if Right.EVERY_ACCOUNT in rights:
        return Reach(rights, None)
    return Reach(rights, frozenset(str(pk) for pk in user.owned_accounts.values_list("pk", flat=True)))


def who_may(user_ids: Iterable[Any], right: Right) -> set[Any]:
    """Return the ids of those who hold a right now: what ``may`` says, of many in one query."""
    people: Any = get_user_model()._default_manager
    rows = people.with_perm(f"{APP}.{right}", backend=BACKEND).filter(pk__in=set(user_ids))
    found = set(rows.values_list("pk", flat=True))
    if right in STAFF:
        staff = people.filter(pk__in=set(user_ids), is_active=True, is_staff=True)
        found |= set(staff.values_list("pk", flat=True))
    return found
