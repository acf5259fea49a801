"""Send approved orders: claim, ask, and know three answers: accepted, refused, or no proof either way."""

import os
import socket
import time
from dataclasses import replace
from datetime import timedelta
from functools import partial
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import Q

from alphapanda.core.clock import market_now
from alphapanda.core.clock.market_time import wall_now
from alphapanda.core.telemetry.crashpoints import crashpoint
from portfolio.models import Account
from trading import wakeups
from trading.brokers.choice import broker_for
from trading.brokers.remote import RemoteBroker
from trading.brokers.standing import state_of as broker_state_of
from trading.models import Deployment, Order
from trading.models.orders import OrderQuerySet
from trading.orders import gates, rates
from trading.orders.arming import why_no_new_risk
from trading.orders.attempts import attempt_row
from trading.orders.broker_port import (
    AddressNotAllowed,
    Broker,
    BrokerError,
    BrokerUnreachable,
    OrderRefused,
    OrderTicket,
    RateLimited,
    RepeatingBroker,
    SessionExpired,
)
from trading.orders.claim import closes_too_much, why_not_sent
from trading.orders.fills import note_modify_answer
from trading.orders.holdings import read_holdings
from trading.orders.life_cycle import BrokerState, GateState, OrderState
from trading.orders.square_off import is_the_brokers
from trading.orders.strangers import send_cancellations
from trading.orders.transitions import move_order

log = structlog.get_logger()
# A worker that claimed an order and has not asked by then is dead: a task is ended long before.
LONGEST_ASK = timedelta(seconds=30)
WORKER = f"orders@{socket.gethostname()}:{os.getpid()}"


def execute_orders(account_id: UUID | str) -> None:
    """Drain one account: exits first, then entries in signal order, then what is to change or to be cancelled.

    Of a live account only entries: a slow one must never hold an exit, so these have a drain and a worker of their own.
    Not to be called inside a transaction: a claim must be visible to every process before the broker hears of it.
    """
    account = Account.objects.get(pk=account_id)
    if account.mode == Account.Mode.PAPER:
        _drain(account, Order.objects.all())
    else:
        _drain(account, Order.objects.filter(is_exit=False, cancel_requested_at__isnull=True))


def execute_exits(account_id: UUID | str) -> None:
    """Drain one live account's exits, and its cancellations of whatever may be cancelled, not ours included."""
    account = Account.objects.get(pk=account_id)
    _drain(account, Order.objects.filter(Q(is_exit=True) | Q(cancel_requested_at__isnull=False)), is_exit=True)
    if isinstance(broker := broker_for(account), RemoteBroker):
        send_cancellations(account, broker)


def _drain(account: Account, orders: OrderQuerySet, *, is_exit: bool = False) -> None:
    broker = broker_for(account)
    mine = orders.filter(account=account).select_related("instrument", "signal__instrument", "account")
    deadline = time.monotonic() + wakeups.LONGEST_DRAIN_SECONDS
    for order in _to_send(mine, account):
        attempt_row(order, "execute_orders", partial(send_order, broker=broker), give_up_sending)
        if time.monotonic() > deadline:
            wakeups.wake_execution(account, is_exit=is_exit)
            return
    # What a broker may know of is never given up: it is asked about, or to be cancelled, until there is an answer.
    unconfirmed = mine.filter(state=OrderState.UNCONFIRMED)
    steps = ((unconfirmed, resolve_unconfirmed), (mine.to_modify(), ask_to_modify), (mine.to_cancel(), ask_to_cancel))
    for rows, step in steps:
        for order in rows.order_by("id"):
            attempt_row(order, "execute_orders", partial(step, broker=broker))


def _to_send(orders: OrderQuerySet, account: Account) -> list[Order]:
    """What has not been sent. Exits wait for a broker that takes nothing; entries end in words at their claim."""
    waiting = orders.filter(state=OrderState.CREATED)
    if broker_state_of(account.pk) is BrokerState.DOWN:
        waiting = waiting.filter(is_exit=False)
    return list(waiting.select_related("signal__decision").order_by("-is_exit", "id"))


