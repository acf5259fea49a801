"""Read what stands before an order: positions, what may still fill, money, and the day's books, all at once."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Count, Q

from alphapanda.core.timezone import IST
from portfolio.models import Account, Position
from portfolio.results import read_day
from trading.models import ExitPlan, Order, Signal
from trading.orders.reconciliation import differences_of
from trading.risk.account_state import AccountState
from trading.risk.marks import Marks


def state_before(signal: Signal, marks: Marks, now: datetime) -> AccountState:
    """Read all that stands before a signal. Call under the account's row lock: nothing may move meanwhile."""
    marks.set_price(signal.instrument, signal.reference_price, signal.quote_at, now)
    return load_state(signal.account, marks, now, signal=signal)


def load_state(account: Account, marks: Marks, now: datetime, **leave_out: Any) -> AccountState:
    """Read the account as it stands at ``marks``; ``leave_out`` names orders not to be counted."""
    today = now.astimezone(IST).date()
    portfolios = list(account.portfolios.values_list("pk", flat=True))
    orders = Order.objects.may_fill_yet().filter(account=account).select_related("instrument")
    live = list(orders.exclude(**leave_out) if leave_out else orders)
    positions = list(Position.objects.open().of_account(account.pk).select_related("instrument"))
    held = Position.objects.filter(pk__in=[position.pk for position in positions])
    left = ExitPlan.objects.unfinished().filter(account=account).values_list("portfolio", "instrument", "product")
    return AccountState(
        terms=account,
        cash=Account.objects.cash_of(account.pk),
        day=read_day(portfolios, today),
        portfolios=portfolios,
        positions=positions,
        orders=live,
        out_today=[order for order in live if order.market_time.astimezone(IST).date() >= today],
        prices=marks.prices,
        sent=_orders_sent(account, now),
        receivable=held.receivable(today) if positions else {},
        being_left=frozenset(left.order_by()),
        differences=differences_of(account, now) if account.mode == Account.Mode.LIVE else {},
    )


def _orders_sent(account: Account, now: datetime) -> dict[UUID, tuple[int, int]]:
    """How many orders each portfolio has sent, in the last minute and today."""
    midnight = now.astimezone(IST).replace(hour=0, minute=0, second=0, microsecond=0)
    last_minute = Count("pk", filter=Q(market_time__gt=now - timedelta(minutes=1)))
    orders = Order.objects.filter(account=account, market_time__gte=midnight).order_by().values("portfolio")
    counted = orders.annotate(minute=last_minute, day=Count("pk"))
    return {row["portfolio"]: (row["minute"], row["day"]) for row in counted}
