"""Compare our books with the broker's; a difference seen twice freezes its instrument and is never traded away."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import F

from alphapanda.core.clock import market_now
from alphapanda.core.journal.services import record_event
from alphapanda.core.timezone import IST
from instruments.models import Instrument
from portfolio.models import Account, Position
from trading import wakeups
from trading.errors import NotAllowed
from trading.models import BookDifference, SeenTrade
from trading.orders.broker_port import BrokerPositionRow
from trading.orders.differences import Compared, Key, compare_books

# One reading may fall between a trade and its position at the broker; two in a row do not.
TIMES_TO_FREEZE = 2


@transaction.atomic
def reconcile(account: Account, theirs: Sequence[BrokerPositionRow], now: datetime) -> list[BookDifference]:
    """Keep what one quiet reading shows, and return what differs; ``now`` is its market time.

    Call when the reading's trades have been booked. A second call with the same reading changes no holding and books
    nothing: it only counts that the difference was seen again.
    """
    Account.objects.locked(account.pk)
    compared = compare_books(theirs, _booked(account), _unbooked(account))
    known = {Key(row.exchange, row.tradingsymbol, row.product): row for row in _rows(account)}
    differ = []
    for key in {**compared, **known}:
        found = compared.get(key, Compared(0, 0, 0))
        row = known.get(key)
        if found.difference or (row and row.quantity):
            row = _keep(account, key, found, row, now)
            differ += [row] if row.quantity else []
    return differ


def _rows(account: Account) -> Iterable[BookDifference]:
    return BookDifference.objects.select_for_update(no_key=True).filter(account=account)


def _booked(account: Account) -> Iterable[tuple[Key, int]]:
    for position in Position.objects.open().of_account(account.pk).select_related("instrument"):
        instrument = position.instrument
        yield Key(instrument.exchange, instrument.tradingsymbol, position.product), position.quantity


def _unbooked(account: Account) -> Iterable[tuple[Key, int]]:
    for trade in SeenTrade.objects.filter(account=account, is_booked=False).exclude(tag=""):
        yield Key(trade.exchange, trade.tradingsymbol, trade.product), trade.signed_quantity


def _keep(account: Account, key: Key, found: Compared, row: BookDifference | None, now: datetime) -> BookDifference:
    is_same = row is not None and row.quantity == found.difference
    times = row.times_seen + 1 if row is not None and is_same else 1
    kept, _ = BookDifference.objects.update_or_create(
        account=account,
        exchange=key.exchange,
        tradingsymbol=key.tradingsymbol,
        product=key.product,
        defaults={
            "ours": found.ours,
            "theirs": found.theirs,
            "quantity": found.difference,
            "times_seen": times,
            "last_seen_at": now,
            **({} if is_same else {"first_seen_at": now}),
        },
    )
    if (found.difference and times == TIMES_TO_FREEZE) or (not found.difference and not is_same):
        _record(account, kept)
    return kept


def _record(account: Account, row: BookDifference) -> None:
    what = f"{row.exchange}:{row.tradingsymbol} {row.product}"
    payload = {"ours": row.ours, "theirs": row.theirs}
    record_event(
        "broker.differs" if row.quantity else "broker.agrees", key=what, account_id=account.pk, payload=payload
    )


def differences_of(account: Account, now: datetime) -> dict[tuple[UUID, str], int]:
    """Return D by (instrument, product) as the day's last quiet reading showed it, where it is not 0.

    What another day showed holds no exit back, nor what a person lets pass: that difference and no other. A name nobody
    here lists is no holding of ours: it is shown only.
    """
    midnight = now.astimezone(IST).replace(hour=0, minute=0, second=0, microsecond=0)
    seen_today = BookDifference.objects.filter(account=account, last_seen_at__gte=midnight).exclude(quantity=0)
    rows = list(seen_today.exclude(allowed_quantity=F("quantity"), allowed_at__gte=midnight))
    listed = Instrument.objects.by_keys([f"{row.exchange}:{row.tradingsymbol}" for row in rows])
    keys = ((listed.get(f"{row.exchange}:{row.tradingsymbol}"), row) for row in rows)
    return {(instrument.pk, row.product): row.quantity for instrument, row in keys if instrument is not None}


@transaction.atomic
def allow_exits(row: BookDifference, by: str) -> None:
    """Let exits pass a difference that nothing explains, until it changes or the day ends: a person's word.

    If the broker is right, they sell what is not there. Raises NotAllowed where the books agree.
    """
    Account.objects.locked(row.account_id)
    row = BookDifference.objects.select_for_update(no_key=True).get(pk=row.pk)
    if not row.quantity:
        raise NotAllowed(f"our books and the broker's agree on {row.tradingsymbol}")
    row.allowed_quantity, row.allowed_by, row.allowed_at = row.quantity, by, market_now()
    row.save(update_fields=["allowed_quantity", "allowed_by", "allowed_at"])
    payload = {"by": by, "ours": row.ours, "theirs": row.theirs}
    key = f"{row.exchange}:{row.tradingsymbol} {row.product}"
    record_event("broker.exits_allowed", key=key, account_id=row.account_id, payload=payload)
    wakeups.wake_stage_after_commit(wakeups.EXITS, row.account_id, "risk")


def is_frozen(account: Account, instrument: Instrument) -> bool:
    """Whether no new risk may be opened in an instrument, whatever the product: our books and the broker's differ."""
    rows = BookDifference.objects.filter(
        account=account, exchange=instrument.exchange, tradingsymbol=instrument.tradingsymbol
    )
    return rows.exclude(quantity=0).filter(times_seen__gte=TIMES_TO_FREEZE).exists()
