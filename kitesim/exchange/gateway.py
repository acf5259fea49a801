"""The broker's order desk: takes tickets, turns down what may not be, and sends the rest to the floor."""

import asyncio
from collections.abc import Callable
from dataclasses import asdict
from datetime import date

from kitesim.errors import KiteError, bad_input
from kitesim.exchange import board as b
from kitesim.exchange.board import Board
from kitesim.exchange.book import ExchangeBook, Tell
from kitesim.exchange.clock import MarketClock
from kitesim.exchange.ledger import Ledger
from kitesim.exchange.listing import Instrument
from kitesim.exchange.matching import outside_bands
from kitesim.exchange.orders import ON_ITS_WAY, Order, Trade
from kitesim.exchange.positions import Position
from kitesim.exchange.tickets import Ticket, market_closed, read_ticket
from kitesim.server.faults import Faults
from kitesim.state import Store

MOST_MODIFICATIONS = 25
FREEZE = {"NIFTY": 1800}
BEING_PROCESSED = "Order cannot be modified or cancelled as it is being processed. Try later."


class OrderGateway:
    """All users' orders of one trading day, ended ones too."""

    def __init__(
        self, clock: MarketClock, store: Store, faults: Faults, ledger: Ledger, tell: Tell, latency: float
    ) -> None:
        self._clock, self._store, self._faults = clock, store, faults
        self.ledger, self._latency = ledger, latency
        self.book = ExchangeBook(clock, store, tell)
        self.orders: dict[str, Order] = {}
        self._number = 0

    def open_day(self, day: str, board: Board) -> None:
        """Take up the day's orders and trades as far as they are stored."""
        self._day, self._board = day, board
        self.orders = {row["order_id"]: Order(**row) for row in self._store.orders_of(day)}
        self._number = max((int(order_id[6:]) for order_id in self.orders), default=0)
        self.book.open_day(day, board, self.orders.values())
        for order in list(self.book.working.values()):
            self._resume(order)

    def _resume(self, order: Order) -> None:
        """Send on what was on its way when the program stopped; a change of terms then is lost."""
        if not order.is_working:
            self._later(self._arrive, order)
        elif order.status == "CANCEL PENDING":
            self._later(self.book.cancel_rest, order)
        elif order.status == "MODIFY PENDING":
            self.book.announce(order, "TRIGGER PENDING" if order.waits_for_trigger else "OPEN")

    def orders_of(self, user_id: str) -> list[Order]:
        return [order for order in self.orders.values() if order.user_id == user_id]

    def trades_of(self, user_id: str) -> list[Trade]:
        return [trade for trade in self.book.trades if trade.user_id == user_id]

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
        self.book.note(order, *ON_ITS_WAY)
        self.book.working[order.order_id] = order
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
        order = Order(
            order_id=f"{day}{self._number:013d}", user_id=user_id, exchange=item.exchange, symbol=item.symbol,
            token=item.token, placed_by=placed_by, placed_at=self._clock.now(), **asdict(ticket),
        )  # fmt: skip
        order.tags = [ticket.tag] if ticket.tag else []
        self.orders[order.order_id] = order
        return order

    def _later(self, act: Callable[[Order], None], order: Order) -> None:
        """The order's way to the exchange takes a moment, or as long as a fault holds it up."""
        held = self._faults.take_fault("pending")
        seconds = float(held.terms.get("seconds", 5)) if held else self._latency
        asyncio.get_running_loop().call_later(seconds, act, order)

    def _arrive(self, order: Order) -> None:
        if order.has_ended or self.orders.get(order.order_id) is not order:
            return
        refusal = self._refusal(order, self._board.row_of[order.token])
        if refusal:
            self.book.announce(order, "REJECTED", refusal)
        else:
            self.book.arrive(order)

    def _refusal(self, order: Order, row: int) -> str | None:
        fault = self._faults.take_fault("reject")
        if fault:
            return str(fault.terms.get("message", "17070 : The Price is out of the LPP range"))
        item = self._board.instruments[row]
        if order.quantity > FREEZE.get(item.name if item.is_derivative else "", order.quantity):
            return "Order quantity exceeds the freeze quantity. Use autoslice or smaller orders."
        if order.order_type in ("LIMIT", "SL") and outside_bands(order, self._board, row):
            return "Price is outside the circuit limits of this instrument."
        return self.ledger.refusal(order, self.orders_of(order.user_id), self.trades_of(order.user_id), self._board)

    def modify(self, user_id: str, order_id: str, given: dict[str, str]) -> str:
        """Accept new terms for a working order; they count once the exchange has them."""
        order = self.order_of(user_id, order_id)
        if not order.is_working:
            raise bad_input(BEING_PROCESSED)
        if order.modifications >= MOST_MODIFICATIONS:
            raise bad_input("Maximum allowed order modifications exceeded.")
        row = self._board.row_of[order.token]
        terms = order.terms()
        terms |= {name: value for name, value in given.items() if name in terms and value}
        ticket = read_ticket(terms, self._board.instruments[row], int(self._board.words[row, b.LAST]))
        if ticket.quantity <= order.filled:
            raise bad_input("Quantity cannot be modified to less than what is already filled.")
        order.modifications += 1
        self.book.note(order, "MODIFY PENDING")
        self._later(lambda changed: self.book.change(changed, ticket), order)
        return order_id

    def cancel(self, user_id: str, order_id: str) -> str:
        order = self.order_of(user_id, order_id)
        if not order.is_working:
            raise bad_input(BEING_PROCESSED)
        self.book.note(order, "CANCEL PENDING")
        self._later(self.book.cancel_rest, order)
        return order_id

    def square_off(self, derivatives: bool, phase: str) -> None:
        """The broker closes what is left of intraday products, as market orders of its own."""
        self.book.cancel_all(
            lambda order: order.product == "MIS" and (order.exchange == "NFO") == derivatives, "Cancelled by RMS"
        )
        for user_id in {trade.user_id for trade in self.book.trades}:
            for position in self.ledger.positions(user_id, self.trades_of(user_id)).values():
                if position.product == "MIS" and position.quantity and (position.exchange == "NFO") == derivatives:
                    self.place(user_id, _closing(position), phase, placed_by="RMS")

    def close_day(self) -> None:
        """What is still open ends with the day; positions are carried over, what is left of intraday is closed."""
        if self._store.get("closed_day") == self._day:
            return
        with self._store.together():
            self.book.cancel_all(lambda _: True, "Order cancelled at the end of the day.")
            self.ledger.close_day(self.book.trades, self._board, date.fromisoformat(self._day))
            self._store.put("closed_day", self._day)


def _closing(position: Position) -> dict[str, str]:
    return {
        "exchange": position.exchange, "tradingsymbol": position.symbol, "product": "MIS",
        "quantity": str(abs(position.quantity)), "order_type": "MARKET", "market_protection": "-1",
        "transaction_type": "SELL" if position.quantity > 0 else "BUY",
    }  # fmt: skip


def _is_open(item: Instrument, phase: str) -> bool:
    if item.is_derivative:
        return phase in ("continuous", "auction", "derivatives")
    return phase in ("pre_open", "continuous")
