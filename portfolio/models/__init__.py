"""What we own and what it cost: facts that are never edited, and what is derived from them."""

from portfolio.models.accounts import Account, Portfolio
from portfolio.models.charges import ChargeRate
from portfolio.models.facts import Adjustment, LedgerEntry, LedgerKind, Trade, TradeKind
from portfolio.models.holdings import Lot, Position, Realisation, Receivable
from portfolio.models.snapshots import PnlSnapshot

__all__ = [
    "Account",
    "Adjustment",
    "ChargeRate",
    "LedgerEntry",
    "LedgerKind",
    "Lot",
    "PnlSnapshot",
    "Portfolio",
    "Position",
    "Realisation",
    "Receivable",
    "Trade",
    "TradeKind",
]
