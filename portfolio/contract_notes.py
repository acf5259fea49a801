"""What a day's contract note comes to: securities transaction tax and stamp duty are whole rupees on it.

A note is of one account, day and segment. The books keep exact charges for each trade; once the day is over the
difference is booked as an entry of its own, to the account and to no portfolio of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal

from django.db.models import Sum

from alphapanda.core.timezone import IST
from instruments.models import TradingSession
from portfolio.domain.charges import WHOLE_RUPEE_KINDS, NoteSegment, note_segment, whole_rupees
from portfolio.models import Account, LedgerEntry
from portfolio.querysets import sum_of

ZERO = Decimal(0)
NotePart = tuple[date, NoteSegment, str]


@dataclass(frozen=True, slots=True)
class NoteSums:
    """One charge of one note: what its trades come to exactly, and what has been booked to make it whole rupees."""

    exact: Decimal = ZERO
    rounding: Decimal = ZERO
    roundings: int = 0

    @property
    def lacking(self) -> Decimal:
        """What is still to be paid (above zero) or given back for the note to be in whole rupees."""
        return whole_rupees(self.exact) - self.exact - self.rounding


@dataclass(frozen=True, slots=True)
class DayCharges:
    """A day's charges of an account: exact, and as the contract note has them. None while a trade's are unknown."""

    exact: Decimal | None
    note: Decimal | None


def notes_to_round(account: Account, now: datetime) -> dict[NotePart, NoteSums]:
    """What is not in whole rupees of the notes of days that are over; one with a trade of unknown charges waits."""
    waiting = {(day, note_segment(kind)) for day, kind in _uncharged(account)}
    return {
        part: sums
        for part, sums in note_sums(account).items()
        if sums.lacking and part[:2] not in waiting and TradingSession.objects.is_over(part[0], now)
    }


def note_sums(account: Account, **which: object) -> dict[NotePart, NoteSums]:
    """By day, segment and charge; ``which`` filters the ledger."""
    entries = LedgerEntry.objects.filter(account=account, kind__in=WHOLE_RUPEE_KINDS, **which).order_by()
    exact: dict[NotePart, Decimal] = defaultdict(Decimal)
    by_contract = entries.exclude(trade=None).values_list("day", "trade__instrument__instrument_type", "kind")
    for day, contract, kind, amount in by_contract.annotate(Sum("amount")):
        exact[day, note_segment(contract), kind] -= amount
    booked: dict[NotePart, list[Decimal]] = defaultdict(list)
    for key, amount in entries.roundings().values_list("key", "amount"):
        booked[_part_of(key)].append(-amount)
    return {
        part: NoteSums(exact[part], sum(booked[part], ZERO), len(booked[part])) for part in sorted({*exact, *booked})
    }


def charges_of_day(account: Account, day: date) -> DayCharges:
    """What the day's trades cost, exactly and by the contract note."""
    if account.trades.without_charges().filter(day=day).exists():
        return DayCharges(None, None)
    # The times of a day's trades bound what is read to the day: the ledger is ordered by them.
    of_day = {"day": day, "at__gte": datetime.combine(day, time.min, IST)}
    exact = -sum_of(account.ledger.charges().filter(**of_day).exclude(trade=None), "amount")
    rounding = (whole_rupees(sums.exact) - sums.exact for sums in note_sums(account, **of_day).values())
    return DayCharges(exact, exact + sum(rounding, ZERO))


def _uncharged(account: Account) -> Iterable[tuple[date, str]]:
    return account.trades.without_charges().order_by().values_list("day", "instrument__instrument_type").distinct()


def _part_of(key: str) -> NotePart:
    _, day, segment, kind, _ = key.split(":")
    return date.fromisoformat(day), NoteSegment(segment), kind
