"""At the paper exchange's door: what it refuses, as the exchange would, and where a market order stops."""

from __future__ import annotations

from decimal import Decimal

from alphapanda.core import figures
from instruments.domain.price_protection import limit_range, outside_limit_range, protected_price, slab_percent
from instruments.domain.prices import ceil_to_tick, floor_to_tick, is_on_tick
from trading.paper.depth import DepthQuote
from trading.paper.orders import PaperOrder, PaperRules
from trading.risk.exchange_rules import form_problem, stop_problem


def entry_complaint(order: PaperOrder, quote: DepthQuote | None, rules: PaperRules) -> str:
    """Return why the exchange rejects the order, in words; empty if it takes it."""
    return (
        _session_complaint(rules)
        or _quantity_complaint(order, rules)
        or form_problem(order, takes_sl_m=rules.takes_sl_m)
        or _tick_complaint(order, rules)
        or (_band_complaint(order, quote) if quote else "")
        or (stop_problem(order, quote.last_price) if quote else "")
        # A stop's limit is checked when it triggers.
        or (range_complaint(order.price, order, quote, rules) if quote and not order.trigger_price else "")
    )


def market_limit(order: PaperOrder, quote: DepthQuote, rules: PaperRules) -> Decimal:
    """Return the limit a market order becomes: its protection from last, inside the band and the exchange's range."""
    asked, last = order.market_protection or Decimal(0), quote.last_price
    percent = asked if asked > 0 else slab_percent(rules.protection, last)
    price = protected_price(last, order.sign, percent, rules.tick_size)
    low, high = limit_range(rules.protection, last) or (None, None)
    # A percentage of a price is seldom on a tick: the last one inside it counts.
    tops = [floor_to_tick(bound, rules.tick_size) for bound in (quote.upper_band, high) if bound]
    floors = [ceil_to_tick(bound, rules.tick_size) for bound in (quote.lower_band, low) if bound]
    return max([min([price, *tops]), *floors])


def range_complaint(price: Decimal | None, order: PaperOrder, quote: DepthQuote, rules: PaperRules) -> str:
    """Return why the exchange's limit price protection rejects a limit, in its words; empty if it does not."""
    allowed = limit_range(rules.protection, quote.last_price)
    if price is None or not outside_limit_range(price, order.sign, allowed):
        return ""
    return f"price {figures.plain(price)} is outside the current allowed limit price protection range"


def _session_complaint(rules: PaperRules) -> str:
    return "" if rules.is_continuous else f"orders are taken in continuous trading; it is {rules.phase or 'closed'}"


def _quantity_complaint(order: PaperOrder, rules: PaperRules) -> str:
    if not order.quantity or order.quantity % rules.lot_size:
        return f"quantity {order.quantity} is not in lots of {rules.lot_size}"
    if rules.freeze_quantity is not None and order.quantity > rules.freeze_quantity:
        return f"quantity {order.quantity} is above the freeze quantity {rules.freeze_quantity}"
    return ""


def _tick_complaint(order: PaperOrder, rules: PaperRules) -> str:
    for price in (order.price, order.trigger_price):
        if price and not is_on_tick(price, rules.tick_size):
            return f"price {price:f} is off the tick of {rules.tick_size:f}"
    return ""


def _band_complaint(order: PaperOrder, quote: DepthQuote) -> str:
    low, high = quote.lower_band or Decimal(0), quote.upper_band
    for price in (order.price, order.trigger_price):
        if price and (price < low or (high and price > high)):
            return f"price {figures.plain(price)} is outside the day's band"
    return ""
