"""Turn the broker's trades and reports into fills and order states, paper and live by the same code."""

import time
from decimal import Decimal
from typing import Any
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import F

from alphapanda.core.clock import market_now
from alphapanda.core.journal.models import DeadLetter
from alphapanda.core.journal.services import on_replay
from alphapanda.core.telemetry import metrics
from alphapanda.core.telemetry.crashpoints import crashpoint
from alphapanda.core.timezone import IST
from portfolio.booking import TradeReport, book_trade
from portfolio.models import Account
from trading import wakeups
from trading.brokers import standing
from trading.brokers.choice import broker_for
from trading.errors import NOBODYS_FAULT
from trading.models import Fill, Order
from trading.orders import progress
from trading.orders.broker_port import Broker, BrokerOrder, BrokerTrade
from trading.orders.life_cycle import MAY_STILL_FILL, BrokerState, OrderState, may_advance
from trading.orders.requests import ask_cancellation
from trading.orders.transitions import move_order, notify_run, record_order, wake_exit

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
    """Count a fill into its order and let the run hear of it; more than was ordered is booked too, and said."""
    progress.count_fill(order, fill.signed_quantity, fill.price)
    order.save(update_fields=["filled_quantity", "average_price", "reserved", "updated_at"])
    if order.signal.plan_id is not None:
        wake_exit(order.signal.plan_id, order.account_id)
    notify_run(
        order.signal,
        # What a person closed is nothing the run asked for: it hears of it by a name of its own.
        "closed_by_hand" if order.signal.plan_id and not order.signal.ordinal else "fill",
        str(fill.pk),
        signed_quantity=fill.signed_quantity,
        price=str(fill.price),
        at=fill.at.isoformat(),
        stop=_text(order.signal.stop),
        target=_text(order.signal.target),
    )
    if order.is_overfilled:
        _flag_overfill(order)
    _move_to_proven(order)


def _flag_overfill(order: Order) -> None:
    words = f"{order.filled_quantity} filled of {order.quantity}"
    log.error("order_overfilled", tag=order.tag, words=words)
    record_order(order, "order.overfilled", {"words": words})


def _move_to_proven(order: Order) -> None:
    if proven := progress.proven_by_trades(order):
        state, reason = proven
        move_order(order, state, actor=ACTOR, reason=reason)


def _text(price: Decimal | None) -> str | None:
    return None if price is None else str(price)


@transaction.atomic
def apply_report(report: BrokerOrder, broker: Broker) -> None:
    """Move an order on to what its broker says, if its life cycle allows; a report can be old.

    An end that counts more than is booked is kept: the order stays open for just those trades, and ends with the
    last of them. The highest count wins. Without a count the read has failed, and nothing is taken from it.
    """
    order = (
        Order.objects.select_for_update(no_key=True, of=("self",))
        .select_related("account", "instrument", "signal__instrument", "signal__run")
        .get(tag=report.tag)
    )
    if report.filled_quantity is None:
        log.warning("report_without_count", tag=report.tag, status=report.status)
        return
    new = OrderState(report.status)
    if progress.awaits_trades(order, new, report.filled_quantity):
        _keep_end(order, report, new)
    elif order.state == OrderState.NOT_PLACED and new in MAY_STILL_FILL:
        _call_for_a_person(order, report)
    elif progress.is_news(order, new):
        move_order(order, new, actor="exchange", reason=report.message, broker_order_id=report.broker_order_id)
    if report.working_price is not None and report.working_price != order.working_price:
        Order.objects.filter(pk=order.pk).update(working_price=report.working_price)
    if report.modify_number:
        note_modify_answer(order, report.modify_number, report.modify_refusal)
    broker.note_report_taken(report)


def _call_for_a_person(order: Order, report: BrokerOrder) -> None:
    """What was proven never placed lives after all: proof has failed, so it is taken back and new risk ends."""
    words = f"found alive at the broker ({report.message}) after its books had shown that it was never placed"
    log.error("alive_after_all", tag=order.tag, status=report.status)
    move_order(order, OrderState.NEEDS_HUMAN, actor="exchange", reason=words, broker_order_id=report.broker_order_id)
    standing.restrict(order.account, BrokerState.EXITS_ONLY, "alive", f"{order} was {words}")
    ask_cancellation(order, ACTOR, market_now())


def note_modify_answer(order: Order, number: int, refusal: str) -> None:
    """Take the answer to an order's modification: done, or refused in words. An old answer says nothing."""
    asked = Order.objects.filter(pk=order.pk, modify_pending=True, modify_number=number)
    changes: dict[str, Any] = {"modify_pending": False, "modify_sent_at": None}
    if refusal:
        changes["modifies_refused"] = F("modifies_refused") + 1
    if asked.update(**changes):
        payload = {"price": str(order.modify_price), "refusal": refusal}
        record_order(order, "order.modified", payload)


def _keep_end(order: Order, report: BrokerOrder, new: OrderState) -> None:
    """Keep how the order ended, and how much of it is still to be booked; until then only that is out."""
    before = order.out_quantity
    if order.state != OrderState.OPEN and may_advance(OrderState(order.state), OrderState.OPEN):
        move_order(order, OrderState.OPEN, actor="exchange", reason=f"{new.replace('_', ' ')}; its trades are to come")
    order.broker_order_id = order.broker_order_id or report.broker_order_id
    progress.keep_end(order, new, report.filled_quantity or 0, before, market_now())
    order.save(update_fields=["reported_filled", "ended_as", "ended_at", "reserved", "broker_order_id", "updated_at"])
    payload = {"ended_as": str(new), "awaited": order.out_quantity, "reason": report.message}
    record_order(order, "order.awaits_trades", payload)
