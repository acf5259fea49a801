"""The broker's order desk: takes tickets, sends them to the book, and tells their owners."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import date
from typing import Any

from kitesim import board as b
from kitesim.board import Board, Rows
from kitesim.clock import MarketClock
from kitesim.errors import KiteError, bad_input
from kitesim.faults import Faults
from kitesim.ledger import Ledger
from kitesim.listing import Instrument
from kitesim.matching import Executions, Matcher, is_triggered, outside_bands, protected_price
from kitesim.orders import ON_ITS_WAY, Order, Trade
from kitesim.state import Store
from kitesim.tickets import Ticket, market_closed, read_ticket

MOST_MODIFICATIONS = 25
FREEZE = {"NIFTY": 1800}
BEING_PROCESSED = "Order cannot be modified or cancelled as it is being processed. Try later."


class Desk:
    """All users' orders of one trading day. ``tell`` hears (user, order row) whenever an order changes."""

    def __init__(
        self,
        clock: MarketClock,
        store: Store,
        faults: Faults,
        ledger: Ledger,
        tell: Callable[[str, dict[str, Any]], None],
        latency: float,
    ) -> None:
        self._clock, self._store, self._faults, self._tell = clock, store, faults, tell
        self.ledger, self._latency = ledger, latency
        self.orders: dict[str, Order] = {}
        self.trades: list[Trade] = []
        self._matcher = Matcher()
        self._working: dict[str, Order] = {}
        self._number = 0

    def open_day(self, day: str, board: Board) -> None:
        """Take up the day's orders and trades as far as they are stored."""
        self._day, self._board, self._matcher = day, board, Matcher()
        self.orders = {row["order_id"]: Order(**row) for row in self._store.orders_of(day)}
        self.trades = [Trade(**row) for row in self._store.trades_of(day)]
        self._number = max((int(order_id[6:]) for order_id in self.orders), default=0)
        self._working = {order.order_id: order for order in self.orders.values() if not order.has_ended}
        for order in self._working.values():
            if not order.is_working:
                self._later(self._arrive, order)

    def orders_of(self, user_id: str) -> list[Order]:
        return [order for order in self.orders.values() if order.user_id == user_id]

    def trades_of(self, user_id: str) -> list[Trade]:
        return [trade for trade in self.trades if trade.user_id == user_id]

    def order_of(self, user_id: str, order_id: str) -> Order:
        order = self.orders.get(order_id)
        if order is None or order.user_id != user_id:
            raise KiteError(404, "OrderException", "Couldn't find that `order_id`.")
        return order

    def place(self, user_id: str, given: dict[str, str], phase: str, placed_by: str | None = None) -> str:
        """Accept a ticket; its fate comes later, as an order update."""
        item, row = self._listed(given)
        ticket = read_ticket(given, item, int(self._board.words[row, b.LAST]))
        if not _is_open(item, phase):
            raise market_closed()
        order = self._new_order(user_id, item, ticket, placed_by or user_id)
        for status in ON_ITS_WAY:
            order.become(status, self._clock.now(), time.time())
        self._keep(order)
        self._working[order.order_id] = order
        self._later(self._arrive, order)
        return order.order_id

    def _listed(self, given: dict[str, str]) -> tuple[Instrument, int]:
        row = self._board.row_of_key.get(f"{given.get('exchange', '')}:{given.get('tradingsymbol', '')}")
        if row is None or self._board.is_index[row]:
            raise bad_input("The instrument you are placing an order for has either expired or does not exist.")
        return self._board.instruments[row], row

    def _new_order(self, user_id: str, item: Instrument, ticket: Ticket, placed_by: str) -> Order:
        self._number += 1
        day = self._day.replace("-", "")[2:]
        terms = asdict(ticket)
        order = Order(
            order_id=f"{day}{self._number:013d}", user_id=user_id, exchange=item.exchange, symbol=item.symbol,
            token=item.token, placed_by=placed_by, placed_at=self._clock.now(), **terms,
        )  # fmt: skip
        order.tags = [ticket.tag] if ticket.tag else []
        self.orders[order.order_id] = order
        return order

    def _later(self, act: Callable[[Order], None], order: Order) -> None:
        """The order's way to the exchange takes a moment, or as long as a fault holds it up."""
        held = self._faults.take("pending")
        seconds = float(held.terms.get("seconds", 5)) if held else self._latency
        asyncio.get_running_loop().call_later(seconds, act, order)

    def _arrive(self, order: Order) -> None:
        if order.has_ended or self.orders.get(order.order_id) is not order:
            return
        row = self._board.row_of[order.token]
        refusal = self._refusal(order, row)
        if refusal:
            return self._reject(order, refusal)
        order.exchange_order_id = order.exchange_order_id or f"1{order.order_id[2:6]}{int(order.order_id[6:]):011d}"
        if order.order_type in ("SL", "SL-M"):
            return self._announce(order, "TRIGGER PENDING")
        return self._enter_book(order, row)

    def _refusal(self, order: Order, row: int) -> str | None:
        fault = self._faults.take("reject")
        if fault:
            return str(fault.terms.get("message", "17070 : The Price is out of the LPP range"))
        item = self._board.instruments[row]
        if order.quantity > FREEZE.get(item.name if item.is_derivative else "", order.quantity):
            return "Order quantity exceeds the freeze quantity. Use autoslice or smaller orders."
        if order.order_type in ("LIMIT", "SL") and outside_bands(order, self._board, row):
            return "Price is outside the circuit limits of this instrument."
        return self.ledger.refusal(order, self.orders_of(order.user_id), self.trades_of(order.user_id), self._board)

    def _reject(self, order: Order, why: str) -> None:
        order.cancelled = 0
        self._announce(order, "REJECTED", why)

    def _enter_book(self, order: Order, row: int) -> None:
        """A market order becomes a protected limit; then it trades, rests, or (IOC) goes."""
        if order.order_type in ("MARKET", "SL-M"):
            order.price = protected_price(order, self._board, row, self._board.instruments[row].tick)
            order.order_type = "LIMIT"
            order.tags.append("mktp" if order.protection == -1 else f"mktp:{order.protection:.2f}")
        order.gathered = not self._quoting(row)
        if not order.gathered:
            self._execute(order, self._matcher.arrive(self._board, row, order))
        if order.left and order.validity == "IOC":
            return self._cancel_rest(order, "Unmatched IOC quantity cancelled.")
        if order.left and order.status not in ("OPEN", "UPDATE"):
            self._announce(order, "OPEN")
        return None

    def _quoting(self, row: int) -> bool:
        """Before an instrument's first trade of the day its book only gathers."""
        return bool(self._board.words[row, b.OPEN])

    def on_tick(self, rows: Rows, second: int) -> None:
        """New prices: look at the orders resting on them, best price first, then oldest."""
        if not self._working:
            return
        self._matcher.refresh(rows)
        changed = set(rows.tolist())
        waiting = [order for order in self._working.values() if order.is_working]
        for order in sorted(waiting, key=_priority):
            row = self._board.row_of[order.token]
            if row in changed and self._quoting(row):
                self._look_at(order, row, second)

    def _look_at(self, order: Order, row: int, second: int) -> None:
        if order.order_type in ("SL", "SL-M"):
            if is_triggered(order, int(self._board.words[row, b.LAST])):
                order.order_type = "LIMIT" if order.order_type == "SL" else order.order_type
                self._enter_book(order, row)
            return None
        if order.gathered:
            return self._enter_book(order, row)
        self._execute(order, self._matcher.look_again(self._board, row, order, second))
        expires = order.placed_at + order.validity_ttl * 60
        if order.validity == "TTL" and order.left and second >= expires:
            self._cancel_rest(order, "Order validity has expired.")
        return None

    def _execute(self, order: Order, executions: Executions) -> None:
        for price, quantity in executions:
            order.filled += quantity
            order.turnover += price * quantity
            self._book_trade(order, price, quantity)
        if executions:
            self._announce(order, "OPEN" if order.left else "COMPLETE", update=bool(order.left))

    def _book_trade(self, order: Order, price: int, quantity: int) -> None:
        trade = Trade(
            trade_id=str(50_000_000 + len(self.trades) + 1), order_id=order.order_id,
            exchange_order_id=order.exchange_order_id or "", user_id=order.user_id, exchange=order.exchange,
            symbol=order.symbol, token=order.token, product=order.product, side=order.side, quantity=quantity,
            price=price, at=self._clock.now(), wall=time.time(),
        )  # fmt: skip
        self.trades.append(trade)
        self._store.add_trade(self._day, asdict(trade))

    def modify(self, user_id: str, order_id: str, given: dict[str, str]) -> str:
        """Accept new terms for a working order; they count once the exchange has them."""
        order = self.order_of(user_id, order_id)
        if not order.is_working:
            raise bad_input(BEING_PROCESSED)
        if order.modifications >= MOST_MODIFICATIONS:
            raise bad_input("Maximum allowed order modifications exceeded.")
        row = self._board.row_of[order.token]
        kept = {
            "transaction_type": order.side, "product": order.product, "order_type": order.order_type,
            "quantity": str(order.quantity), "price": f"{order.price / 100:.2f}", "validity": order.validity,
            "trigger_price": f"{order.trigger / 100:.2f}", "market_protection": str(order.protection),
            "validity_ttl": str(order.validity_ttl), "disclosed_quantity": str(order.disclosed),
        }  # fmt: skip
        asked = {name: value for name, value in given.items() if name in kept and value}
        ticket = read_ticket({**kept, **asked}, self._board.instruments[row], int(self._board.words[row, b.LAST]))
        if ticket.quantity <= order.filled:
            raise bad_input("Quantity cannot be modified to less than what is already filled.")
        order.modifications += 1
        order.become("MODIFY PENDING", self._clock.now(), time.time())
        self._keep(order)
        self._later(lambda changed: self._apply(changed, ticket), order)
        return order_id

    def _apply(self, order: Order, ticket: Ticket) -> None:
        if order.has_ended:
            return
        order.quantity, order.order_type, order.price = (
            max(ticket.quantity, order.filled),
            ticket.order_type,
            ticket.price,
        )
        order.trigger, order.validity, order.validity_ttl = ticket.trigger, ticket.validity, ticket.validity_ttl
        order.protection, order.disclosed = ticket.protection, ticket.disclosed
        row = self._board.row_of[order.token]
        if order.order_type in ("SL", "SL-M"):
            self._announce(order, "TRIGGER PENDING", update=True)
        elif order.left:
            self._announce(order, "OPEN", update=True)
            self._enter_book(order, row)
        else:
            self._announce(order, "COMPLETE")

    def cancel(self, user_id: str, order_id: str) -> str:
        order = self.order_of(user_id, order_id)
        if not order.is_working:
            raise bad_input(BEING_PROCESSED)
        order.become("CANCEL PENDING", self._clock.now(), time.time())
        self._keep(order)
        self._later(lambda going: self._cancel_rest(going, None), order)
        return order_id

    def _cancel_rest(self, order: Order, why: str | None) -> None:
        if order.has_ended:
            return
        order.cancelled = order.left
        self._announce(order, "CANCELLED", why)

    def cancel_all(self, which: Callable[[Order], bool], why: str) -> None:
        for order in list(self._working.values()):
            if which(order):
                self._cancel_rest(order, why)

    def square_off(self, derivatives: bool, phase: str) -> None:
        """The broker closes what is left of intraday products, as market orders of its own."""
        self.cancel_all(lambda o: o.product == "MIS" and (o.exchange == "NFO") == derivatives, "Cancelled by RMS")
        for user_id in {trade.user_id for trade in self.trades}:
            for position in self.ledger.positions(user_id, self.trades_of(user_id)).values():
                if position.product == "MIS" and position.quantity and (position.exchange == "NFO") == derivatives:
                    given = {
                        "exchange": position.exchange, "tradingsymbol": position.symbol, "product": "MIS",
                        "quantity": str(abs(position.quantity)), "order_type": "MARKET", "market_protection": "-1",
                        "transaction_type": "SELL" if position.quantity > 0 else "BUY",
                    }  # fmt: skip
                    self.place(user_id, given, phase, placed_by="RMS")

    def close_day(self) -> None:
        """What is still open ends with the day; positions are carried over, what is left of intraday is closed."""
        if self._store.get("closed_day") == self._day:
            return
        with self._store.together():
            self.cancel_all(lambda _: True, "Order cancelled at the end of the day.")
            self.ledger.close_day(self.trades, self._board, date.fromisoformat(self._day))
            self._store.put("closed_day", self._day)

    def _announce(self, order: Order, status: str, why: str | None = None, update: bool = False) -> None:
        """``update``: the stream says UPDATE where the order book keeps the status."""
        order.become(status, self._clock.now(), time.time(), why)
        self._keep(order)
        if order.has_ended:
            self._working.pop(order.order_id, None)
        self._tell(order.user_id, {**order.row(), "status": "UPDATE" if update else status})

    def _keep(self, order: Order) -> None:
        self._store.save_order(order.order_id, self._day, order.saved())


def _priority(order: Order) -> tuple[int, int, str]:
    return (order.token, -order.price if order.is_buy else order.price, order.order_id)


def _is_open(item: Instrument, phase: str) -> bool:
    if item.is_derivative:
        return phase in ("continuous", "auction", "derivatives")
    return phase in ("pre_open", "continuous")
