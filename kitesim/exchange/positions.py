"""Positions and funds of one user, folded from trades."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from kitesim.exchange.listing import Instrument
from kitesim.exchange.orders import Order, Trade

_INTRADAY_SHARES, _FUTURES, _SHORT_OPTIONS = 0.20, 0.15, 0.12


@dataclass
class Position:
    """One symbol and product; values in paise. ``overnight`` was carried from yesterday at ``carried`` a piece."""

    exchange: str
    symbol: str
    token: int
    product: str
    overnight: int = 0
    carried: float = 0.0
    buys: int = 0
    sells: int = 0
    buy_value: int = 0
    sell_value: int = 0

    @property
    def quantity(self) -> int:
        return self.overnight + self.buys - self.sells

    def book(self, trade: Trade) -> None:
        if trade.side == "BUY":
            self.buys, self.buy_value = self.buys + trade.quantity, self.buy_value + trade.quantity * trade.price
        else:
            self.sells, self.sell_value = self.sells + trade.quantity, self.sell_value + trade.quantity * trade.price

    def bought(self) -> tuple[int, float]:
        """Quantity and value, what was carried long among it."""
        long = max(self.overnight, 0)
        return self.buys + long, self.buy_value + long * self.carried

    def sold(self) -> tuple[int, float]:
        short = max(-self.overnight, 0)
        return self.sells + short, self.sell_value + short * self.carried

    def average(self) -> float:
        """What the open side cost a piece."""
        quantity, value = self.bought() if self.quantity > 0 else self.sold()
        return value / quantity if self.quantity and quantity else 0.0

    def profit(self, last_price: int) -> float:
        return self.sold()[1] - self.bought()[1] + self.quantity * last_price

    def row(self, last_price: int, close: int, of_day: bool) -> dict[str, Any]:
        """As /portfolio/positions shows it: all of it, or only the day's part."""
        shown = Position(self.exchange, self.symbol, self.token, self.product) if of_day else self
        if of_day:
            shown.buys, shown.sells = self.buys, self.sells
            shown.buy_value, shown.sell_value = self.buy_value, self.sell_value
        (bought, buy_value), (sold, sell_value) = shown.bought(), shown.sold()
        profit = shown.profit(last_price) / 100
        return {
            "tradingsymbol": self.symbol, "exchange": self.exchange, "instrument_token": self.token,
            "product": self.product, "quantity": shown.quantity, "overnight_quantity": shown.overnight,
            "multiplier": 1, "average_price": round(shown.average() / 100, 4), "close_price": close / 100,
            "last_price": last_price / 100, "value": (sell_value - buy_value) / 100, "pnl": profit, "m2m": profit,
            "unrealised": profit, "realised": 0,
            "buy_quantity": bought, "buy_price": _each(buy_value, bought), "buy_value": buy_value / 100,
            "buy_m2m": buy_value / 100, "sell_quantity": sold, "sell_price": _each(sell_value, sold),
            "sell_value": sell_value / 100, "sell_m2m": sell_value / 100,
            "day_buy_quantity": self.buys, "day_buy_price": _each(self.buy_value, self.buys),
            "day_buy_value": self.buy_value / 100, "day_sell_quantity": self.sells,
            "day_sell_price": _each(self.sell_value, self.sells), "day_sell_value": self.sell_value / 100,
        }  # fmt: skip


def _each(value: float, quantity: int) -> float:
    return round(value / quantity / 100, 4) if quantity else 0


def fold_positions(trades: Iterable[Trade], carried: Iterable[dict[str, Any]]) -> dict[tuple[int, str], Position]:
    """Positions by (token, product)."""
    positions = {}
    for row in carried:
        positions[row["token"], row["product"]] = Position(**row)
    for trade in trades:
        key = (trade.token, trade.product)
        if key not in positions:
            positions[key] = Position(trade.exchange, trade.symbol, trade.token, trade.product)
        positions[key].book(trade)
    return positions


def margin_of(item: Instrument, product: str, signed_quantity: int, price: float, spot: float) -> float:
    """Rough margin in paise, of the size the broker asks; ``spot`` is the underlying of an option."""
    value = abs(signed_quantity) * price
    if item.is_option:
        return value if signed_quantity > 0 else abs(signed_quantity) * spot * _SHORT_OPTIONS
    if item.instrument_type == "FUT":
        return value * _FUTURES
    return value * (_INTRADAY_SHARES if product == "MIS" else 1.0)


def only_shrinks(order: Order, position: Position | None) -> bool:
    held = position.quantity if position else 0
    return held * (1 if order.is_buy else -1) < 0 and order.left <= abs(held)


def segment_funds(cash: float, used: float, profit: float) -> dict[str, Any]:
    """One segment of /user/margins; arguments in paise."""
    live = (cash + profit - used) / 100
    available = {
        "adhoc_margin": 0, "cash": cash / 100, "opening_balance": cash / 100, "live_balance": live, "collateral": 0,
        "intraday_payin": 0,
    }  # fmt: skip
    utilised = {
        "debits": used / 100, "exposure": 0, "m2m_realised": profit / 100, "m2m_unrealised": 0, "option_premium": 0,
        "payout": 0, "span": 0, "holding_sales": 0, "turnover": 0, "liquid_collateral": 0, "stock_collateral": 0,
        "delivery": 0,
    }  # fmt: skip
    return {"enabled": True, "net": live, "available": available, "utilised": utilised}
