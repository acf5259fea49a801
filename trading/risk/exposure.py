"""What stands before an order: positions, what may still fill, money, and the day's profit, all in one reading."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.db.models import Count, Q

from alphapanda.core.timezone import IST
from instruments.domain.order_terms import Side, side_of
from portfolio.domain.pnl import known_total
from portfolio.funds import NoMarginModel, available_funds, required_funds
from portfolio.models import Account, Position
from portfolio.results import DayFigures
from trading.models import ExitPlan, Order, Signal
from trading.orders.holdings import holdings_from
from trading.orders.life_cycle import OrderState
from trading.risk.inputs import Exposure, HeldAndWorking, Usage
from trading.risk.marks import Marks

ZERO = Decimal(0)


def exposure_of(signal: Signal, portfolio_id: UUID, marks: Marks, now: datetime) -> Exposure:
    """Read everything the rules ask. Call under the account's row lock: nothing may move meanwhile."""
    live = list(
        Order.objects.may_fill_yet()
        .filter(account_id=signal.account_id)
        .exclude(signal=signal)
        .select_related("instrument")
    )
    same = [o for o in live if (o.instrument_id, o.product) == (signal.instrument_id, signal.product)]
    positions = list(Position.objects.open().of_account(signal.account_id).select_related("instrument"))
    marks.set_price(signal.instrument, signal.reference_price, signal.quote_at, now)
    today = Today.read_day(signal.account, marks, now)
    return Exposure(
        held=held_and_working(
            _of(positions, signal, portfolio_id), [o for o in same if o.portfolio_id == portfolio_id]
        ),
        account_held=held_and_working(_of(positions, signal), same),
        closable=_closable(signal, portfolio_id, positions, same, now),
        is_being_left=ExitPlan.objects.of_holding(portfolio_id, signal.instrument_id, signal.product).exists(),
        account=usage_of(today, None, positions, live),
        deployment=usage_of(today, portfolio_id, positions, live) if signal.deployment_id else None,
        available_funds=free_funds(signal.account, live, marks),
        required_funds=_required(signal),
        identical_live_intents=_identical(signal, same),
    )


def _of(positions: Iterable[Position], signal: Signal, portfolio_id: UUID | None = None) -> int:
    return sum(
        position.quantity
        for position in positions
        if (position.instrument_id, position.product) == (signal.instrument_id, signal.product)
        and portfolio_id in (None, position.portfolio_id)
    )


def _closable(
    signal: Signal, portfolio_id: UUID, positions: Iterable[Position], same: Iterable[Order], now: datetime
) -> int:
    own = (p for p in positions if (p.instrument_id, p.product) == (signal.instrument_id, signal.product))
    return holdings_from(own, same, now).closable(portfolio_id, 1 if signal.side == Side.BUY else -1)


def held_and_working(position: int, orders: Iterable[Order]) -> HeldAndWorking:
    """Count what is held and what is out, by side; unconfirmed apart, since it may have filled."""
    out = {(side, unconfirmed): 0 for side in Side for unconfirmed in (True, False)}
    for order in orders:
        out[Side(order.side), order.state == OrderState.UNCONFIRMED] += order.out_quantity
    return HeldAndWorking(
        position=position,
        working_buys=out[Side.BUY, False],
        working_sells=out[Side.SELL, False],
        unconfirmed_buys=out[Side.BUY, True],
        unconfirmed_sells=out[Side.SELL, True],
    )


@dataclass(frozen=True)
class Today:
    """An account's day so far: what its books say, and how often it has sent orders."""

    marks: Marks
    portfolios: list[UUID]
    books: DayFigures
    sent: dict[UUID, tuple[int, int]]

    @classmethod
    def read_day(cls, account: Account, marks: Marks, now: datetime) -> "Today":
        portfolios = list(account.portfolios.values_list("pk", flat=True))
        books = DayFigures.read_day(portfolios, now.astimezone(IST).date())
        return cls(marks, portfolios, books, _orders_sent(account, now))

    def profit_today_of(self, portfolio_id: UUID | None) -> Decimal | None:
        """Net of the day after charges, booked and open; None where a part of it is unknown."""
        portfolios = self.portfolios if portfolio_id is None else [portfolio_id]
        return self.books.sum_results(portfolios, self.marks.prices).net

    def orders_sent(self, portfolio_id: UUID | None) -> tuple[int, int]:
        """Return how many orders in the last minute, and today."""
        of = self.sent.values() if portfolio_id is None else [self.sent.get(portfolio_id, (0, 0))]
        return sum(minute for minute, _ in of), sum(day for _, day in of)


def _orders_sent(account: Account, now: datetime) -> dict[UUID, tuple[int, int]]:
    midnight = now.astimezone(IST).replace(hour=0, minute=0, second=0, microsecond=0)
    last_minute = Count("pk", filter=Q(market_time__gt=now - timedelta(minutes=1)))
    orders = Order.objects.filter(account=account, market_time__gte=midnight).order_by().values("portfolio")
    counted = orders.annotate(minute=last_minute, day=Count("pk"))
    return {row["portfolio"]: (row["minute"], row["day"]) for row in counted}


def usage_of(today: Today, portfolio_id: UUID | None, positions: Iterable[Position], live: Iterable[Order]) -> Usage:
    """What an account, or one portfolio of it, uses of its limits; one unknown price makes the sum unknown."""
    own = [order for order in live if portfolio_id in (None, order.portfolio_id)]
    values = [today.marks.value(position) for position in positions if portfolio_id in (None, position.portfolio_id)]
    entries = [order for order in own if not order.is_exit]
    minute, day = today.orders_sent(portfolio_id)
    return Usage(
        gross=known_total(None if value is None else abs(value) for value in values),
        net=known_total(values),
        reserved_buys=sum((o.reserved for o in entries if o.side == Side.BUY), ZERO),
        reserved_sells=sum((o.reserved for o in entries if o.side == Side.SELL), ZERO),
        open_orders=len(own),
        orders_this_minute=minute,
        orders_today=day,
        profit_today=today.profit_today_of(portfolio_id),
    )


def free_funds(account: Account, live: Iterable[Order], marks: Marks) -> Decimal | None:
    """Available funds less what working orders may still block.

    None where no margin model can tell, or the price of a position that may be losing is not known.
    """
    try:
        free = available_funds(account, marks.prices).available
        reserved = sum((_blocked_by(account, order) for order in live if not order.is_exit), ZERO)
    except NoMarginModel:
        return None
    return None if free is None else free - reserved


def _blocked_by(account: Account, order: Order) -> Decimal:
    left = order.out_quantity
    if not left:
        return ZERO
    side, price = side_of(order.signed_quantity), order.reserved / left
    return required_funds(account, order.instrument, order.product, side, left, price)


def _required(signal: Signal) -> Decimal | None:
    price = signal.price or signal.reference_price
    if price is None:
        return None
    try:
        return required_funds(
            signal.account, signal.instrument, signal.product, side_of(signal.signed_quantity), signal.quantity, price
        )
    except NoMarginModel:
        return None


def _identical(signal: Signal, same: Iterable[Order]) -> int:
    if signal.plan_id is not None:
        return 0  # an exit counts what it has out itself
    return sum(
        (o.side, o.quantity, o.order_type, o.price, o.deployment_id)
        == (signal.side, signal.quantity, signal.order_type, signal.price, signal.deployment_id)
        for o in same
    )
