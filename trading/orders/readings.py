"""When a broker's books are read, and what a reading proves beside states and trades."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.db.models import Exists, OuterRef

from alphapanda.core.clock import market_now
from alphapanda.core.clock.market_time import wall_now
from portfolio.models import Account
from trading import wakeups
from trading.brokers.choice import broker_for
from trading.brokers.reading import Books, read_books
from trading.brokers.remote import RemoteBroker
from trading.errors import is_real_money
from trading.models import BookReading, BrokerSession, Order, OrderTransition, SeenOrder, SeenTrade
from trading.orders.breaker import watch_pace
from trading.orders.broker_port import BrokerError
from trading.orders.fills import book_trades, note_modify_answer
from trading.orders.life_cycle import AT_THE_EXCHANGE, OrderState
from trading.orders.outside import book_outside_trades
from trading.orders.proof import next_look, proves_absence
from trading.orders.reconciliation import reconcile
from trading.orders.transitions import move_order

log = structlog.get_logger()
ACTOR = "the broker's books"
# Hints of changes can be lost (TradeStation #95 dropped them while its heartbeats went on): what is out is looked for.
WHILE_OUT, OTHERWISE = timedelta(seconds=5), timedelta(seconds=30)
# A request that was taken and does not show in the book after so long came to nothing at the exchange.
SHOWS_AFTER = timedelta(seconds=4)


def reading_due(account: Account, now: datetime) -> bool:
    """Whether an account's books are to be read; ``now`` is wall time."""
    last = BookReading.objects.filter(account=account).order_by("-began_at").values_list("began_at", flat=True).first()
    if last is None:
        return True
    unanswered = Order.objects.filter(account=account, state=OrderState.UNCONFIRMED, claimed_at__isnull=False)
    looks = [next_look(order.claimed_at, last) for order in unanswered if order.claimed_at]
    is_out = Order.objects.may_fill_yet().filter(account=account).exclude(state=OrderState.UNCONFIRMED).exists()
    return now >= min([*looks, last + (WHILE_OUT if is_out else OTHERWISE)])


def wake_for_readings(now: datetime) -> int:
    """Wake the broker worker of every account whose books are due; an account nobody logged in to has none to read."""
    accounts = Account.objects.active().filter(mode=Account.Mode.LIVE, session__state=BrokerSession.State.LIVE)
    due = [account for account in accounts if not is_real_money(account) and reading_due(account, now)]
    for account in due:
        wakeups.wake_stage(wakeups.BOOK, account.pk, wakeups.books_queue(account))
    return len(due)


def read_and_book(account_id: UUID | str) -> None:
    """Drain one account: read what its broker says, if that is on the network, and make it part of our books.

    Not to be called inside a transaction. Books that cannot be read leave all as it was: the next reading tells.
    """
    account = Account.objects.get(pk=account_id)
    if is_real_money(account):
        return  # the ticker said that something changed there, and nothing of it is ours
    broker = broker_for(account)
    found = _read(account, broker) if isinstance(broker, RemoteBroker) else None
    book_trades(account_id)
    if isinstance(broker, RemoteBroker):
        book_outside_trades(account, broker)
    if found is not None:
        reading, books = found
        take_reading(account, reading)
        if books.positions is not None:
            reconcile(account, books.positions, books.market_time)
        if words := watch_pace(account, market_now()):
            log.error("runaway", account=account.name, words=words)


def _read(account: Account, broker: RemoteBroker) -> tuple[BookReading, Books] | None:
    try:
        return read_books(broker, with_positions=_comparison_due(account))
    except BrokerError as error:
        log.warning("books_not_read", account=account.name, error=repr(error))
        return None


def _comparison_due(account: Account) -> bool:
    """Positions are compared every half a minute, and once more whenever something has traded."""
    compared = BookReading.objects.filter(account=account, is_compared=True).order_by("-began_at").first()
    if compared is None or wall_now() - compared.began_at >= OTHERWISE:
        return True
    return SeenTrade.objects.filter(account=account, seen_at__gt=compared.began_at).exists()


def take_reading(account: Account, reading: BookReading) -> None:
    """Draw what follows from a reading that is kept: answers to changes, and proof of what never came."""
    answer_modifications(account, reading)
    repeat_cancellations(account, reading)
    conclude_absent(account)


def answer_modifications(account: Account, reading: BookReading) -> None:
    """A change of price is done when the book shows it; shown otherwise for long, the exchange refused it."""
    asked = Order.objects.filter(account=account, modify_pending=True, modify_sent_at__lt=reading.began_at)
    seen = {row.tag: row for row in SeenOrder.objects.filter(account=account, tag__in=asked.values("tag"))}
    for order in asked.select_related("signal"):
        row = seen.get(order.tag)
        if row is None:
            continue
        if row.price == order.modify_price:
            note_modify_answer(order, order.modify_number, "")
        elif not row.is_changing and reading.began_at - _sent(order.modify_sent_at) >= SHOWS_AFTER:
            note_modify_answer(order, order.modify_number, row.words or f"the book still shows {row.price}")


def repeat_cancellations(account: Account, reading: BookReading) -> None:
    """Let a cancellation be asked again only where the book shows, a while later, that the order still rests."""
    resting = SeenOrder.objects.filter(
        account=account, tag=OuterRef("tag"), state__in=AT_THE_EXCHANGE, is_changing=False
    )
    asked = Order.objects.live().filter(account=account, cancel_sent_at__lt=reading.began_at - SHOWS_AFTER)
    asked.filter(Exists(resting)).update(cancel_sent_at=None)
    strangers = SeenOrder.objects.strangers(reading.market_time).filter(account=account, is_changing=False)
    strangers.filter(cancel_sent_at__lt=reading.began_at - SHOWS_AFTER).update(cancel_sent_at=None)


def _sent(at: datetime | None) -> datetime:
    if at is None:
        raise ValueError("a change that has not left us cannot be answered")
    return at


def conclude_absent(account: Account) -> int:
    """End orders that the books prove were never placed. Returns how many; what is not proven stays as it is."""
    silent = Order.objects.filter(account=account, state=OrderState.UNCONFIRMED, claimed_at__isnull=False)
    unseen = silent.exclude(Exists(SeenOrder.objects.filter(account=account, tag=OuterRef("tag"))))
    return sum(_conclude(order) for order in unseen.select_related("signal", "instrument"))


def _conclude(order: Order) -> bool:
    claimed_at = order.claimed_at
    asked = OrderTransition.objects.filter(order=order, after=OrderState.UNCONFIRMED).latest("id")
    if claimed_at is None:
        return False
    readings = BookReading.objects.filter(account_id=order.account_id, began_at__gt=claimed_at)
    if not proves_absence(claimed_at, asked.market_time, readings):
        return False
    reason = "its broker's books, read for two minutes, show later orders and never this one"
    return move_order(order, OrderState.NOT_PLACED, actor=ACTOR, reason=reason)


def last_reading_age(account_id: UUID) -> timedelta | None:
    """How long ago the books were last read whole, by the wall's clock; None: never."""
    readings = BookReading.objects.filter(account_id=account_id).order_by("-began_at")
    began_at = readings.values_list("began_at", flat=True).first()
    return None if began_at is None else wall_now() - began_at