def send_order(order: Order, broker: Broker) -> None:
    """Send an order at most once.

    1. Claim it: one conditional UPDATE in a transaction that holds the gate, the budget and the decision.
    2. Look at the gate once more: a halt may have come between.
    3. Ask the broker, outside any transaction.
    """
    crashpoint("execute.before_claim")
    if not claim_order(order):
        return
    crashpoint("execute.after_claim")
    if problem := _why_not(order, gates.gate_in_force(order.account_id)):
        state, reason = problem
        move_order(order, state, actor=WORKER, reason=reason)
        return
    ask_broker(order, broker)


def ask_broker(order: Order, broker: Broker) -> None:
    try:
        broker_order_id = broker.place_order(ticket_of(order))
    except OrderRefused as refused:
        # Only a broker or exchange that saw the order has rejected it; the rest never got that far.
        never_seen = isinstance(refused, RateLimited | SessionExpired | AddressNotAllowed)
        state = OrderState.NOT_PLACED if never_seen else OrderState.REJECTED
        move_order(order, state, actor=WORKER, reason=str(refused))
    except BrokerUnreachable as silence:
        log.warning("order_unconfirmed", tag=order.tag, error=repr(silence))
    else:
        crashpoint("execute.after_place")
        if not move_order(
            order, OrderState.SUBMITTED, actor=WORKER, reason="accepted", broker_order_id=broker_order_id
        ):
            _take_back_if_given_up(order, broker, broker_order_id)
        crashpoint("execute.after_submitted")
    if not isinstance(broker, RepeatingBroker):
        # Taken or unanswered, its books tell what became of it; the sweep would ask for them too, seconds later.
        wakeups.wake_stage(wakeups.BOOK, order.account_id, wakeups.books_queue(order.account))


def _take_back_if_given_up(order: Order, broker: Broker, broker_order_id: str) -> None:
    """Cancel what was accepted after somebody else had proven it unsent: this worker slept for longer than allowed."""
    order.refresh_from_db(fields=["state"])
    if order.state in (OrderState.NOT_PLACED, OrderState.EXPIRED, OrderState.CANCELLED) and not order.filled_quantity:
        log.error("accepted_after_given_up", tag=order.tag, state=order.state)
        try:
            broker.request_cancel(replace(ticket_of(order), broker_order_id=broker_order_id))
        except BrokerError as problem:
            # Its broker's books show that it lives: then it is cancelled again, and a person called.
            log.error("not_taken_back", tag=order.tag, error=repr(problem))


def resolve_unconfirmed(order: Order, broker: Broker) -> None:
    """Ask again only where asking twice is one request; every other broker is looked up by tag, never asked again.

    One that never left its worker (it died between claim and request) is held by all that holds a new one.
    """
    if not isinstance(broker, RepeatingBroker):
        return
    if not broker.has_request(ticket_of(order)) and (problem := _why_not(order, gates.gate_in_force(order.account_id))):
        if _is_given_up_by_its_worker(order):
            state, reason = problem
            move_order(order, state, actor=WORKER, reason=reason)
        return
    ask_broker(order, broker)


def _is_given_up_by_its_worker(order: Order) -> bool:
    return order.claimed_at is None or wall_now() - order.claimed_at > LONGEST_ASK


def ask_to_modify(order: Order, broker: Broker) -> None:
    """Ask for the price that is wanted. Refused at once, it is answered; without an answer it stays out, uncounted."""
    if order.modify_price is None:
        raise ValueError(f"{order} asks for no price")
    waiting = Order.objects.to_modify().filter(pk=order.pk, modify_number=order.modify_number)
    if not _may_ask(order, broker, waiting, "modify_sent_at"):
        return
    crashpoint("execute.before_modify")
    try:
        broker.request_modify(ticket_of(order), order.modify_number, order.modify_price)
    except OrderRefused as refused:
        note_modify_answer(order, order.modify_number, str(refused))
    except BrokerUnreachable as silence:
        log.warning("modify_unanswered", tag=order.tag, error=repr(silence))
    crashpoint("execute.after_modify")
    waiting.update(modify_sent_at=wall_now())


