"""Take splits and bonus issues into the books of the accounts that held the share on the ex-date."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from alphapanda.core.clock import market_now
from alphapanda.core.journal.services import record_event
from alphapanda.core.timezone import IST
from instruments.models import CorporateAction
from portfolio.booking import raise_version
from portfolio.folding import refold_position
from portfolio.models import Account, Adjustment, Lot, Position


def due_adjustments(now: datetime) -> list[tuple[UUID, CorporateAction]]:
    """Return the accounts that held a share into an ex-date that has come and do not know of it yet, oldest first."""
    today = now.astimezone(IST).date()
    held = Position.objects.open().values("instrument")
    begun = CorporateAction.objects.begun(today).filter(instrument__in=held).select_related("instrument")
    return [(account_id, action) for action in begun for account_id in _holders(action)]


def _holders(action: CorporateAction) -> QuerySet[Account, UUID]:
    carried = Lot.objects.open().filter(position__instrument=action.instrument_id, day__lt=action.ex_date)
    holders = Account.objects.filter(pk__in=carried.values("position__portfolio__account"))
    return holders.exclude(adjustments__action=action).order_by("pk").values_list("pk", flat=True)


@transaction.atomic
def book_adjustment(account_id: UUID, action: CorporateAction) -> Adjustment | None:
    """Fold a split or a bonus issue into an account's positions, once; None if it has been already.

    Quantity and cost of every lot are spread anew, at what it cost; nothing is realised. What has been traded since
    the ex-date counts as what it was: in the new shares.
    """
    account = Account.objects.locked(account_id)
    if account.adjustments.filter(action=action).exists():
        return None
    raise_version(account)
    adjustment = Adjustment.objects.create(
        account=account,
        instrument=action.instrument,
        action=action,
        sequence=account.version,
        held=action.held,
        becomes=action.becomes,
        at=action.at,
        booked_at=market_now(),
    )
    rows = Position.objects.select_for_update(no_key=True, of=("self",)).of_account(account_id)
    for position in rows.filter(instrument=action.instrument).order_by("pk"):
        _adjust(position, adjustment)
    return adjustment


def _adjust(position: Position, adjustment: Adjustment) -> None:
    before = position.quantity
    refold_position(position)
    payload = {
        "instrument": adjustment.instrument.key,
        "portfolio": str(position.portfolio_id),
        "product": position.product,
        "ratio": f"{adjustment.held} → {adjustment.becomes}",
        "from": before,
        "to": position.quantity,
        "version": adjustment.sequence,
    }
    record_event("position.adjusted", account_id=adjustment.account_id, key=adjustment.instrument.key, payload=payload)
