"""Orders at Zerodha: requests that are sent once, and books read whole or not at all."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeVar

from trading.brokers.zerodha import mapping
from trading.brokers.zerodha.client import KiteClient, KiteError
from trading.orders.broker_port import (
    BrokerConnection,
    BrokerError,
    BrokerOrderRow,
    BrokerPositionRow,
    BrokerTradeRow,
    BrokerUnreachable,
    OrderTicket,
)

Record = TypeVar("Record")
REGULAR = "regular"


class ZerodhaOrders(BrokerConnection):
    """One account's orders at Zerodha. Not to be called inside a transaction."""

    def __init__(self, client: KiteClient) -> None:
        self.client = client

    def place_order(self, ticket: OrderTicket) -> str:
        """Send an order once. Raises OrderRefused by proof, BrokerUnreachable for all else."""
        return self._write("order.place", "POST", {"variety": REGULAR}, mapping.place_params(ticket))

    def request_cancel(self, ticket: OrderTicket) -> None:
        """Ask for a cancellation; accepted is not yet cancelled."""
        self.request_cancel_of(ticket.broker_order_id, REGULAR)

    def request_cancel_of(self, broker_order_id: str, variety: str) -> None:
        self._write("order.cancel", "DELETE", {"variety": variety, "order_id": broker_order_id}, None)

    def request_modify(self, ticket: OrderTicket, price: Decimal) -> None:
        """Ask for another price; accepted is not yet changed."""
        args = {"variety": REGULAR, "order_id": ticket.broker_order_id}
        self._write("order.modify", "PUT", args, mapping.modify_params(ticket, price))

    def orders(self) -> list[BrokerOrderRow]:
        return self._book("orders", mapping.order_report)

    def trades(self) -> list[BrokerTradeRow]:
        return self._book("trades", mapping.trade_row)

    def positions(self) -> list[BrokerPositionRow]:
        return self._book("portfolio.positions", mapping.position_row, lambda data: data["net"])

    def holdings(self) -> list[BrokerPositionRow]:
        return self._book("portfolio.holdings", mapping.holding_row)

    def _write(self, route: str, method: str, args: dict[str, str], params: dict[str, str] | None) -> str:
        try:
            data = self.client._request(route, method, url_args=args, params=params)
        except KiteError as error:
            raise mapping.error_for(error.reply) from error
        order_id = data.get("order_id") if isinstance(data, dict) else None
        if not order_id:
            raise BrokerUnreachable("Kite's answer names no order", "DataException")
        return str(order_id)

    def _book(
        self, route: str, as_record: Callable[[mapping.Row], Record], rows_in: Callable[[Any], Any] = lambda data: data
    ) -> list[Record]:
        """Read a whole book; an answer that is no list, or one row that cannot be read, makes the read fail."""
        try:
            rows = rows_in(self.client._request(route, "GET"))
            if not isinstance(rows, list):
                raise TypeError(f"a list was expected, not {type(rows).__name__}")
            return [as_record(row) for row in rows]
        except KiteError as error:
            raise mapping.read_error_for(error.reply) from error
        except (KeyError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
            raise _unreadable(error) from error


def _unreadable(error: Exception) -> BrokerError:
    return BrokerUnreachable(f"Kite's book cannot be read: {type(error).__name__} {error}", "DataException")
