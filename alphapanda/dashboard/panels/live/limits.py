"""How much of each limit of the first account is used, reserved and left."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Count, Q

from alphapanda.dashboard.formats import plain, short, short_rupees
from alphapanda.dashboard.panels.ages import read_now
from alphapanda.dashboard.panels.context import PageContext
from alphapanda.dashboard.panels.live.net import main_account
from alphapanda.dashboard.panels.results import PortfolioDays, add_results
from portfolio.domain.pnl import known_total
from portfolio.models import Account
from trading.models import Order, RiskLimit
from trading.risk.inputs import Usage
from trading.risk.market_view import as_limits
from trading.risk.meters import Meter, scope_meters

WARNING = Decimal("0.8")
LOOKS = {"ok": ("", "none"), "near": ("warn", "warn"), "full": ("fault", "halted"), "unknown": ("unknown", "unknown")}
MONEY = frozenset({"LOSS_ACCOUNT", "LOSS_DEPLOYMENT", "MAX_GROSS", "MAX_NET"})


def limits_panel(page: PageContext, days: PortfolioDays) -> dict[str, Any]:
    account = main_account(page)
    meters = meters_of(page, days, account) if account else []
    rows = [meter_row(meter) for meter in meters if meter.level != "unlimited"]
    return {
        "whose": account.name if account else "",
        "age": read_now(page),
        "rows": rows,
        "empty": "" if rows else "No limit is set: only the exchange's own rules apply.",
    }


def meters_of(page: PageContext, days: PortfolioDays, account: Account) -> list[Meter]:
    row = RiskLimit.objects.filter(account=account, deployment__isnull=True).first()
    return list(scope_meters("account", account_usage(page, days, account), as_limits(row), WARNING))


def account_usage(page: PageContext, days: PortfolioDays, account: Account) -> Usage:
    """What the account uses now; one unknown price makes the sums unknown."""
    own = days.of_account(account)
    values = [each.value for day in own for each in day.holdings]
    live = list(Order.objects.live().filter(account=account).values_list("side", "reserved", "is_exit"))
    minute, today = orders_sent(page, account)
    return Usage(
        gross=known_total(None if value is None else abs(value) for value in values),
        net=known_total(values),
        reserved_buys=sum((reserved for side, reserved, exits in live if side == "BUY" and not exits), Decimal(0)),
        reserved_sells=sum((reserved for side, reserved, exits in live if side == "SELL" and not exits), Decimal(0)),
        open_orders=len(live),
        orders_this_minute=minute,
        orders_today=today,
        profit_today=add_results(own).net,
    )


def orders_sent(page: PageContext, account: Account) -> tuple[int, int]:
    today = Order.objects.filter(account=account, market_time__gte=page.midnight)
    last_minute = Q(market_time__gt=page.now - timedelta(minutes=1))
    counted = today.aggregate(minute=Count("pk", filter=last_minute), day=Count("pk"))
    return counted["minute"], counted["day"]


def meter_row(meter: Meter) -> dict[str, Any]:
    tone, icon = LOOKS[meter.level]
    money = meter.code in MONEY
    used, left = used_words(meter, money=money), left_words(meter, money=money)
    return {
        "key": f"{meter.scope}-{meter.code}",
        "name": meter.title,
        "used": used,
        "left": left,
        "ratio": None if meter.used_share is None else str(meter.used_share),
        "reserved_ratio": None if meter.reserved_share is None else str(meter.reserved_share),
        "tone": tone,
        "icon": icon,
        "title": f"{meter.title}: {plain(meter.used)} of {plain(meter.limit)}",
        "spoken": f"{meter.used_words} of {meter.limit_words}, {meter.left_words}",
    }


def used_words(meter: Meter, *, money: bool) -> str:
    if meter.used is None or meter.limit is None:
        return f"of {limit_words(meter.limit, money=money)}"
    return f"{limit_words(meter.used, money=money)} of {limit_words(meter.limit, money=money)}"


def left_words(meter: Meter, *, money: bool) -> str:
    if meter.left is None:
        return "unknown"
    size = short_rupees(abs(meter.left)) if money else plain(abs(meter.left), 0)
    return f"{size} {'left' if meter.left >= 0 else 'over'}"


def limit_words(value: Decimal | None, *, money: bool) -> str:
    return short(value) if money else plain(value, 0)
