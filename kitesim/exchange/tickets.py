"""What the order API refuses before an order exists."""

import math
import re
from dataclasses import dataclass

from kitesim.errors import KiteError, bad_input
from kitesim.exchange.listing import Instrument

NO_SL_M = "SL-M orders are blocked for options. Use SL with a limit price."
PROTECT = (
    "Market orders without market protection are not allowed via API. "
    "Please set market protection or use a LIMIT order."
)


@dataclass(frozen=True)
class Ticket:
    """A well-formed request; prices in paise, 0 if not given."""

    side: str
    quantity: int
    product: str
    order_type: str
    price: int
    trigger: int
    validity: str
    validity_ttl: int
    disclosed: int
    tag: str | None
    protection: float


def read_ticket(given: dict[str, str], item: Instrument, last_price: int) -> Ticket:
    """Raises InputException in Kite's words for anything an order may not be."""
    ticket = Ticket(
        side=_one_of(given, "transaction_type", ("BUY", "SELL")),
        quantity=_quantity(given, item),
        product=_product(given, item),
        order_type=_one_of(given, "order_type", ("MARKET", "LIMIT", "SL", "SL-M")),
        price=_paise(given, "price", item),
        trigger=_paise(given, "trigger_price", item),
        validity=_one_of(given, "validity", ("DAY", "IOC", "TTL"), "DAY"),
        validity_ttl=_validity_ttl(given),
        disclosed=_number(given, "disclosed_quantity", 0),
        tag=_tag(given),
        protection=_protection(given),
    )
    check_prices(ticket, item, last_price)
    return ticket


def _one_of(given: dict[str, str], name: str, choices: tuple[str, ...], default: str | None = None) -> str:
    value = given.get(name) or default
    if value not in choices:
        raise bad_input(f"Invalid `{name}`." if value else f"Missing or empty field `{name}`")
    return value


def _number(given: dict[str, str], name: str, default: int | None = None) -> int:
    text = given.get(name, "")
    if not text and default is not None:
        return default
    if not re.fullmatch(r"-?\d{1,9}", text):
        raise bad_input(f"Invalid `{name}`." if text else f"Missing or empty field `{name}`")
    return int(text)


def _quantity(given: dict[str, str], item: Instrument) -> int:
    quantity = _number(given, "quantity")
    if quantity <= 0:
        raise bad_input("Invalid `quantity`.")
    if quantity % item.lot:
        raise bad_input(f"Invalid `quantity`. Quantity should be in multiples of {item.lot}.")
    return quantity


def _product(given: dict[str, str], item: Instrument) -> str:
    return _one_of(given, "product", ("NRML", "MIS") if item.is_derivative else ("CNC", "MIS", "MTF"))


def _paise(given: dict[str, str], name: str, item: Instrument) -> int:
    text = given.get(name, "")
    try:
        rupees = float(text) if text else 0.0
    except ValueError:
        rupees = -1.0
    if not math.isfinite(rupees) or rupees < 0 or rupees > 10_000_000:
        raise bad_input(f"Invalid `{name}`.")
    paise = round(rupees * 100)
    if abs(rupees * 100 - paise) > 1e-6 or paise % item.tick:
        raise bad_input(
            f"Tick size for this script is {item.tick / 100:.2f}. Kindly enter price in the multiple of it."
        )
    return paise


def _validity_ttl(given: dict[str, str]) -> int:
    minutes = _number(given, "validity_ttl", 0)
    if given.get("validity") == "TTL" and minutes <= 0:
        raise bad_input("Invalid `validity_ttl`.")
    return minutes


def _tag(given: dict[str, str]) -> str | None:
    tag = given.get("tag")
    if tag and (len(tag) > 20 or not tag.isalnum()):
        raise bad_input("Invalid `tag`. It should be alphanumeric and at most 20 characters.")
    return tag or None


def _protection(given: dict[str, str]) -> float:
    text = given.get("market_protection", "") or "0"
    try:
        percent = float(text)
    except ValueError:
        percent = math.nan
    if percent != -1 and not 0 <= percent <= 100:
        raise bad_input("Invalid `market_protection`.")
    return percent


def check_prices(ticket: Ticket, item: Instrument, last_price: int) -> None:
    """A limit needs a price, a stop a trigger on the right side, a market order its protection."""
    if ticket.order_type in ("LIMIT", "SL") and not ticket.price:
        raise bad_input("Missing or empty field `price`")
    if ticket.order_type in ("MARKET", "SL-M") and not ticket.protection:
        raise bad_input(PROTECT)
    if ticket.order_type == "SL-M" and item.is_option:
        raise bad_input(NO_SL_M)
    if ticket.order_type in ("SL", "SL-M"):
        _check_trigger(ticket, last_price)


def _check_trigger(ticket: Ticket, last_price: int) -> None:
    if not ticket.trigger:
        raise bad_input("Missing or empty field `trigger_price`")
    buys = ticket.side == "BUY"
    if (ticket.trigger <= last_price) if buys else (ticket.trigger >= last_price):
        word = "higher" if buys else "lower"
        raise bad_input(
            f"Trigger price for stoploss {ticket.side.lower()} orders should be {word} than the last price."
        )
    if ticket.order_type == "SL" and (ticket.trigger > ticket.price if buys else ticket.trigger < ticket.price):
        raise bad_input("Trigger price and limit price of a stoploss order are on the wrong sides of each other.")


def market_closed() -> KiteError:
    return bad_input("Markets are closed right now. Use an AMO order, or try again when the market opens.")
