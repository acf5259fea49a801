"""Turn the broker's trades and reports into fills and order states, paper and live by the same code."""

import time
from decimal import Decimal
from uuid import UUID

import structlog
from django.db import transaction

from alphapanda.core.figures import plain
from alphapanda.core.journal.models import DeadLetter
from alphapanda.core.journal.services import on_replay
from alphapanda.core.telemetry import metrics
from alphapanda.core.telemetry.crashpoints import crashpoint
from alphapanda.core.timezone import IST
from portfolio.booking import TradeReport, book_trade
from portfolio.models import Account
from trading import wakeups
from trading.brokers.choice import broker_for
from trading.models import Fill, Order
from trading.orders.attempts import NOBODYS_FAULT
from trading.orders.broker_port import Broker, BrokerOrder, BrokerTrade
from trading.orders.life_cycle import OrderState, may_advance, state_after_trades
from trading.orders.transitions import move_order, notify_run

log = structlog.get_logger()
ACTOR = "booking"


def book_trades(account_id: UUID | str) -> None:
    """Drain one account: trades first, so that an order's last report never overtakes its fills."""
    account = Account.objects.get(pk=account_id)
    broker = broker_for(account)
    deadline = time.monotonic() + wakeups.LONGEST_DRAIN_SECONDS
    for trade in broker.new_trades():
        _book_or_count(account, trade, broker)
        if time.monotonic() > deadline:
            wakeups.wake_stage(wakeups.BOOK, account.pk, "housekeeping")
            return
    for report in broker.changed_orders():
        apply_report(report, broker)


def _book_or_count(account: Account, trade: BrokerTrade, broker: Broker) -> None:
    """One trade that cannot be booked keeps no other from being booked; it is tried again at every drain."""
    try:
        record_fill(account, trade, broker)
        crashpoint("book.after_commit")
    except NOBODYS_FAULT:
        raise
    except Exception as error:
        log.exception("trade_not_booked", trade=trade.trade_id)
        broker.note_trade_not_booked(trade, f"{type(error).__name__}: {error}")


@on_replay("book_trades")
def _book_again(letter: DeadLetter) -> None:
    wakeups.wake_stage_after_commit(wakeups.BOOK, letter.partition, "housekeeping")


@transaction.atomic
def record_fill(account: Account, report: BrokerTrade, broker: Broker) -> None:
    """Book a trade exactly once, however often it is reported, and whatever we believed of its order."""
    Account.objects.select_for_update(no_key=True).get(pk=account.pk)  # lock order: account, order, position
    order = (
        Order.objects.select_for_update(no_key=True, of=("self",))
        .select_related("instrument", "signal__instrument", "signal__run")
        .get(tag=report.tag)
    )
    trade, is_new = book_trade(_trade_report(order, report))
    crashpoint("book.before_commit")
    if is_new:
        fill = Fill.objects.create(
            order=order, trade=trade, signed_quantity=report.signed_quantity, price=report.price, at=report.traded_at
        )
        apply_fill(order, fill)
        transaction.on_commit(lambda: metrics.FILLS.labels(account.mode).inc())
    broker.note_trade_booked(report)


def _trade_report(order: Order, report: BrokerTrade) -> TradeReport:
    return TradeReport(
        account_id=order.account_id,
        portfolio_id=order.portfolio_id,
        instrument_id=order.instrument_id,
        exchange=order.instrument.exchange,
        day=report.traded_at.astimezone(IST).date(),
        trade_id=report.trade_id,
        broker_order_id=report.broker_order_id,
        order_tag=order.tag,
        product=order.product,
        signed_quantity=report.signed_quantity,
        price=report.price,
        traded_at=report.traded_at,
    )


def apply_fill(order: Order, fill: Fill) -> None:
    """Count a fill into its order and let the run hear of it."""
    before = order.filled_quantity
    filled = before + abs(fill.signed_quantity)
    spent = (order.average_price or Decimal(0)) * before + fill.price * abs(fill.signed_quantity)
    left = Decimal(order.quantity - filled) / (order.quantity - before)
    order.filled_quantity, order.average_price = filled, spent / filled
    order.reserved = order.reserved * left
    order.save(update_fields=["filled_quantity", "average_price", "reserved", "updated_at"])
    notify_run(
        order.signal,
        "fill",
        str(fill.pk),
        signed_quantity=fill.signed_quantity,
        price=str(fill.price),
        at=fill.at.isoformat(),
        stop=_text(order.signal.stop),
        target=_text(order.signal.target),
    )
    proven = state_after_trades(OrderState(order.state), order.quantity, filled)
    if proven != order.state:
        part = "" if proven == OrderState.FILLED else f"{filled} of {order.quantity} "
        move_order(order, proven, actor=ACTOR, reason=f"{part}filled at {plain(order.average_price)}")


def _text(price: Decimal | None) -> str | None:
    return None if price is None else str(price)


@transaction.atomic
def apply_report(report: BrokerOrder, broker: Broker) -> None:
    """Move an order on to what its broker says, if its life cycle allows; a report can be old."""
    order = (
        Order.objects.select_for_update(no_key=True, of=("self",))
        .select_related("instrument", "signal__instrument", "signal__run")
        .get(tag=report.tag)
    )
    new = OrderState(report.status)
    if new == OrderState.FILLED and order.filled_quantity < order.quantity:
        return  # its last trades have not been booked yet; the report stays until they are
    if new != order.state and may_advance(OrderState(order.state), new):
        move_order(order, new, actor="exchange", reason=report.message, broker_order_id=report.broker_order_id)
    broker.note_report_taken(report)
