"""Send an account's orders, book what traded, take what the exchange reports: ``trading.orders`` in memory. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from alphapanda.core.timezone import day_of
from trading.lab.account import MemoryAccount
from trading.lab.values import MemoryFill, MemoryOrder, MemoryTrade
from trading.orders import progress
from trading.orders.claim import closes_too_much, why_not_sent
from trading.orders.life_cycle import AT_THE_EXCHANGE, GateState, OrderState
from trading.paper.exchange import Request, RequestKind, Standing
from trading.paper.orders import PaperFill, PaperOrder


def execute_orders(account: MemoryAccount, now: datetime) -> bool:
    """Send what is approved, exits first; then ask for changes of price, then for cancellations."""
    live = list(account.live.values())
    new = [order for order in live if order.state == OrderState.CREATED]
    for order in sorted(new, key=lambda one: (not one.is_exit, one.pk)):
        _send(account, order, now)
    asked = [_ask_to_modify(account, order, now) for order in live]
    asked += [_ask_to_cancel(account, order, now) for order in live]
    return bool(new) or any(asked)


def _send(account: MemoryAccount, order: MemoryOrder, now: datetime) -> None:
    deployed = account.deployed.get(order.portfolio_id)
    state = deployed.state if deployed else None
    problem = why_not_sent(order, order.decision, GateState.ACTIVE, state, now)
    if problem is None and order.is_exit:
        others = [one for one in account.out_today(now) if one is not order]
        if words := closes_too_much(order, account.books(others).holdings(order.signal)):
            problem = OrderState.NOT_PLACED, words
    if problem:
        account.move_order(order, *problem, now)
        return
    order.state, order.state_reason = OrderState.SUBMITTED, "accepted"
    at, token = order.market_time + account.terms.latency, order.instrument_id
    account.exchange.add_request(
        Request(order.pk, RequestKind.PLACE, order.tag, token, at, order=_at_exchange(order, at))
    )


def _ask_to_modify(account: MemoryAccount, order: MemoryOrder, now: datetime) -> bool:
    if order.is_modify_sent or not order.modify_pending or order.state not in AT_THE_EXCHANGE or order.ended_as:
        return False
    order.is_modify_sent = True
    _ask(account, order, RequestKind.MODIFY, now, price=order.modify_price, number=order.modify_number)
    return True


def _ask_to_cancel(account: MemoryAccount, order: MemoryOrder, now: datetime) -> bool:
    if order.is_cancel_sent or order.cancel_requested_at is None or not order.may_still_fill:
        return False
    order.is_cancel_sent = True
    _ask(account, order, RequestKind.CANCEL, now)
    return True


def _ask(account: MemoryAccount, order: MemoryOrder, kind: RequestKind, now: datetime, **asked: Any) -> None:
    at = now + account.terms.latency
    account.exchange.add_request(Request(order.pk, kind, order.tag, order.instrument_id, at, **asked))


def book_trades(account: MemoryAccount, now: datetime) -> bool:
    """Book what traded, then take what the exchange reports: a report never overtakes its fills."""
    trades, account.exchange.trades = account.exchange.trades, []
    changed, account.exchange.changed = account.exchange.changed, {}
    account.exchange.done.clear()
    for fill in trades:
        _book(account, account.by_tag[fill.tag], fill, now)
    for standing in changed.values():
        _take_report(account, account.by_tag[standing.order.tag], standing, now)
    return bool(trades or changed)


def _book(account: MemoryAccount, order: MemoryOrder, fill: PaperFill, now: datetime) -> None:
    trade = MemoryTrade(
        sequence=account.holdings.booked + 1,
        portfolio_id=order.portfolio_id,
        instrument=order.instrument,
        instrument_id=order.instrument_id,
        exchange=order.instrument.exchange,
        day=day_of(fill.at),
        product=order.product,
        trade_id=fill.trade_id,
        broker_order_id=f"P{order.tag}",
        signed_quantity=fill.signed_quantity,
        price=fill.price,
        traded_at=fill.at,
    )
    account.holdings.book_trade(trade)
    account.fills.append(MemoryFill(order, trade, fill.at, fill.signed_quantity, fill.price))
    progress.count_fill(order, fill.signed_quantity, fill.price)
    _notify_of_fill(account, order, trade, now)
    if proven := progress.proven_by_trades(order):
        account.move_order(order, *proven, now)


def _notify_of_fill(account: MemoryAccount, order: MemoryOrder, trade: MemoryTrade, now: datetime) -> None:
    signal = order.signal
    if signal.plan is not None:
        signal.plan.look_at = now
    account.notify(
        signal,
        "closed_by_hand" if signal.plan is not None and not signal.ordinal else "fill",
        signed_quantity=trade.signed_quantity,
        price=str(trade.price),
        at=trade.traded_at.isoformat(),
        stop=None if signal.stop is None else str(signal.stop),
        target=None if signal.target is None else str(signal.target),
    )


def _take_report(account: MemoryAccount, order: MemoryOrder, standing: Standing, now: datetime) -> None:
    reported = standing.order
    new, filled = OrderState(reported.state), reported.filled
    if progress.awaits_trades(order, new, filled):
        progress.keep_end(order, new, filled, order.out_quantity, now)
    elif progress.is_news(order, new):
        account.move_order(order, new, reported.words, now)
    order.working_price = reported.limit if reported.limit is not None else order.working_price
    if standing.modify_number and standing.modify_number == order.modify_number and order.modify_pending:
        order.modify_pending = False
        order.modifies_refused += bool(standing.modify_refusal)


def _at_exchange(order: MemoryOrder, arrives_at: datetime) -> PaperOrder:
    return PaperOrder(
        tag=order.tag,
        signed_quantity=order.signed_quantity,
        order_type=order.order_type,
        arrives_at=arrives_at,
        price=order.price,
        trigger_price=order.trigger_price,
        validity=order.validity,
        market_protection=order.market_protection,
    )
