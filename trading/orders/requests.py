"""What a person or a script may do with orders: place one through the gate, and cancel one."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet

from alphapanda.core.clock import market_now
from alphapanda.core.ids import new_id
from alphapanda.core.journal.services import record_event
from instruments.domain.order_terms import Validity
from instruments.models import Instrument
from market.board import read_quotes
from portfolio.models import Account
from trading import wakeups
from trading.errors import NotAllowed, insist_on_rehearsal
from trading.models import Order, RiskLimit, Signal
from trading.orders.strangers import cancel_strangers
from trading.orders.transitions import record_order


def place_manual(
    account: Account,
    instrument: Instrument,
    side: str,
    quantity: int,
    order_type: str,
    product: str,
    *,
    by: str,
    price: Decimal | None = None,
    trigger_price: Decimal | None = None,
    validity: str = Validity.DAY,
    key: str | None = None,
) -> Signal:
    """Ask the gate for an order by hand. The answer is the signal's: ordered, or denied with codes and numbers.

    ``key`` makes asking twice the same as asking once. Raises NotAllowed for an account that cannot trade here.
    """
    insist_on_trading(account)
    quoted = {
        "side": side,
        "quantity": quantity,
        "order_type": order_type,
        "product": product,
        "validity": validity,
        "price": price,
        "trigger_price": trigger_price,
    }
    return _ask_gate(account, instrument, f"manual:{by}:{key or new_id()}", quoted, by)


def insist_on_trading(account: Account) -> None:
    """Raise NotAllowed for an account that cannot trade here."""
    insist_on_rehearsal(account)
    if not account.is_active:
        raise NotAllowed(f"{account} is closed")


def tradable_accounts() -> QuerySet[Account]:
    """Return the accounts an order by hand may be for: paper ones, and in practice live ones that have limits."""
    paper = Q(mode=Account.Mode.PAPER)
    limited = Q(pk__in=RiskLimit.objects.filter(deployment__isnull=True).values("account"))
    return Account.objects.active().filter(paper if settings.KIND == "live" else paper | limited)


@transaction.atomic
def _ask_gate(account: Account, instrument: Instrument, key: str, quoted: dict[str, Any], by: str) -> Signal:
    now = market_now()
    signal, is_new = Signal.objects.get_or_create(
        key=key,
        defaults={
            **quoted,
            **quote_seen(instrument, now),
            "account": account,
            "instrument": instrument,
            "kind": Signal.Kind.MANUAL,
            "reason": f"placed by {by}",
            "market_time": now,
            "send_by": now + settings.SIGNAL_LIFE,
            "asked_by": by,
        },
    )
    if is_new:
        payload = {"signal": str(signal), "by": by}
        record_event("signal.new", key=str(signal.pk), account_id=account.pk, correlation=signal.pk, payload=payload)
        wakeups.wake_stage_after_commit(wakeups.ASSESS, account.pk, "risk")
    return signal


def quote_seen(instrument: Instrument, now: datetime) -> dict[str, Any]:
    """Return the quote the order is judged by; nothing where there is none: unknown is not a price."""
    quote = read_quotes([instrument], now).get(instrument.pk)
    if quote is None:
        return {}
    return {"reference_price": quote.last_price, "bid": quote.bid, "ask": quote.ask, "quote_at": quote.exchange_time}


def request_cancellation(order: Order, asked_by: str) -> None:
    """Ask for an order's cancellation; it is cancelled when its broker says so. Raises NotAllowed if it has ended."""
    is_new = ask_cancellation(order, asked_by, market_now())
    order.refresh_from_db()
    if not is_new and not order.may_still_fill:
        raise NotAllowed(f"it is {order.state.replace('_', ' ')} already")


@transaction.atomic
def ask_cancellation(order: Order, asked_by: str, now: datetime) -> bool:
    """Keep that an order is to be cancelled, if it may be; ``now`` is market time. Returns whether this is new."""
    asked = Order.objects.cancellable().filter(pk=order.pk)
    is_new = asked.update(cancel_requested_at=now, cancel_requested_by=asked_by) > 0
    if is_new:
        record_order(order, "order.cancel_requested", {"by": asked_by})
    wakeups.wake_execution(order.account, is_exit=True)
    return is_new


@transaction.atomic
def request_modification(order: Order, price: Decimal, asked_by: str) -> bool:
    """Ask that a working exit change its limit price; never its quantity. False: it may not be changed now.

    The request is kept before the broker hears of it, and one is out at a time: the answer comes with a report.
    """
    asked = Order.objects.modifiable().filter(pk=order.pk, is_exit=True)
    is_new = asked.update(
        modify_number=F("modify_number") + 1, modify_price=price, modify_pending=True, modify_sent_at=None
    )
    if is_new:
        before = order.working_price if order.working_price is not None else order.price
        payload = {"by": asked_by, "price": str(price), "from": str(before) if before is not None else None}
        record_order(order, "order.modify_requested", payload)
        wakeups.wake_execution(order.account, is_exit=True)
    return is_new > 0


def cancel_all(account: Account | None, asked_by: str) -> int:
    """Ask for the cancellation of every order that may still fill, ours and strangers'. Returns how many were asked."""
    orders = Order.objects.cancellable().select_related("account")
    chosen = orders.filter(account=account) if account else orders
    # One that ended since it was read is no reason to leave the others.
    ours = sum(ask_cancellation(order, asked_by, market_now()) for order in chosen)
    return ours + cancel_strangers(account, asked_by)
