"""How much of an account's money is free."""

from __future__ import annotations

from portfolio.domain.funds import Funds, NoMarginModel, funds_of, required_funds
from portfolio.models import Account, LedgerEntry, Position

__all__ = ["Funds", "NoMarginModel", "available_funds", "required_funds"]


def available_funds(account: Account) -> Funds:
    """Cash of the ledger, and what open positions block of it. Orders still working are for risk to reserve.

    Raises NoMarginModel if a position is held whose margin the account's terms do not tell.
    """
    holdings = Position.objects.open().of_account(account.pk).select_related("instrument")
    return funds_of(account, LedgerEntry.objects.cash(account.pk), holdings)
