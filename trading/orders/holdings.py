"""What an account holds and has out in one instrument and product, read for the one rule of closing."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from alphapanda.core.timezone import IST
from portfolio.models import Account, Position
from trading.models import Order
from trading.orders.closable import Holdings, gather_holdings
from trading.orders.reconciliation import differences_of

# exits.md 4: a trade its broker counts and we have not booked for so long is a person's business, and freezes entries.
TRADES_LATE = timedelta(minutes=15)


def read_holdings(account_id: UUID, instrument_id: UUID, product: str, now: datetime, **leave_out: Any) -> Holdings:
    """Read under the account's lock; ``leave_out`` names orders not to be counted (``pk=…``, say).

    DAY and IOC orders of earlier days are out no more.
    """
    which, day = {"instrument_id": instrument_id, "product": product}, now.astimezone(IST).date()
    positions = Position.objects.open().of_account(account_id).filter(**which)
    orders = Order.objects.may_fill_yet().filter(account_id=account_id, **which)
    rows = list(positions)
    waiting = Position.objects.filter(pk__in=[position.pk for position in rows]).receivable(day) if rows else {}
    out = (
        (order.portfolio_id, order.signed_out)
        for order in (orders.exclude(**leave_out) if leave_out else orders)
        if order.market_time.astimezone(IST).date() >= day and order.signed_out
    )
    account = Account.objects.get(pk=account_id)
    differences = differences_of(account, now) if account.mode == Account.Mode.LIVE else {}
    return gather_holdings(
        ((position.portfolio_id, position.quantity) for position in rows),
        out,
        differences.get((instrument_id, product), 0),
        receivable=((position.portfolio_id, waiting.get(position.pk, 0)) for position in rows),
    )
