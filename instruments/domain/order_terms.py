"""Kite's words for what an order asks, each told once: side, product, order type, validity, and what goes together."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any


class Side(StrEnum):
    BUY = "BUY"
    SELL = "SELL"


class Product(StrEnum):
    """How a position is margined, charged, and when it must be flat."""

    CNC = "CNC"
    MIS = "MIS"
    NRML = "NRML"


class OrderType(StrEnum):
    MARKET = "MARKET"
    LIMIT = "LIMIT"
    SL = "SL"
    SL_M = "SL-M"


class Validity(StrEnum):
    DAY = "DAY"
    IOC = "IOC"


SIDE_LABELS = {Side.BUY: "Buy", Side.SELL: "Sell"}
PRODUCT_LABELS = {Product.CNC: "CNC, delivery", Product.MIS: "MIS, intraday", Product.NRML: "NRML, carried forward"}
ORDER_TYPE_LABELS = {kind: kind.value for kind in OrderType}
VALIDITY_LABELS = {validity: validity.value for validity in Validity}

# Which prices an order of a type carries (kite.md 2.3).
NEEDS_PRICE = frozenset({OrderType.LIMIT, OrderType.SL})
NEEDS_TRIGGER = frozenset({OrderType.SL, OrderType.SL_M})
# Without a price of their own: they take what the market offers, within their market protection.
TAKES_MARKET = frozenset(OrderType) - NEEDS_PRICE

BSE_EXCHANGES = frozenset({"BSE", "BFO", "BCD"})


def side_of(signed_quantity: int) -> Side:
    return Side.BUY if signed_quantity > 0 else Side.SELL


def choices_from(labels: Mapping[Any, str]) -> list[tuple[str, str]]:
    """Return (value, label) pairs as Django's columns and forms take them."""
    return [(str(member), label) for member, label in labels.items()]


def price_problems(order_type: str, *, price: object, trigger_price: object) -> dict[str, str]:
    """Return by field what is missing or too much; a type that is none is nobody's field."""
    problems = {}
    for field, given, kinds in (("price", price, NEEDS_PRICE), ("trigger_price", trigger_price, NEEDS_TRIGGER)):
        if bool(given) != (order_type in kinds):
            verb = "takes no" if given else "needs a"
            problems[field] = f"{order_type} {verb} {field.replace('_', ' ')}."
    return problems


def takes_sl_m(exchange: str, segment: str) -> bool:
    """Whether a stop may go to the market there: not for options, and not on BSE (kite.md 2.3)."""
    return exchange not in BSE_EXCHANGES and not segment.endswith("-OPT")
