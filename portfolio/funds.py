"""How much of an account's money is free."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from portfolio.domain.funds import Funds, NoMarginModel, funds_of, required_funds
from portfolio.domain.pnl import UNPRICED, DayPrice
from portfolio.models import Account, Position

__all__ = ["Funds", "NoMarginModel", "available_funds", "required_funds"]


def available_funds(account: Account, prices: Mapping[UUID, DayPrice]) -> Funds:
    """Cash as it stands, and what open positions block and lose of it. Orders still working are for risk to reserve.

    ``prices`` are by instrument id; None or missing is unknown. Raises NoMarginModel if a position is held
    whose margin the account's terms do not tell.
    """
    positions = Position.objects.open().of_account(account.pk).select_related("instrument")
    holdings = ((position, prices.get(position.instrument_id, UNPRICED).last) for position in positions)
    return funds_of(account, Account.objects.cash_of(account.pk), holdings)
