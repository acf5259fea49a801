"""What the ledger should say about a trade: its value, each charge, and the depository's share."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from portfolio.contract_notes import NotePart, NoteSums
from portfolio.domain.charges import ChargeKind
from portfolio.domain.costs import Cost
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


def cost_entries(trade: Trade, costs: Iterable[Cost], step: Step[Trade]) -> list[LedgerEntry]:
    """The ledger's entries of what booking ``trade`` cost."""
    return [_cost_entry(trade, cost, step) for cost in costs]


def _cost_entry(by: Trade, cost: Cost, step: Step[Trade]) -> LedgerEntry:
    trade, kind = cost.trade, cost.kind.value
    if cost.kind is ChargeKind.DP:
        return dp_entry(by, step, cost.amount)
    if not cost.is_correction:
        return ledger_entry(trade, kind, -cost.amount, f"{trade.pk}:{kind}")
    # An order whose delivery trades have been squared off is charged as intraday, in its own portfolio.
    note = f"squared off by trade {by.trade_id}: charged as intraday"
    return ledger_entry(trade, kind, -cost.amount, f"{trade.pk}:{kind}:{by.pk}", note, at=by.traded_at)


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
    return ledger_entry(trade, LedgerKind.DP, -amount, key, note)
