"""Work that keeps the books honest."""

from __future__ import annotations

import structlog
from celery import shared_task

from alphapanda.core.clock import market_now
from alphapanda.core.journal.services import record_event
from portfolio.booking import charge_uncharged, round_contract_notes
from portfolio.models import Account
from portfolio.rebuilding import rebuild_account

log = structlog.get_logger()


@shared_task
def check_books() -> int:
    """Settle charges whose rates have become known, make notes whole, rebuild every account and tell what differs."""
    return sum(check_account(account) for account in Account.objects.active())


def check_account(account: Account) -> bool:
    charge_uncharged(account)
    round_contract_notes(account, market_now())
    differences = [str(difference) for difference in rebuild_account(account)]
    if differences:
        log.error("books_differ", account=account.name, count=len(differences))
        record_event(
            "books.differ",
            account_id=account.pk,
            key=account.name,
            payload={"count": len(differences), "first": differences[:20]},
        )
    return bool(differences)
