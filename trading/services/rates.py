"""Spend the account's order-rate budget: conditional UPDATEs on the broker's calendar second, minute and day."""

from datetime import datetime, timedelta

from django.db import connection

from alphapanda.ids import new_id
from instruments.domain.sessions import IST
from portfolio.models import Account
from trading.domain.rate_budget import KITE_BUDGET, RateBudget


def spend(account: Account, now: datetime, *, is_exit: bool, budget: RateBudget = KITE_BUDGET) -> str:
    """Count one order against every window. Returns "" or the window that is full; nothing is counted then.

    Call inside the claim's transaction: a claim that rolls back has spent nothing.
    """
    for span, starts_at, room in _windows(now, budget, is_exit):
        if not _count(account, span, starts_at, room):
            return span
    return ""


def _windows(now: datetime, budget: RateBudget, is_exit: bool) -> list[tuple[str, datetime, int]]:
    second = now.astimezone(IST).replace(microsecond=0)
    starts = {
        "second": second,
        "minute": second.replace(second=0),
        "day": second.replace(hour=0, minute=0, second=0),
    }
    return [(span, starts[span], budget.room(span, is_exit=is_exit)) for span in ("second", "minute", "day")]


def _count(account: Account, span: str, starts_at: datetime, room: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO trading_ratewindow AS w (id, account_id, span, starts_at, count) VALUES (%s, %s, %s, %s, 1)"
            " ON CONFLICT (account_id, span, starts_at) DO UPDATE SET count = w.count + 1 WHERE w.count < %s"
            " RETURNING count",
            [new_id(), account.pk, span, starts_at, room],
        )
        return cursor.fetchone() is not None


def next_second(now: datetime) -> datetime:
    return now.replace(microsecond=0) + timedelta(seconds=1)
