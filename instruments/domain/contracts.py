"""What the exchanges' words for a contract mean: its type, segment, token, key and lots."""

from datetime import date
from decimal import Decimal
from enum import StrEnum

EXCHANGES = ("NSE", "BSE", "NFO", "BFO")
# Exchanges that a full dump also holds and that this desk does not trade.
OTHER_EXCHANGES = ("CDS", "BCD", "MCX", "NCO", "MCXSX", "NSEIX", "GLOBAL")
INDICES = "INDICES"


class InstrumentType(StrEnum):
    EQ = "EQ"
    FUT = "FUT"
    CE = "CE"
    PE = "PE"


class SecurityClass(StrEnum):
    """Securities that keep the same hours at one exchange."""

    EQUITY = "equity"
    EQUITY_FNO = "equity_fno"  # shares with live futures: closing auction since 3 Aug 2026
    INDEX = "index"
    DERIVATIVE = "derivative"
    # From 7 Dec 2026 index contracts stop before the others on their expiry day.
    EXPIRING_INDEX = "expiring_index"


CLASSES_OF_EXCHANGE: dict[str, tuple[SecurityClass, ...]] = {
    "NSE": (SecurityClass.EQUITY, SecurityClass.EQUITY_FNO, SecurityClass.INDEX),
    "BSE": (SecurityClass.EQUITY, SecurityClass.EQUITY_FNO, SecurityClass.INDEX),
    "NFO": (SecurityClass.DERIVATIVE, SecurityClass.EXPIRING_INDEX),
    "BFO": (SecurityClass.DERIVATIVE, SecurityClass.EXPIRING_INDEX),
}

# The last byte of an instrument token says which segment it is of (Kite's documentation, and
# true of every row of every dump seen).
SEGMENT_BYTES: dict[tuple[str, str], int] = {
    ("NSE", "NSE"): 1,
    ("NSE", INDICES): 9,
    ("BSE", "BSE"): 4,
    ("BSE", INDICES): 9,
    ("NFO", "NFO-FUT"): 2,
    ("NFO", "NFO-OPT"): 2,
    ("BFO", "BFO-FUT"): 5,
    ("BFO", "BFO-OPT"): 5,
}


CASH_EXCHANGES = {"NFO": "NSE", "BFO": "BSE"}
# What the name column of derivatives calls an index, and the symbol the cash segment lists it under (Kite's dump).
INDEX_SYMBOLS = {
    "NIFTY": "NIFTY 50",
    "BANKNIFTY": "NIFTY BANK",
    "FINNIFTY": "NIFTY FIN SERVICE",
    "MIDCPNIFTY": "NIFTY MID SELECT",
    "NIFTYNXT50": "NIFTY NEXT 50",
    "SENSEX": "SENSEX",
    "BANKEX": "BANKEX",
    "SENSEX50": "SNSX50",
}


def token_of(exchange_token: int, exchange: str, segment: str) -> int:
    """Return the instrument token of an exchange token. Raises KeyError for an unknown segment."""
    return exchange_token * 256 + SEGMENT_BYTES[exchange, segment]


def key_of(exchange: str, tradingsymbol: str) -> str:
    return f"{exchange}:{tradingsymbol}"


def split_key(key: str) -> tuple[str, str]:
    """Split ``NSE:INFY``. Raises ValueError for anything that is not exchange:symbol."""
    exchange, colon, tradingsymbol = key.partition(":")
    if not (exchange and colon and tradingsymbol):
        raise ValueError(f"{key!r} is not of the form EXCHANGE:SYMBOL")
    return exchange, tradingsymbol


def underlying_key(exchange: str, name: str) -> str:
    """Return what a derivative is settled by: its index's key, or the share's of its name."""
    return key_of(CASH_EXCHANGES[exchange], INDEX_SYMBOLS.get(name, name))


def security_class_of(segment: str, instrument_type: str, has_derivatives: bool) -> SecurityClass:
    if segment == INDICES:
        return SecurityClass.INDEX
    if instrument_type != InstrumentType.EQ:
        return SecurityClass.DERIVATIVE
    return SecurityClass.EQUITY_FNO if has_derivatives else SecurityClass.EQUITY


def is_whole_lots(quantity: int, lot_size: int) -> bool:
    """Whether a quantity is a multiple of the lot; nothing is, of an index (lot size 0)."""
    return lot_size > 0 and quantity % lot_size == 0


def largest_order(freeze_quantity: int, lot_size: int) -> int:
    """Return the most one order may hold: the largest multiple of the lot within the freeze quantity."""
    return freeze_quantity - freeze_quantity % lot_size


def slice_quantity(quantity: int, lot_size: int, freeze_quantity: int | None) -> tuple[int, ...]:
    """Return the orders the exchange takes for a quantity, largest first: 1,950 at a freeze of 1,800 is 1,755 + 195.

    They add up to ``quantity``; a rest that is no whole lot stays in the last. Without a known freeze it is one order.
    """
    if freeze_quantity is None or quantity <= freeze_quantity:
        return (quantity,)
    # A freeze below one lot would allow nothing at all: one lot is asked, and the exchange judges it.
    most = max(largest_order(freeze_quantity, lot_size), lot_size)
    whole, rest = divmod(quantity, most)
    return (most,) * whole + ((rest,) if rest else ())


def is_expired(expiry: date | None, day: date) -> bool:
    return expiry is not None and expiry < day


def describe_contract(tradingsymbol: str, expiry: date | None, strike: Decimal | None, instrument_type: str) -> str:
    """Return a contract in words: ``NIFTY26AUG25000CE: 25000 CE, 25 Aug 2026``."""
    if expiry is None:
        return tradingsymbol
    what = f"{strike.normalize():f} {instrument_type}" if strike is not None else "future"
    return f"{tradingsymbol}: {what}, {expiry:%d %b %Y}"
