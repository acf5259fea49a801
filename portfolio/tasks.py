"""Work that keeps the books honest."""

from __future__ import annotations

import structlog
from celery import shared_task

from alphapanda.core.journal.services import record
from portfolio.booking import rebuild, settle_charges
from portfolio.models import Account

log = structlog.get_logger()


@shared_task
def check_books() -> int:
    """Settle charges whose rates have become known, rebuild every account and tell of each that differs."""
    return sum(check(account) for account in Account.objects.active())


def check(account: Account) -> bool:
    settle_charges(account)
    differences = [str(difference) for difference in rebuild(account)]
    if differences:
        log.error("books_differ", account=account.name, count=len(differences))
        record(
            "books.differ",
            account_id=account.pk,
            key=account.name,
            payload={"count": len(differences), "first": differences[:20]},
        )
    return bool(differences)
