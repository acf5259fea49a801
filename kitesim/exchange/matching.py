"""Price-time matching of our users' orders against the market's book."""

import math
from dataclasses import dataclass

from kitesim.exchange import board as b
from kitesim.exchange.board import Board, Rows
from kitesim.exchange.orders import Order

# What the broker makes of market_protection -1: percent, by last prices in paise below each bound.
SHARE_SLAB = ((100_00, 2.0), (500_00, 1.0), (float("inf"), 0.5))  # futures as well
OPTION_SLAB = ((10_00, 5.0), (100_00, 3.0), (500_00, 2.0), (float("inf"), 1.0))
Executions = list[tuple[int, int]]  # (price in paise, quantity)


@dataclass(frozen=True)
class Level:
    price: int
    quantity: int


class Matcher:
    """Remembers what was taken from each level until the market shows a new book."""

    def __init__(self) -> None:
        self._taken: dict[tuple[int, str, int], int] = {}

    def refresh(self, rows: Rows) -> None:
        """These rows have new books."""
        if self._taken:
            changed = set(rows.tolist())
            self._taken = {key: taken for key, taken in self._taken.items() if key[0] not in changed}

    def opposite(self, board: Board, row: int, order: Order) -> list[Level]:
        """What an order could trade with, best first, less what others took of it."""
        bids, asks = board.depth(row)
        side, levels = ("SELL", asks) if order.is_buy else ("BUY", bids)
        left = ((price, quantity - self._taken.get((row, side, price), 0)) for price, quantity, _ in levels)
        return [Level(price, quantity) for price, quantity in left if quantity > 0]

    def arrive(self, board: Board, row: int, order: Order) -> Executions:
        """An order comes to the book: it takes what its limit allows, at the prices resting there."""
        executions = self._take_depth(board, row, order, at_own_price=False)
        order.ahead = self._queue_at(board, row, order)
        return executions

    def look_again(self, board: Board, row: int, order: Order, second: int) -> Executions:
        """A resting order and a new tick: others come to its price, so it trades at its own limit."""
        executions = self._take_depth(board, row, order, at_own_price=True)
        left = order.left - sum(quantity for _, quantity in executions)
        reached = self._traded_through(board, row, order, second) if left else 0
        if reached:
            executions.append((order.price, min(left, reached)))
        return executions

    def _take_depth(self, board: Board, row: int, order: Order, at_own_price: bool) -> Executions:
        executions, left = [], order.left
        side = "SELL" if order.is_buy else "BUY"
        for level in self.opposite(board, row, order):
            if not left or not _allows(order, level.price):
                break
            quantity = min(left, level.quantity)
            key = (row, side, level.price)
            self._taken[key] = self._taken.get(key, 0) + quantity
            executions.append((order.price if at_own_price else level.price, quantity))
            left -= quantity
        return executions

    def _traded_through(self, board: Board, row: int, order: Order, second: int) -> int:
        """How much of the last trade reached this order: all if beyond its price; at its price, what the queue left."""
        words = board.words[row]
        if int(words[b.LAST_TRADE_TIME]) != second:
            return 0
        last, quantity = int(words[b.LAST]), int(words[b.LAST_QUANTITY])
        if last == order.price:
            order.ahead -= quantity
            return max(-order.ahead, 0)
        return quantity if _allows(order, last) else 0

    @staticmethod
    def _queue_at(board: Board, row: int, order: Order) -> int:
        bids, asks = board.depth(row)
        own_side = bids if order.is_buy else asks
        return next((quantity for price, quantity, _ in own_side if price == order.price), 0)


def _allows(order: Order, price: int) -> bool:
    return price <= order.price if order.is_buy else price >= order.price


def is_triggered(order: Order, last_price: int) -> bool:
    return last_price >= order.trigger if order.is_buy else last_price <= order.trigger


def automatic_protection(last: int, is_option: bool) -> float:
    return next(percent for below, percent in (OPTION_SLAB if is_option else SHARE_SLAB) if last < below)


def protected_price(order: Order, board: Board, row: int) -> int:
    """The limit a market order becomes: so many percent beyond the last price, rounded away from it, in the bands."""
    last, tick = int(board.words[row, b.LAST]), board.instruments[row].tick
    percent = order.protection
    if percent == -1:
        percent = automatic_protection(last, board.instruments[row].is_option)
    away = max(last * percent / 100, tick)
    # Tenths of a paisa: a percentage of a price in binary may miss the tick it stands on by a hair.
    ticks = round(last + away if order.is_buy else last - away, 1) / tick
    price = (math.ceil(ticks) if order.is_buy else math.floor(ticks)) * tick
    return int(max(min(max(price, board.lower_band[row]), board.upper_band[row]), tick))


def outside_bands(order: Order, board: Board, row: int) -> bool:
    return not board.lower_band[row] <= order.price <= board.upper_band[row]