def ask_to_cancel(order: Order, broker: Broker) -> None:
    """Ask once; what is out stays out until its broker says so. The books tell whether to ask again."""
    if order.state == OrderState.CREATED:
        move_order(order, OrderState.CANCELLED, actor=order.cancel_requested_by, reason="cancelled before it was sent")
        return
    if order.state == OrderState.UNCONFIRMED:
        return
    waiting = Order.objects.to_cancel().filter(pk=order.pk)
    if not _may_ask(order, broker, waiting, "cancel_sent_at"):
        return
    crashpoint("execute.before_cancel")
    try:
        broker.request_cancel(ticket_of(order))
    except BrokerError as problem:
        log.warning("cancel_not_taken", tag=order.tag, error=repr(problem))
    crashpoint("execute.after_cancel")
    waiting.update(cancel_sent_at=wall_now())


def _may_ask(order: Order, broker: Broker, waiting: OrderQuerySet, column: str) -> bool:
    """Whether a change or a cancellation is ours to ask now.

    Where asking twice is one request, it is noted as sent once it is: whoever dies before leaves it to the next.
    Elsewhere it is noted before it leaves, and the broker's books tell whether it came through. It takes its share of
    the second and the minute; where that is used up, the next drain asks.
    """
    if isinstance(broker, RepeatingBroker):
        return waiting.exists()
    with transaction.atomic():
        if not waiting.update(**{column: wall_now()}):
            return False
        if full := rates.spend_request(order.account, wall_now()):
            log.info("request_waits_for_rate", tag=order.tag, window=full)
            transaction.set_rollback(True)
            return False
    return True


@transaction.atomic
def claim_order(order: Order) -> bool:
    """Make the order ours to send, or end it with the reason it must not be sent. False: it is not to be sent."""
    gate = gates.hold_gate(order.account_id)
    problem = _why_not(order, gate)
    if problem is None and order.is_exit and (words := _closes_too_much(order)):
        problem = OrderState.NOT_PLACED, words
    if problem:
        state, reason = problem
        move_order(order, state, actor=WORKER, reason=reason)
        return False
    now = wall_now()
    if full := rates.spend_rate(order.account, now, is_exit=order.is_exit):
        log.info("order_waits_for_rate", tag=order.tag, window=full)
        return False
    return move_order(order, OrderState.UNCONFIRMED, actor=WORKER, reason="claimed", claimed_by=WORKER, claimed_at=now)


def _why_not(order: Order, gate: GateState) -> tuple[OrderState, str] | None:
    now = market_now()
    problem = why_not_sent(order, order.signal.decision, gate, _deployment_state(order), now)
    if problem is None and is_the_brokers(order.account, order.instrument, order.product, now):
        return OrderState.NOT_PLACED, "the broker squares off now: a second seller would make a short"
    if problem is None and not order.is_exit and order.account.mode == Account.Mode.LIVE:
        words = why_no_new_risk(order.account, now)
        return (OrderState.NOT_PLACED, f"no new risk: {words}") if words else None
    return problem


def _closes_too_much(order: Order) -> str:
    """Return why an exit would now close more than it may, in words; empty if it may."""
    Account.objects.locked(order.account_id)
    holdings = read_holdings(order.account_id, order.instrument_id, order.product, market_now(), pk=order.pk)
    return closes_too_much(order, holdings)


def _deployment_state(order: Order) -> str | None:
    """The state of the order's deployment; read anew, since it may have changed."""
    if order.deployment_id is None:
        return None
    return Deployment.objects.filter(pk=order.deployment_id).values_list("state", flat=True).first()


def give_up_sending(order: Order, error: str) -> None:
    """End an order whose sending failed too often before it was claimed: nothing was asked of any broker."""
    order.refresh_from_db(fields=["state"])
    if order.state == OrderState.CREATED:
        move_order(order, OrderState.NOT_PLACED, actor=WORKER, reason=f"sending failed three times: {error}")


def ticket_of(order: Order) -> OrderTicket:
    return OrderTicket(
        tag=order.tag,
        instrument_id=order.instrument_id,
        instrument=order.instrument.key,
        signed_quantity=order.signed_quantity,
        order_type=order.order_type,
        product=order.product,
        validity=order.validity,
        price=order.price,
        trigger_price=order.trigger_price,
        market_protection=order.market_protection,
        market_time=order.market_time,
        broker_order_id=order.broker_order_id,
    )
