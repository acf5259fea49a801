"""Every rupee that moved: a trade is one row, which opens to its value and each of its charges."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from itertools import groupby
from typing import TypedDict

from alphapanda.core.figures import counted, iso, signed_whole
from alphapanda.dashboard.panels.ages import Age, read_now
from alphapanda.dashboard.panels.context import PageContext
from alphapanda.dashboard.panels.live.net import as_text
from alphapanda.dashboard.panels.naming import symbol_of
from portfolio.models import LedgerEntry, LedgerKind, TradeKind

SHOWN_ROWS, READ_ENTRIES = 60, 480


class LedgerPanel(TypedDict):
    counts: str
    age: Age
    rows: list[LedgerRow]
    empty: str


class LedgerRow(TypedDict):
    key: str
    at: str | None
    day: str
    what: str
    kind: str  # of a single entry
    opens: str  # to the parts of several
    book: str
    value: str | None
    charges: str | None
    net: str | None
    parts: list[PartRow]
    mode: str


class PartRow(TypedDict):
    key: str
    kind: str
    amount: str | None


def ledger_panel(page: PageContext) -> LedgerPanel:
    """The newest trades and payments: facts, never edited; the ledger balance is their sum."""
    entries = LedgerEntry.objects.select_related("account", "portfolio", "trade__instrument").order_by("-at", "-id")
    read = list(entries[: READ_ENTRIES + 1])
    together = [list(alike) for _, alike in groupby(read, key=_belongs_to)]
    if len(read) > READ_ENTRIES:
        together.pop()  # the rest of it may lie beyond
    rows = [ledger_row(page, alike) for alike in together[:SHOWN_ROWS]]
    return {
        "counts": f"newest {len(rows)}",
        "age": read_now(page),
        "rows": rows,
        "empty": "" if rows else "Nothing has been booked yet.",
    }


def _belongs_to(entry: LedgerEntry) -> object:
    return (entry.trade_id, entry.at) if entry.trade_id else entry.pk


def ledger_row(page: PageContext, alike: list[LedgerEntry]) -> LedgerRow:
    """One payment, or a trade's value with what it cost; a later correction of its charges is a row of its own."""
    first, trade = alike[-1], alike[-1].trade
    values = [one.amount for one in alike if one.kind == LedgerKind.TRADE_VALUE]
    charges = [one.amount for one in alike if one.kind != LedgerKind.TRADE_VALUE] if trade else []
    return {
        "key": str(first.pk),
        "at": iso(first.at),
        "day": first.day.strftime("%d %b").lstrip("0"),
        "what": f"{signed_whole(trade.signed_quantity)} {symbol_of(trade.instrument)}" if trade else first.note,
        "kind": entry_words(first) if len(alike) == 1 else "",
        "opens": parts_words(alike) if len(alike) > 1 else "",
        "book": str(first.portfolio) if first.portfolio else first.account.name,
        "value": _sum(values),
        "charges": _sum(charges),
        "net": _sum(one.amount for one in alike),
        "parts": [part_row(one) for one in reversed(alike)] if len(alike) > 1 else [],
        "mode": page.mode_of(first.account),
    }


def parts_words(alike: list[LedgerEntry]) -> str:
    """Trade and 5 charges; Expiry settlement and 2 charges; 3 corrections."""
    value = next((one for one in alike if one.kind == LedgerKind.TRADE_VALUE), None)
    if value is None:
        return counted(len(alike), "correction")
    what = entry_words(value) if is_settlement(value) else "Trade"
    return f"{what} and {counted(len(alike) - 1, 'charge')}"


def is_settlement(entry: LedgerEntry) -> bool:
    return entry.kind == LedgerKind.TRADE_VALUE and entry.trade is not None and entry.trade.kind == TradeKind.EXPIRY


def entry_words(entry: LedgerEntry) -> str:
    if entry.trade is not None and is_settlement(entry):
        return str(entry.trade.get_kind_display())
    return str(entry.get_kind_display())


def part_row(entry: LedgerEntry) -> PartRow:
    return {"key": str(entry.pk), "kind": entry_words(entry), "amount": as_text(entry.amount)}


def _sum(amounts: Iterable[Decimal]) -> str | None:
    found = list(amounts)
    return as_text(sum(found, Decimal(0))) if found else None
