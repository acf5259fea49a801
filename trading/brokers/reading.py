"""Read a broker's books of the day whole, and keep every row as it was seen: tomorrow they are gone.

Orders are read after trades, so that a trade's order is always among them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from alphapanda.core.clock import market_now
from alphapanda.core.clock.market_time import wall_now
from alphapanda.core.telemetry.crashpoints import crashpoint
from alphapanda.core.timezone import day_of
from portfolio.models import Account
from trading.brokers import standing
from trading.brokers.remote import RemoteBroker
from trading.models import BookReading, Order, SeenOrder, SeenTrade
from trading.orders.broker_port import BrokerConnection, BrokerOrderRow, BrokerPositionRow, BrokerTradeRow
from trading.orders.life_cycle import BrokerState

# What a tag of ours looks like (trading.risk.judging.tag_of): one that no order here has is another installation's.
OUR_TAG = re.compile(r"AP[A-Z2-7]{14}")
_CHANGING = (
    "state",
    "broker_status",
    "is_changing",
    "filled_quantity",
    "price",
    "average_price",
    "words",
    "updated_at",
    "tag",
)


@dataclass(frozen=True, slots=True)
class Books:
    """One reading. ``positions`` are None unless asked for, or unless orders changed while they were read."""

    began_at: datetime
    market_time: datetime
    trades: Sequence[BrokerTradeRow]
    orders: Sequence[BrokerOrderRow]
    positions: Sequence[BrokerPositionRow] | None = None


def read_books(broker: RemoteBroker, *, with_positions: bool = False) -> tuple[BookReading, Books]:
    """Read and keep the books. Not to be called inside a transaction. Raises BrokerError: then nothing is known."""
    books = broker.ask(lambda connection: _read(connection, with_positions))
    crashpoint("books.after_reading")
    return _keep(broker.account, books), books


def _read(connection: BrokerConnection, with_positions: bool) -> Books:
    began_at, market_time = wall_now(), market_now()
    trades, orders = connection.trades(), connection.orders()
    if not with_positions:
        return Books(began_at, market_time, trades, orders)
    positions = [*connection.positions(), *connection.holdings()]
    is_quiet = (connection.trades(), connection.orders()) == (trades, orders)
    return Books(began_at, market_time, trades, orders, positions if is_quiet else None)


@transaction.atomic
def _keep(account: Account, books: Books) -> BookReading:
    tags = _our_tags(account, books.orders)
    _keep_orders(account, books, tags)
    _keep_trades(account, books, tags)
    return BookReading.objects.create(
        account=account,
        began_at=books.began_at,
        market_time=books.market_time,
        newest_placed_at=max((row.placed_at for row in books.orders if row.placed_at), default=None),
        orders=len(books.orders),
        trades=len(books.trades),
        is_compared=books.positions is not None,
    )


def _our_tags(account: Account, rows: Sequence[BrokerOrderRow]) -> dict[str, str]:
    """Return by broker order id the tag of the order of ours it is; what only looks like ours stops new risk."""
    tagged = {tag for row in rows for tag in row.tags if OUR_TAG.fullmatch(tag)}
    of_account = Order.objects.filter(account=account).select_related("instrument")
    known = {order.tag: order for order in of_account.filter(tag__in=tagged)}
    by_id = {order.broker_order_id: order for order in of_account.filter(broker_order_id__in=_ids(rows))}
    ours: dict[str, str] = {}
    for row in rows:
        order = by_id.get(row.broker_order_id) or next((known[tag] for tag in row.tags if tag in known), None)
        if order is None:
            continue
        if problem := _unlike(order, row):
            _stop_for(account, f"order {row.broker_order_id} carries our tag {order.tag}, but {problem}")
        elif order.tag in ours.values():
            _stop_for(account, f"two orders at the broker carry the tag {order.tag}; {row.broker_order_id} is one")
        else:
            ours[row.broker_order_id] = order.tag
    if foreign := sorted(tagged - known.keys()):
        _stop_for(account, f"orders of another installation are on this account: {', '.join(foreign[:3])}")
    return ours


def _ids(rows: Iterable[BrokerOrderRow]) -> list[str]:
    return [row.broker_order_id for row in rows]


def _unlike(order: Order, row: BrokerOrderRow) -> str:
    """Say in what a broker's row is not the order its tag names; empty if it is."""
    if (order.instrument.exchange, order.instrument.tradingsymbol) != (row.exchange, row.tradingsymbol):
        return f"is of {row.exchange}:{row.tradingsymbol}"
    if order.signed_quantity != row.signed_quantity:
        return f"is of {row.signed_quantity}, not {order.signed_quantity}"
    return ""


def _stop_for(account: Account, words: str) -> None:
    standing.restrict(account, BrokerState.EXITS_ONLY, "tag", words)


def _keep_orders(account: Account, books: Books, tags: Mapping[str, str]) -> None:
    mine = SeenOrder.objects.select_for_update(no_key=True).filter(account=account)
    known = {row.broker_order_id: row for row in mine.filter(broker_order_id__in=_ids(books.orders))}
    for row in books.orders:
        fresh = _seen_order(account, row, tags.get(row.broker_order_id, ""), books.began_at)
        before = known.get(row.broker_order_id)
        if before is None:
            fresh.save(force_insert=True)
        elif before.seen_at <= books.began_at and any(
            getattr(before, name) != getattr(fresh, name) for name in _CHANGING
        ):
            fresh.pk = before.pk
            fresh.save(force_update=True, update_fields=[*_CHANGING, "seen_at", "is_taken"])


def _seen_order(account: Account, row: BrokerOrderRow, tag: str, seen_at: datetime) -> SeenOrder:
    return SeenOrder(
        account=account,
        broker_order_id=row.broker_order_id,
        tag=tag,
        exchange=row.exchange,
        tradingsymbol=row.tradingsymbol,
        product=row.product,
        signed_quantity=row.signed_quantity,
        state=row.state,
        broker_status=row.broker_status[:64],
        is_changing=row.is_changing,
        filled_quantity=row.filled_quantity,
        price=row.price,
        average_price=row.average_price,
        words=row.words[:300],
        placed_at=row.placed_at,
        updated_at=row.updated_at,
        variety=row.variety,
        seen_at=seen_at,
    )


def _keep_trades(account: Account, books: Books, tags: Mapping[str, str]) -> None:
    """A trade names its order and not our tag; seen once, it stays as it was: a changed fact is never taken over."""
    rows = [
        SeenTrade(
            account=account,
            day=day_of(row.traded_at),
            exchange=row.exchange,
            trade_id=row.trade_id,
            broker_order_id=row.broker_order_id,
            tag=tags.get(row.broker_order_id, ""),
            tradingsymbol=row.tradingsymbol,
            product=row.product,
            signed_quantity=row.signed_quantity,
            price=row.price,
            traded_at=row.traded_at,
            seen_at=books.began_at,
        )
        for row in books.trades
    ]
    SeenTrade.objects.bulk_create(rows, ignore_conflicts=True)
    # A book that lagged may have shown a trade before its order.
    nameless = SeenTrade.objects.filter(account=account, tag="", broker_order_id__in=tags)
    for trade in nameless:
        SeenTrade.objects.filter(pk=trade.pk).update(tag=tags[trade.broker_order_id])
