"""What each user owns: cash, positions carried overnight, holdings, and whether an order can be paid for."""

from collections.abc import Iterable
from datetime import date
from typing import Any

from kitesim.exchange import board as b
from kitesim.exchange.board import Board
from kitesim.exchange.orders import Order, Trade
from kitesim.exchange.positions import Position, fold_positions, margin_of, only_shrinks, segment_funds
from kitesim.state import Store

_SPOT = "NSE:NIFTY 50"
Positions = dict[tuple[int, str], Position]


class Ledger:
    """Amounts in paise. Charges are not taken: the practice account pays no brokerage and no tax."""

    def __init__(self, store: Store, opening_cash: int) -> None:
        self._store, self._opening = store, opening_cash * 100

    def cash(self, user_id: str) -> float:
        kept = self._store.get(f"cash:{user_id}")
        return float(self._opening if kept is None else kept)

    def carried(self, user_id: str) -> list[dict[str, Any]]:
        return self._store.get(f"carried:{user_id}") or []

    def holdings(self, user_id: str) -> dict[str, dict[str, Any]]:
        """By symbol: token, exchange, quantity, t1 (bought yesterday) and value."""
        return self._store.get(f"holdings:{user_id}") or {}

    def positions(self, user_id: str, trades: Iterable[Trade]) -> Positions:
        return fold_positions(trades, self.carried(user_id))

    def margins(self, user_id: str, orders: Iterable[Order], trades: Iterable[Trade], board: Board) -> dict[str, Any]:
        positions = self.positions(user_id, trades)
        return segment_funds(self.cash(user_id), self._used(positions, orders, board), _profit(positions, board))

    def refusal(self, order: Order, orders: Iterable[Order], trades: Iterable[Trade], board: Board) -> str | None:
        """Why the broker's risk desk turns an order down, or None."""
        positions = self.positions(order.user_id, trades)
        held = positions.get((order.token, order.product))
        if only_shrinks(order, held):
            return None
        if order.product == "CNC" and not order.is_buy:
            return self._short_of_shares(order, held)
        others = [other for other in orders if other is not order]
        free = self.cash(order.user_id) + _profit(positions, board) - self._used(positions, others, board)
        needed = self._margin(order, board)
        if needed <= free:
            return None
        return f"Insufficient funds. Required margin is {needed / 100:.2f} but available margin is {free / 100:.2f}."

    def _short_of_shares(self, order: Order, held: Position | None) -> str | None:
        holding = self.holdings(order.user_id).get(order.symbol, {"quantity": 0, "t1": 0})
        owned = holding["quantity"] + holding["t1"] + (held.quantity if held else 0)
        if order.quantity <= owned:
            return None
        return f"Insufficient stock holding quantity. Quantity you hold: {owned}."

    def _used(self, positions: Positions, orders: Iterable[Order], board: Board) -> float:
        held = sum(_margin_held(position, board) for position in positions.values())
        working = (
            order for order in orders
            if not order.has_ended and not only_shrinks(order, positions.get((order.token, order.product)))
        )  # fmt: skip
        return held + sum(self._margin(order, board) for order in working)

    @staticmethod
    def _margin(order: Order, board: Board) -> float:
        row = board.row_of[order.token]
        price = order.price or order.trigger or int(board.words[row, b.LAST])
        signed = order.left if order.is_buy else -order.left
        return margin_of(board.instruments[row], order.product, signed, price, _spot(board))

    def close_day(self, trades: list[Trade], board: Board, day: date) -> None:
        for user_id in {trade.user_id for trade in trades} | self._users_carrying():
            self._close_user(user_id, [trade for trade in trades if trade.user_id == user_id], board, day)

    def _users_carrying(self) -> set[str]:
        return set(self._store.get("carrying") or [])

    def _close_user(self, user_id: str, trades: list[Trade], board: Board, day: date) -> None:
        """Delivery goes to the holdings, the rest is marked to the last price and carried if it may be."""
        cash, carried = self.cash(user_id), []
        holdings = self.holdings(user_id)
        for holding in holdings.values():
            holding["quantity"], holding["t1"] = holding["quantity"] + holding["t1"], 0
        for position in self.positions(user_id, trades).values():
            last = last_price(board, position.token)
            if position.product in ("CNC", "MTF"):
                cash += position.sell_value - position.buy_value
                _deliver(holdings, position)
            else:
                cash += position.profit(last)
                expiry = board.instruments[board.row_of[position.token]].expiry
                if position.product == "NRML" and position.quantity and expiry and expiry > day:
                    carried.append(_carry(position, last))
        self._store.put(f"cash:{user_id}", cash)
        self._store.put(f"carried:{user_id}", carried)
        self._store.put(f"holdings:{user_id}", {s: h for s, h in holdings.items() if h["quantity"] + h["t1"] > 0})
        self._store.put("carrying", sorted(self._users_carrying() | {user_id}))


def _deliver(holdings: dict[str, dict[str, Any]], position: Position) -> None:
    holding = holdings.setdefault(
        position.symbol,
        {"token": position.token, "exchange": position.exchange, "quantity": 0, "t1": 0, "average": 0.0},
    )
    owned, change = holding["quantity"], position.quantity
    if change > 0:
        holding["average"] = (holding["average"] * owned + position.average() * change) / (owned + change)
        holding["t1"] += change
    else:
        holding["quantity"] = owned + change


def _carry(position: Position, last: int) -> dict[str, Any]:
    return {
        "exchange": position.exchange, "symbol": position.symbol, "token": position.token,
        "product": position.product, "overnight": position.quantity, "carried": last,
    }  # fmt: skip


def last_price(board: Board, token: int) -> int:
    row = board.row_of.get(token)
    return int(board.words[row, b.LAST]) if row is not None else 0


def _spot(board: Board) -> float:
    row = board.row_of_key.get(_SPOT)
    return float(board.words[row, b.LAST]) if row is not None else 0.0


def _profit(positions: Positions, board: Board) -> float:
    """Of what is not delivery: that is paid for in full."""
    return sum(
        position.profit(last_price(board, position.token))
        for position in positions.values()
        if position.product not in ("CNC", "MTF")
    )


def _margin_held(position: Position, board: Board) -> float:
    row = board.row_of.get(position.token)
    if row is None:
        return 0.0
    if position.product in ("CNC", "MTF"):
        return float(position.buy_value - position.sell_value)
    return margin_of(board.instruments[row], position.product, position.quantity, position.average(), _spot(board))
