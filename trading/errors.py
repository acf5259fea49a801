"""What a person or a script is told when something they asked for may not be done, and what nobody can help."""

from typing import Any

from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.db import InterfaceError, OperationalError

DATABASE_TROUBLE = (OperationalError, InterfaceError)
# The database's trouble, or time that is up: no row, no run and no strategy at hand is to blame for it.
NOBODYS_FAULT = (*DATABASE_TROUBLE, SoftTimeLimitExceeded)


class NotAllowed(Exception):
    """The request makes sense but may not be done now; the words say why."""


def is_real_money(account: Any) -> bool:
    return account.mode == "live" and bool(settings.KIND == "live")


def insist_on_rehearsal(account: Any) -> None:
    """Raise NotAllowed for real money: the way to Zerodha is rehearsed with kitesim until all of it is proven."""
    if is_real_money(account):
        raise NotAllowed(f"{account} is live: sending live orders is not part of this version")
