"""What stands before an order: positions, what may still fill, money, and the day's profit, all in one reading."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from instruments.domain.sessions import IST
from portfolio.funds import NoMarginModel, available_funds, required_funds
from portfolio.models import Account, Position
from portfolio.results import day_result
from trading.domain.orders import MAY_STILL_FILL, OrderState
from trading.domain.risk_values import Exposure, Held, Usage
from trading.models import Deployment, Order, Signal
from trading.services.marks import Marks
from trading.strategies.base import Side

ZERO = Decimal(0)


def exposure_of(signal: Signal, portfolio_id: Any, marks: Marks, now: datetime) -> Exposure:
    """Read everything the rules ask. Call under the account's row lock: nothing may move meanwhile."""
    live = list(Order.objects.filter(account_id=signal.account_id, state__in=MAY_STILL_FILL).exclude(signal=signal))
    same = [o for o in live if (o.instrument_id, o.product) == (signal.instrument_id, signal.product)]
    positions = list(Position.objects.open().of_account(signal.account_id).select_related("instrument"))
    marks.set(signal.instrument_id, signal.reference_price)
    return Exposure(
        held=held(_of(positions, signal, portfolio_id), [o for o in same if o.portfolio_id == portfolio_id]),
        account_held=held(_of(positions, signal), same),
        account=usage(signal.account, None, positions, live, marks, now),
        deployment=_deployment_usage(signal, portfolio_id, positions, live, marks, now),
        available_funds=free_funds(signal.account, live),
        required_funds=_required(signal),
        identical_live_intents=_identical(signal, same),
    )


def _of(positions: Iterable[Position], signal: Signal, portfolio_id: Any = None) -> int:
    return sum(
        position.quantity
        for position in positions
        if (position.instrument_id, position.product) == (signal.instrument_id, signal.product)
        and portfolio_id in (None, position.portfolio_id)
    )


def held(position: int, orders: Iterable[Order]) -> Held:
    """Count what is held and what is out, by side; unconfirmed apart, since it may have filled."""
    out = {(side, unconfirmed): 0 for side in ("BUY", "SELL") for unconfirmed in (True, False)}
    for order in orders:
        out[order.side, order.state == OrderState.UNCONFIRMED] += order.unfilled_quantity
    return Held(
        position=position,
        working_buys=out["BUY", False],
        working_sells=out["SELL", False],
        unconfirmed_buys=out["BUY", True],
        unconfirmed_sells=out["SELL", True],
    )


def _deployment_usage(
    signal: Signal, portfolio_id: Any, positions: list[Position], live: list[Order], marks: Marks, now: datetime
) -> Usage | None:
    if signal.deployment is None:
        return None
    own = [position for position in positions if position.portfolio_id == portfolio_id]
    orders = [order for order in live if order.portfolio_id == portfolio_id]
    return usage(signal.account, signal.deployment, own, orders, marks, now)


def usage(
    account: Account,
    deployment: Deployment | None,
    positions: Iterable[Position],
    live: Iterable[Order],
    marks: Marks,
    now: datetime,
) -> Usage:
    """What an account, or one deployment of it, uses of its limits; one unknown price makes the sum unknown."""
    values = [marks.value(position) for position in positions]
    known = [value for value in values if value is not None]
    is_known = len(known) == len(values)
    entries = [order for order in live if not order.is_exit]
    minute, day = _orders_sent(account, deployment, now)
    return Usage(
        gross=sum(map(abs, known), ZERO) if is_known else None,
        net=sum(known, ZERO) if is_known else None,
        reserved_buys=sum((o.reserved for o in entries if o.side == "BUY"), ZERO),
        reserved_sells=sum((o.reserved for o in entries if o.side == "SELL"), ZERO),
        open_orders=len(list(live)),
        orders_this_minute=minute,
        orders_today=day,
        profit_today=profit_today(account, deployment, marks, now),
    )


def profit_today(account: Account, deployment: Deployment | None, marks: Marks, now: datetime) -> Decimal | None:
    """Net of the day after charges, booked and open; None where a part of it is unknown."""
    day = now.astimezone(IST).date()
    if deployment is None:
        return day_result(account, day, marks.by_instrument).net
    portfolio = account.portfolios.filter(deployment_id=deployment.pk).first()
    return day_result(portfolio, day, marks.by_instrument).net if portfolio else ZERO


def _orders_sent(account: Account, deployment: Deployment | None, now: datetime) -> tuple[int, int]:
    midnight = now.astimezone(IST).replace(hour=0, minute=0, second=0, microsecond=0)
    orders = Order.objects.filter(account=account, market_time__gte=midnight)
    if deployment:
        orders = orders.filter(deployment=deployment)
    return orders.filter(market_time__gt=now - timedelta(minutes=1)).count(), orders.count()


def free_funds(account: Account, live: Iterable[Order]) -> Decimal | None:
    """Available funds less what working orders may still block; None where no margin model can tell."""
    try:
        free = available_funds(account).available
        for order in live:
            if not order.is_exit and order.unfilled_quantity:
                price = order.reserved / order.unfilled_quantity
                free -= required_funds(
                    account, order.instrument, order.product, side_of(order), order.unfilled_quantity, price
                )
    except NoMarginModel:
        return None
    return free


def _required(signal: Signal) -> Decimal | None:
    price = signal.price or signal.reference_price
    if price is None:
        return None
    try:
        return required_funds(
            signal.account, signal.instrument, signal.product, side_of(signal), signal.quantity, price
        )
    except NoMarginModel:
        return None


def _identical(signal: Signal, same: Iterable[Order]) -> int:
    return sum(
        (o.side, o.quantity, o.order_type, o.price, o.deployment_id)
        == (signal.side, signal.quantity, signal.order_type, signal.price, signal.deployment_id)
        for o in same
    )


def side_of(wanted: Order | Signal) -> Side:
    return "BUY" if wanted.signed_quantity > 0 else "SELL"
