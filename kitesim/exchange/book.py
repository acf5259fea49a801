"""The exchange's floor: working orders, what happens to them as prices move, and the trades made."""

import time
from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import Any

from kitesim.exchange import board as b
from kitesim.exchange.board import Board, Rows
from kitesim.exchange.clock import MarketClock
from kitesim.exchange.matching import Executions, Matcher, is_triggered, protected_price
from kitesim.exchange.orders import Order, Trade
from kitesim.exchange.tickets import Ticket
from kitesim.state import Store

Tell = Callable[[str, dict[str, Any]], None]


class ExchangeBook:
    """All users' working orders of one trading day. ``tell`` hears (user, order row) whenever an order changes."""

    def __init__(self, clock: MarketClock, store: Store, tell: Tell) -> None:
        self._clock, self._store, self._tell = clock, store, tell
        self._matcher = Matcher()
        self.working: dict[str, Order] = {}
        self.trades: list[Trade] = []

    def open_day(self, day: str, board: Board, orders: Iterable[Order]) -> None:
        """Take up the orders still alive and the trades made so far today."""
        self._day, self.board, self._matcher = day, board, Matcher()
        self.trades = [Trade(**row) for row in self._store.trades_of(day)]
        self.working = {order.order_id: order for order in orders if not order.has_ended}

    def arrive(self, order: Order) -> None:
        """An order the broker let through reaches the exchange."""
        number = int(order.order_id[6:])
        order.exchange_order_id = order.exchange_order_id or f"1{order.order_id[2:6]}{number:011d}"
        if order.waits_for_trigger:
            self.announce(order, "TRIGGER PENDING")
        else:
            self._enter_book(order)

    def _enter_book(self, order: Order) -> None:
        """A market order becomes a protected limit; then it trades, rests, or (IOC) goes."""
        row = self.board.row_of[order.token]
        if order.order_type in ("MARKET", "SL-M"):
            order.price = protected_price(order, self.board, row)
            order.order_type = "LIMIT"
            order.tags.append("mktp" if order.protection == -1 else f"mktp:{order.protection:.2f}")
        order.gathered = not self._quoting(row)
        if not order.gathered:
            self._execute(order, self._matcher.arrive(self.board, row, order))
        if order.left and order.validity == "IOC":
            self.cancel_rest(order, "Unmatched IOC quantity cancelled.")
        elif order.left and order.status != "OPEN":
            self.announce(order, "OPEN")

    def _quoting(self, row: int) -> bool:
        """Before an instrument's first trade of the day its book only gathers."""
        return bool(self.board.words[row, b.OPEN])

    def on_tick(self, rows: Rows, second: int) -> None:
        """New prices: look at the orders resting on them, best price first, then oldest."""
        if not self.working:
            return
        self._matcher.refresh(rows)
        changed = set(rows.tolist())
        waiting = [order for order in self.working.values() if order.is_working]
        for order in sorted(waiting, key=_priority):
            row = self.board.row_of[order.token]
            if row in changed and self._quoting(row):
                self._look_at(order, row, second)

    def _look_at(self, order: Order, row: int, second: int) -> None:
        if order.waits_for_trigger:
            order.triggered = is_triggered(order, int(self.board.words[row, b.LAST]))
            if order.triggered:
                self._enter_book(order)
        elif order.gathered:
            self._enter_book(order)
        else:
            self._execute(order, self._matcher.look_again(self.board, row, order, second))
            self._expire(order, second)

    def _expire(self, order: Order, second: int) -> None:
        expires = order.placed_at + order.validity_ttl * 60
        if order.validity == "TTL" and order.left and second >= expires:
            self.cancel_rest(order, "Order validity has expired.")

    def _execute(self, order: Order, executions: Executions) -> None:
        if not executions:
            return
        with self._store.together():
            for price, quantity in executions:
                order.filled += quantity
                order.turnover += price * quantity
                self._book_trade(order, price, quantity)
            self.announce(order, "OPEN" if order.left else "COMPLETE", update=bool(order.left))

    def _book_trade(self, order: Order, price: int, quantity: int) -> None:
        trade = Trade(
            trade_id=str(50_000_000 + len(self.trades) + 1), order_id=order.order_id,
            exchange_order_id=order.exchange_order_id or "", user_id=order.user_id, exchange=order.exchange,
            symbol=order.symbol, token=order.token, product=order.product, side=order.side, quantity=quantity,
            price=price, at=self._clock.now(), wall=time.time(),
        )  # fmt: skip
        self.trades.append(trade)
        self._store.add_trade(self._day, asdict(trade))

    def change(self, order: Order, ticket: Ticket) -> None:
        """New terms reach the exchange; the order loses its place in the queue."""
        if order.has_ended:
            return
        order.quantity, order.order_type = max(ticket.quantity, order.filled), ticket.order_type
        order.price, order.trigger, order.triggered = ticket.price, ticket.trigger, False
        order.validity, order.validity_ttl = ticket.validity, ticket.validity_ttl
        order.protection, order.disclosed = ticket.protection, ticket.disclosed
        if order.waits_for_trigger:
            self.announce(order, "TRIGGER PENDING", update=True)
        elif order.left:
            self.announce(order, "OPEN", update=True)
            self._enter_book(order)
        else:
            self.announce(order, "COMPLETE")

    def cancel_rest(self, order: Order, why: str | None = None) -> None:
        if not order.has_ended:
            order.cancelled = order.left
            self.announce(order, "CANCELLED", why)

    def cancel_all(self, which: Callable[[Order], bool], why: str) -> None:
        for order in list(self.working.values()):
            if which(order):
                self.cancel_rest(order, why)

    def note(self, order: Order, *statuses: str) -> None:
        """Take statuses on the order's way that nobody is told of."""
        for status in statuses:
            order.become(status, self._clock.now(), time.time())
        self._keep(order)

    def announce(self, order: Order, status: str, why: str | None = None, update: bool = False) -> None:
        """``update``: the stream says UPDATE where the order book keeps the status."""
        order.become(status, self._clock.now(), time.time(), why)
        self._keep(order)
        if order.has_ended:
            self.working.pop(order.order_id, None)
        self._tell(order.user_id, {**order.row(), "status": "UPDATE" if update else status})

    def _keep(self, order: Order) -> None:
        self._store.save_order(order.order_id, self._day, order.saved())


def _priority(order: Order) -> tuple[int, int, str]:
    return (order.token, -order.price if order.is_buy else order.price, order.order_id)
