"""What the ledger should say about a trade: its value, each charge, and the depository's share."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from portfolio.charging import ChargeRates
from portfolio.contract_notes import NotePart, NoteSums
from portfolio.domain.charges import Charges
from portfolio.domain.same_day import Step
from portfolio.models import Account, LedgerEntry, LedgerKind, Trade, TradeKind


def ledger_entry(
    trade: Trade, kind: str, amount: Decimal, key: str, note: str = "", at: datetime | None = None
) -> LedgerEntry:
    return LedgerEntry(
        account_id=trade.account_id,
        portfolio_id=trade.portfolio_id,
        trade=trade,
        kind=kind,
        amount=amount,
        key=key,
        note=note,
        at=at or trade.traded_at,
        day=trade.day,
    )


def value_entries(trade: Trade) -> list[LedgerEntry]:
    """What the trade brought in or cost; nothing for a contract that expired worthless."""
    if not trade.value:
        return []
    note = f"{_verb(trade)} {abs(trade.signed_quantity)} {trade.instrument.tradingsymbol} at {trade.price}"
    return [ledger_entry(trade, LedgerKind.TRADE_VALUE, trade.value, f"{trade.pk}:value", note)]


def _verb(trade: Trade) -> str:
    if trade.kind == TradeKind.EXPIRY:
        return "expired"
    return "bought" if trade.signed_quantity > 0 else "sold"


def charge_entries(trade: Trade, charges: Charges) -> list[LedgerEntry]:
    """One entry for each charge that comes to a paisa or more."""
    return [
        ledger_entry(trade, kind.value, -amount, f"{trade.pk}:{kind.value}")
        for kind, amount in charges.amounts().items()
        if amount
    ]


def cost_entries(rates: ChargeRates, trade: Trade, step: Step[Trade]) -> tuple[Decimal, list[LedgerEntry]]:
    """What a trade costs itself, and all that its charges book. Raises UnknownCharge where a rate is unknown."""
    own, *squared_off = step.changes
    charges = rates.cost_of(own)
    entries = charge_entries(trade, charges)
    for change in squared_off:
        entries += correction_entries(change.trade, trade, rates.cost_of(change))
    if step.dp and (amount := rates.dp_charge(trade)):
        entries.append(dp_entry(trade, step, amount))
    return charges.total, entries


def correction_entries(earlier: Trade, by: Trade, charges: Charges) -> list[LedgerEntry]:
    """An order whose delivery trades have been squared off is charged as intraday, in its own portfolio."""
    note = f"squared off by trade {by.trade_id}: charged as intraday"
    return [
        ledger_entry(earlier, kind.value, -amount, f"{earlier.pk}:{kind.value}:{by.pk}", note, at=by.traded_at)
        for kind, amount in charges.amounts().items()
        if amount
    ]


def rounding_entry(account: Account, part: NotePart, sums: NoteSums, now: datetime) -> LedgerEntry:
    """What makes a charge of one contract note whole rupees: of the account, and of no portfolio of it."""
    day, segment, kind = part
    return LedgerEntry(
        account=account,
        kind=kind,
        amount=-sums.lacking,
        key=f"note:{day}:{segment}:{kind}:{sums.roundings}",
        note=f"contract note of {day.day} {day:%b %Y}, {segment}: {LedgerKind(kind).label} in whole rupees",
        at=now,
        day=day,
    )


def dp_entry(trade: Trade, step: Step[Trade], amount: Decimal) -> LedgerEntry:
    """One for each share and day of sale, on whichever exchange and however often it is sold; back if it stays."""
    symbol = trade.instrument.symbol_on(trade.day)
    key = f"dp:{symbol}:{trade.day}" + (f":{step.dp_number}" if step.dp_number else "")
    note = f"delivery of {symbol}" if step.dp > 0 else f"{symbol} bought back: nothing is delivered"
    return ledger_entry(trade, LedgerKind.DP, -step.dp * amount, key, note)
