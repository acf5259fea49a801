"""Spend the account's order-rate budget: conditional UPDATEs on the broker's calendar second, minute and day."""

from collections.abc import Iterable
from datetime import datetime

from django.db import connection, transaction

from alphapanda.core.ids import new_id
from portfolio.models import Account
from trading.models import RateWindow
from trading.orders.rate_budget import (
    EXIT_PLACES_DAY,
    EXIT_REQUESTS_MINUTE,
    EXIT_REQUESTS_SECOND,
    KITE_BUDGET,
    RateBudget,
    Span,
    window_start,
)

EXIT_SPANS = {"exit_s": Span.SECOND, "exit_m": Span.MINUTE, "exit_d": Span.DAY}


def spend_rate(account: Account, now: datetime, *, is_exit: bool, budget: RateBudget = KITE_BUDGET) -> str:
    """Count one order against every window. Returns "", or the window that is full: then nothing is counted.

    Call inside the claim's transaction: a claim that rolls back has spent nothing.
    """
    return _spend(account, now, tuple(Span), budget, is_exit=is_exit)


def spend_request(account: Account, now: datetime, budget: RateBudget = KITE_BUDGET) -> str:
    """Count a change or a cancellation, which the day's orders do not include. Returns "", or the window that is full.

    Both make nothing larger: they may use what is kept for exits.
    """
    return _spend(account, now, (Span.SECOND, Span.MINUTE), budget, is_exit=True)


def _spend(account: Account, now: datetime, spans: Iterable[Span], budget: RateBudget, *, is_exit: bool) -> str:
    with transaction.atomic():
        for span in spans:
            if not _count(account, span, window_start(span, now), budget.room(span, is_exit=is_exit)):
                transaction.set_rollback(True)
                return str(span)
    return ""


def exit_room(account: Account, now: datetime) -> tuple[int, int]:
    """Return how many requests, and how many new orders, exits may make now. Call under the account's lock."""
    used = {
        row.span: row.count
        for row in RateWindow.objects.filter(account=account, span__in=EXIT_SPANS)
        if row.starts_at == window_start(EXIT_SPANS[row.span], now)
    }
    second, minute, day = (used.get(name, 0) for name in EXIT_SPANS)
    requests = min(EXIT_REQUESTS_SECOND - second, EXIT_REQUESTS_MINUTE - minute)
    return max(0, requests), max(0, min(requests, EXIT_PLACES_DAY - day))


def count_exit(account: Account, now: datetime, *, is_place: bool) -> None:
    """Count one request of an exit; ``now`` is market time."""
    for name, span in EXIT_SPANS.items():
        if is_place or span is not Span.DAY:
            _count(account, name, window_start(span, now), EXIT_REQUESTS_MINUTE + EXIT_PLACES_DAY)


def _count(account: Account, span: str, starts_at: datetime, room: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO trading_ratewindow AS w (id, account_id, span, starts_at, count) VALUES (%s, %s, %s, %s, 1)"
            " ON CONFLICT (account_id, span, starts_at) DO UPDATE SET count = w.count + 1 WHERE w.count < %s"
            " RETURNING count",
            [new_id(), account.pk, str(span), starts_at, room],
        )
        return cursor.fetchone() is not None
