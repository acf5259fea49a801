"""What the ledger should say about a trade: its value, each charge, and the depository's share."""

from __future__ import annotations

from decimal import Decimal

from portfolio.charging import is_delivery_sale
from portfolio.domain.charges import Charges
from portfolio.models import LedgerEntry, LedgerKind, Trade


def ledger_entry(trade: Trade, kind: str, amount: Decimal, key: str, note: str = "") -> LedgerEntry:
    return LedgerEntry(
        account_id=trade.account_id,
        portfolio_id=trade.portfolio_id,
        trade=trade,
        kind=kind,
        amount=amount,
        key=key,
        note=note,
        at=trade.traded_at,
        day=trade.day,
    )


def value_entry(trade: Trade) -> LedgerEntry:
    verb = "bought" if trade.signed_quantity > 0 else "sold"
    note = f"{verb} {abs(trade.signed_quantity)} {trade.instrument.tradingsymbol} at {trade.price}"
    return ledger_entry(trade, LedgerKind.TRADE_VALUE, trade.value, f"{trade.pk}:value", note)


def charge_entries(trade: Trade, charges: Charges) -> list[LedgerEntry]:
    """One entry for each charge that comes to a paisa or more."""
    return [
        ledger_entry(trade, kind.value, -amount, f"{trade.pk}:{kind.value}")
        for kind, amount in charges.amounts().items()
        if amount
    ]


def dp_entry(trade: Trade, amount: Decimal) -> LedgerEntry | None:
    """One for each share and day of sale, on whichever exchange and however often it is sold."""
    if not is_delivery_sale(trade) or not amount:
        return None
    symbol = trade.instrument.tradingsymbol
    return ledger_entry(trade, LedgerKind.DP, -amount, f"dp:{symbol}:{trade.day}", f"delivery of {symbol}")
