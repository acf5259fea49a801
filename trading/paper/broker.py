"""The paper exchange as a broker: requests are rows in our own database, keyed by the order's tag.

Asking twice for one tag is one request, so an unconfirmed paper order is simply asked again: it cannot be doubled.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.conf import settings

from alphapanda.core.clock import market_now
from alphapanda.core.journal.services import give_up
from portfolio.models import Account
from trading.models import PaperOrder, PaperRequest, PaperTrade
from trading.orders.broker_port import BrokerOrder, BrokerTrade, OrderTicket
from trading.paper.orders import restore_order

MOST_ATTEMPTS = 3


class PaperBroker:
    """Implements ``trading.orders.broker_port.RepeatingBroker`` over the paper exchange's requests and reports."""

    def __init__(self, account: Account) -> None:
        if account.mode != "paper":
            raise ValueError(f"{account} is not a paper account")
        self.account = account

    def place_order(self, ticket: OrderTicket) -> str:
        """Put the order on its way; it arrives at the signal's time and the latency. Returns the broker's id."""
        PaperRequest.objects.get_or_create(
            tag=ticket.tag,
            kind=PaperRequest.Kind.PLACE,
            defaults={
                "account": self.account,
                "instrument_id": instrument_of(ticket),
                "ticket": paper_ticket(ticket),
                "arrives_at": ticket.market_time + settings.PAPER_LATENCY,
            },
        )
        return order_id_of(ticket.tag)

    def has_request(self, ticket: OrderTicket) -> bool:
        return PaperRequest.objects.filter(tag=ticket.tag, kind=PaperRequest.Kind.PLACE).exists()

    def request_cancel(self, ticket: OrderTicket) -> None:
        PaperRequest.objects.get_or_create(
            tag=ticket.tag,
            kind=PaperRequest.Kind.CANCEL,
            defaults={
                "account": self.account,
                "instrument_id": instrument_of(ticket),
                "arrives_at": market_now() + settings.PAPER_LATENCY,
            },
        )

    def request_modify(self, ticket: OrderTicket, number: int, price: Decimal) -> None:
        PaperRequest.objects.get_or_create(
            tag=ticket.tag,
            kind=PaperRequest.Kind.MODIFY,
            number=number,
            defaults={
                "account": self.account,
                "instrument_id": instrument_of(ticket),
                "ticket": {"price": str(price)},
                "arrives_at": market_now() + settings.PAPER_LATENCY,
            },
        )

    def changed_orders(self) -> list[BrokerOrder]:
        """Return the orders whose last change has not been taken yet."""
        rows = PaperOrder.objects.filter(account=self.account, is_reported=False).order_by("id")
        return [
            BrokerOrder(
                tag=row.tag,
                broker_order_id=row.broker_order_id,
                status=row.status,
                filled_quantity=row.filled_quantity,
                message=row.message,
                changed_at=row.changed_at,
                working_price=restore_order(row.matching).limit,
                modify_number=row.modify_number,
                modify_refusal=row.modify_refusal,
            )
            for row in rows
        ]

    def note_report_taken(self, order: BrokerOrder) -> None:
        """Forget the report, unless the order has changed since it was read."""
        PaperOrder.objects.filter(
            tag=order.tag,
            status=order.status,
            filled_quantity=order.filled_quantity,
            modify_number=order.modify_number,
            changed_at=order.changed_at,  # type: ignore[misc]  # the paper exchange always says when
        ).update(is_reported=True)

    def new_trades(self) -> Iterable[BrokerTrade]:
        """Return trades not booked yet, oldest first."""
        rows = PaperTrade.objects.filter(account=self.account, is_booked=False).order_by("id")
        return [
            BrokerTrade(
                tag=row.tag,
                trade_id=row.trade_id,
                broker_order_id=order_id_of(row.tag),
                signed_quantity=row.signed_quantity,
                price=row.price,
                traded_at=row.traded_at,
            )
            for row in rows
        ]

    def note_trade_booked(self, trade: BrokerTrade) -> None:
        PaperTrade.objects.filter(account=self.account, trade_id=trade.trade_id).update(is_booked=True)

    def note_trade_not_booked(self, trade: BrokerTrade, error: str) -> None:
        row = PaperTrade.objects.get(account=self.account, trade_id=trade.trade_id)
        row.attempts += 1
        row.save(update_fields=["attempts"])
        if row.attempts >= MOST_ATTEMPTS:
            payload = {"trade": trade.trade_id, "tag": trade.tag}
            give_up("book_trades", str(self.account.pk), str(row.pk), row.attempts, error, payload)


def instrument_of(ticket: OrderTicket) -> UUID:
    if ticket.instrument_id is None:
        raise ValueError(f"{ticket.instrument} is not one of our instruments")
    return ticket.instrument_id


def order_id_of(tag: str) -> str:
    return f"P{tag}"


def paper_ticket(ticket: OrderTicket) -> dict[str, Any]:
    """Return the ticket as JSON; matching reads it when the request arrives."""
    return {
        "instrument": ticket.instrument,
        "signed_quantity": ticket.signed_quantity,
        "order_type": ticket.order_type,
        "price": _text(ticket.price),
        "trigger_price": _text(ticket.trigger_price),
        "validity": ticket.validity,
        "product": ticket.product,
        "market_protection": _text(ticket.market_protection),
    }


def _text(number: Decimal | None) -> str | None:
    return None if number is None else str(number)
