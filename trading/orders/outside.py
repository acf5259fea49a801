"""Book trades of an account that no order of ours made: its owner's in Kite, and the broker's own squaring off.

They are facts like any other: booked once, charged, counted in exposure and never fought. A trade waits while an order
of ours that was not answered could be its own.
"""

from __future__ import annotations

from uuid import UUID

import structlog
from django.db import transaction

from alphapanda.core.figures import signed_whole
from alphapanda.core.journal.services import record_event
from alphapanda.core.telemetry import metrics
from alphapanda.core.telemetry.crashpoints import crashpoint
from instruments.domain.order_terms import Product
from instruments.models import Instrument
from portfolio.booking import TradeReport, book_parts, ensure_portfolio
from portfolio.models import Account, Position, Trade
from trading.brokers.remote import RemoteBroker, as_trade
from trading.errors import NOBODYS_FAULT
from trading.models import ExitPlan, Order, Run, SeenOrder, SeenTrade
from trading.orders.allocation import OpenHolding, allocate
from trading.orders.life_cycle import OrderState
from trading.orders.transitions import wake_exit, write_run_input
from trading.orders.watching import ensure_watched

log = structlog.get_logger()


def book_outside_trades(account: Account, broker: RemoteBroker) -> int:
    """Book what may be booked and return how many trades that were; not to be called inside a transaction.

    One that cannot be booked keeps no other from it. What is not booked shows as a difference of the books.
    """
    booked = 0
    # What was traded before the account was opened here is part of what it opened with.
    waiting = SeenTrade.objects.filter(account=account, tag="", is_booked=False, traded_at__gte=account.opened_at)
    for row in waiting:
        try:
            booked += _book_if_known(account, row)
            crashpoint("outside.after_commit")
        except NOBODYS_FAULT:
            raise
        except Exception as error:
            log.exception("trade_not_booked", trade=row.trade_id)
            broker.note_trade_not_booked(as_trade(row), f"{type(error).__name__}: {error}")
    return booked


def _book_if_known(account: Account, row: SeenTrade) -> bool:
    instrument = Instrument.objects.by_keys([key := f"{row.exchange}:{row.tradingsymbol}"]).get(key)
    if instrument is None or row.product not in list(Product) or not _is_outside(account, row, instrument):
        return False
    trades = _book(account, row, instrument)
    if trades:
        ensure_watched(account, instrument)
    return bool(trades)


def _is_outside(account: Account, row: SeenTrade, instrument: Instrument) -> bool:
    """Whether its order's row shows that it is not ours, and no order that was not answered could be it."""
    if not SeenOrder.objects.filter(account=account, broker_order_id=row.broker_order_id, tag="").exists():
        return False
    silent = Order.objects.filter(
        account=account, state=OrderState.UNCONFIRMED, instrument=instrument, product=row.product
    )
    return not silent.filter(side="BUY" if row.signed_quantity > 0 else "SELL").exists()


@transaction.atomic
def _book(account: Account, row: SeenTrade, instrument: Instrument) -> list[Trade]:
    Account.objects.locked(account.pk)
    hand = ensure_portfolio(account).pk
    holdings = _holdings(account, instrument, row.product)
    parts = allocate(row.signed_quantity, holdings, hand)
    if row.product == Product.CNC and _sells_what_is_not_here(holdings, dict(parts), hand):
        return []
    if not SeenTrade.objects.filter(pk=row.pk, is_booked=False, tag="").update(is_booked=True):
        return []
    trades = book_parts(_report(row, instrument), parts)
    crashpoint("outside.before_commit")
    for trade in trades:
        _notify_run(trade, instrument)
    _record(account, row, instrument, trades)
    transaction.on_commit(lambda: metrics.FILLS.labels(account.mode).inc())
    return trades


def _holdings(account: Account, instrument: Instrument, product: str) -> list[OpenHolding]:
    which = {"instrument": instrument, "product": product}
    out = Order.objects.may_fill_yet().filter(account=account, **which)
    sides = {(order.portfolio_id, order.signed_out > 0) for order in out if order.signed_out}
    positions = Position.objects.open().of_account(account.pk).filter(**which)
    return [
        OpenHolding(
            position.portfolio_id,
            position.quantity,
            position.opened_at or account.opened_at,
            (position.portfolio_id, position.quantity < 0) in sides,
        )
        for position in positions
    ]


def _sells_what_is_not_here(holdings: list[OpenHolding], moved: dict[UUID, int], hand: UUID) -> bool:
    """Delivery is never sold short: these are shares that our books were never told of, and stay a difference."""
    held = next((one.held for one in holdings if one.portfolio == hand), 0)
    return moved.get(hand, 0) < 0 and held + moved[hand] < 0


def _report(row: SeenTrade, instrument: Instrument) -> TradeReport:
    return TradeReport(
        account_id=row.account_id,
        portfolio_id=None,
        instrument_id=instrument.pk,
        exchange=row.exchange,
        day=row.day,
        trade_id=row.trade_id,
        broker_order_id=row.broker_order_id,
        order_tag="",
        product=row.product,
        signed_quantity=row.signed_quantity,
        price=row.price,
        traded_at=row.traded_at,
    )


def _notify_run(trade: Trade, instrument: Instrument) -> None:
    """Let the run hear what was closed of its holding, and its exit be cut down to what is left."""
    run = Run.objects.filter(deployment=trade.portfolio.deployment_id, ended_at__isnull=True).first()
    if run is not None:
        write_run_input(
            run.pk,
            "closed_by_hand",
            str(trade.pk),
            instrument.key,
            None,
            signed_quantity=trade.signed_quantity,
            price=str(trade.price),
            at=trade.traded_at.isoformat(),
        )
    for plan in ExitPlan.objects.of_holding(trade.portfolio_id, instrument.pk, trade.product):
        wake_exit(plan.pk, trade.account_id)


def _record(account: Account, row: SeenTrade, instrument: Instrument, trades: list[Trade]) -> None:
    moved = [f"{trade.portfolio} {signed_whole(trade.signed_quantity)}" for trade in trades]
    payload = {"signed_quantity": row.signed_quantity, "price": str(row.price), "product": row.product, "moved": moved}
    record_event("trade.outside", key=instrument.key, account_id=account.pk, payload=payload)
