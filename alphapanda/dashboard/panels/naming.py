"""How instruments are named on the pages: symbol, strike, type, expiry, product, always in this order."""

from decimal import Decimal
from typing import Any

from django.urls import reverse

from instruments.domain.order_terms import SIDE_LABELS, Side
from instruments.models import Instrument


def symbol_of(instrument: Instrument) -> str:
    """INFY; NIFTY 25400 CE; NIFTY FUT."""
    if instrument.strike and instrument.instrument_type in ("CE", "PE"):
        strike = f"{Decimal(instrument.strike).normalize():f}"
        return f"{instrument.name} {strike} {instrument.instrument_type}"
    return f"{instrument.name} FUT" if instrument.instrument_type == "FUT" else instrument.tradingsymbol


def tail_of(instrument: Instrument, product: str = "") -> str:
    """What stands in small type after the symbol: expiry and product."""
    expiry = f"{instrument.expiry.day} {instrument.expiry:%b}" if instrument.expiry else ""
    return f"{expiry} {product}".strip()


def side_word(side: str) -> str:
    return SIDE_LABELS[Side(side)]


def done_word(side: str) -> str:
    return {Side.BUY: "Bought", Side.SELL: "Sold"}[Side(side)]


def order_words(order: Any) -> str:
    return f"{side_word(order.side)} {order.quantity} {symbol_of(order.instrument)}"


def story_of(order: Any) -> str:
    return reverse("dashboard:order_story", args=[order.pk])
