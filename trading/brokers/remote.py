"""A broker on the network, as the rest of the product sees one: requests go out once, and its books come back as rows.

What it says is read by ``trading.brokers.reading``; this class hands out what of it is not part of our books yet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import TypeVar

from django.db.models import QuerySet

from alphapanda.core.journal.services import give_up
from portfolio.models import Account
from trading.brokers.standing import note_refusal
from trading.models import SeenOrder, SeenTrade
from trading.orders.broker_port import BrokerConnection, BrokerError, BrokerOrder, BrokerTrade, OrderTicket

MOST_ATTEMPTS = 3
Answer = TypeVar("Answer")


class RemoteBroker:
    """Implements ``trading.orders.broker_port.Broker``. Connected when first needed: most drains ask nothing."""

    def __init__(self, account: Account, connect: Callable[[str], BrokerConnection]) -> None:
        self.account, self._connect = account, connect

    def place_order(self, ticket: OrderTicket) -> str:
        return self.ask(lambda connection: connection.place_order(ticket))

    def request_cancel(self, ticket: OrderTicket) -> None:
        self.ask(lambda connection: connection.request_cancel(ticket))

    def request_cancel_of(self, broker_order_id: str, variety: str) -> None:
        self.ask(lambda connection: connection.request_cancel_of(broker_order_id, variety))

    def request_modify(self, ticket: OrderTicket, number: int, price: Decimal) -> None:
        self.ask(lambda connection: connection.request_modify(ticket, price))

    def ask(self, request: Callable[[BrokerConnection], Answer]) -> Answer:
        """Ask the broker, outside any transaction; a refusal all others would meet too stops the account."""
        try:
            return request(self._connect(self.account.name))
        except BrokerError as error:
            note_refusal(self.account, error)
            raise

    def changed_orders(self) -> Iterable[BrokerOrder]:
        seen = SeenOrder.objects.filter(account=self.account, is_taken=False).exclude(tag="").order_by("id")
        for row in seen:
            yield BrokerOrder(
                tag=row.tag,
                broker_order_id=row.broker_order_id,
                status=row.state,
                filled_quantity=row.filled_quantity,
                message=row.words or row.broker_status.lower(),
                changed_at=row.seen_at,
                working_price=row.price,
            )

    def note_report_taken(self, order: BrokerOrder) -> None:
        """Forget the report, unless the order has been seen otherwise since."""
        SeenOrder.objects.filter(
            account=self.account,
            broker_order_id=order.broker_order_id,
            seen_at=order.changed_at,  # type: ignore[misc]  # every row seen says when
        ).update(is_taken=True)

    def new_trades(self) -> Iterable[BrokerTrade]:
        for row in SeenTrade.objects.filter(account=self.account, is_booked=False).exclude(tag=""):
            yield as_trade(row)

    def note_trade_booked(self, trade: BrokerTrade) -> None:
        self._rows_of(trade).update(is_booked=True)

    def note_trade_not_booked(self, trade: BrokerTrade, error: str) -> None:
        for row in self._rows_of(trade):
            row.attempts += 1
            row.save(update_fields=["attempts"])
            if row.attempts >= MOST_ATTEMPTS:
                payload = {"trade": trade.trade_id, "tag": trade.tag}
                give_up("book_trades", str(self.account.pk), str(row.pk), row.attempts, error, payload)

    def _rows_of(self, trade: BrokerTrade) -> QuerySet[SeenTrade]:
        return SeenTrade.objects.filter(
            account=self.account,
            trade_id=trade.trade_id,
            broker_order_id=trade.broker_order_id,
            traded_at=trade.traded_at,
        )


def as_trade(row: SeenTrade) -> BrokerTrade:
    return BrokerTrade(
        tag=row.tag,
        trade_id=row.trade_id,
        broker_order_id=row.broker_order_id,
        signed_quantity=row.signed_quantity,
        price=row.price,
        traded_at=row.traded_at,
    )
