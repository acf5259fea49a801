"""Spend the account's order-rate budget: conditional UPDATEs on the broker's calendar second, minute and day."""

from datetime import datetime

from django.db import connection, transaction

from alphapanda.core.ids import new_id
from portfolio.models import Account
from trading.orders.rate_budget import KITE_BUDGET, RateBudget, Span, window_start


def spend_rate(account: Account, now: datetime, *, is_exit: bool, budget: RateBudget = KITE_BUDGET) -> str:
    """Count one order against every window. Returns "", or the window that is full: then nothing is counted.

    Call inside the claim's transaction: a claim that rolls back has spent nothing.
    """
    with transaction.atomic():
        for span in Span:
            if not _count(account, span, window_start(span, now), budget.room(span, is_exit=is_exit)):
                transaction.set_rollback(True)
                return str(span)
    return ""


def _count(account: Account, span: str, starts_at: datetime, room: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO trading_ratewindow AS w (id, account_id, span, starts_at, count) VALUES (%s, %s, %s, %s, 1)"
            " ON CONFLICT (account_id, span, starts_at) DO UPDATE SET count = w.count + 1 WHERE w.count < %s"
            " RETURNING count",
            [new_id(), account.pk, str(span), starts_at, room],
        )
        return cursor.fetchone() is not None
