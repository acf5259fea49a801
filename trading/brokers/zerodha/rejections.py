"""What Zerodha and the exchange say when they refuse, what it means, and what a trader can do. Pure data.

Read from support pages, Kite's forum and users' logs on 25 Nov 2026; none was tried on a live account.
A text is matched before its type: "Maximum allowed order modifications exceeded." comes as NetworkException and is
final all the same.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum


class Meaning(StrEnum):
    MARGIN = "margin"
    PARAMETER = "parameter"
    PRICE_RANGE = "price_range"  # the day's band, or the exchange's limit price protection
    DIED_AT_TRIGGER = "died_at_trigger"
    TICK = "tick"
    CROSSED = "crossed"  # the stop's price has been passed already
    BEING_PROCESSED = "being_processed"
    MODIFIED_TOO_OFTEN = "modified_too_often"
    RATE = "rate"
    TIMED_OUT = "timed_out"
    TOKEN = "token"  # noqa: S105 (a word, no secret)
    ADDRESS = "address"
    PRODUCT = "product"
    STRIKE = "strike"
    AUCTION = "auction"
    PERIODIC_CALL = "periodic_call"
    CLOSED = "closed"
    AUTHORISATION = "authorisation"


@dataclass(frozen=True, slots=True)
class Rejection:
    """A text that is known. ``is_final``: as an answer to a request it proves that nothing was done."""

    pattern: re.Pattern[str]
    meaning: Meaning
    advice: str
    is_final: bool = True


def _row(pattern: str, meaning: Meaning, advice: str, *, is_final: bool = True) -> Rejection:
    return Rejection(re.compile(pattern, re.IGNORECASE), meaning, advice, is_final)


# The first that matches counts.
REJECTIONS: tuple[Rejection, ...] = (
    _row(
        r"timed?[ -]?out|check the order ?book", Meaning.TIMED_OUT,
        "nobody knows yet: it is looked up and never sent again", is_final=False,
    ),
    _row(
        r"insufficient funds|margin exceeds", Meaning.MARGIN,
        "not enough margin: a smaller order, or funds added first",
    ),
    _row(
        r"market orders without market protection", Meaning.PARAMETER,
        "an order at market went out without its protection: tell us, it is our fault",
    ),
    _row(
        r"cancelled by the exchange.*limit price protection", Meaning.DIED_AT_TRIGGER,
        "the stop was triggered and its limit lay outside the exchange's range: the position has no stop now",
    ),
    _row(
        r"price exceeds circuit limits|limit price protection|circuit limit", Meaning.PRICE_RANGE,
        "outside the day's band or the exchange's range: a price nearer to last",
    ),
    _row(r"tick size", Meaning.TICK, "not a price the exchange quotes: round it to the tick"),
    _row(
        r"trigger price for stoploss (buy|sell) orders should be (higher|lower)", Meaning.CROSSED,
        "the market has passed the stop's price already",
    ),
    _row(
        r"trigger price.*cannot be (above|below) the (upper|lower) circuit", Meaning.PRICE_RANGE,
        "the trigger lies outside the day's band",
    ),
    _row(
        r"cannot be (cancelled|modified).*being processed", Meaning.BEING_PROCESSED,
        "often in the middle of a fill: its book is read again",
    ),
    _row(
        r"maximum allowed order modifications exceeded", Meaning.MODIFIED_TOO_OFTEN,
        "25 changes are all an order may have: it is cancelled and asked anew",
    ),
    _row(r"too many requests", Meaning.RATE, "more requests than Kite takes in a second, a minute or a day"),
    _row(r"no IPs configured|\bIP not allowed", Meaning.ADDRESS, "register this machine's address with Kite"),
    _row(r"incorrect `?api_key`? or `?access_token", Meaning.TOKEN, "log in to Kite again"),
    _row(
        r"MIS TRADING NOT ALLOWED|RMS:\s*Blocked for", Meaning.PRODUCT,
        "this instrument is not traded intraday here: another product is another risk, and yours to choose",
    ),
    _row(
        r"strike price is outside the allowed range", Meaning.STRIKE,
        "open interest limits this far strike: one nearer to the money",
    ),
    _row(
        r"market order cannot be placed during this period|market orders are currently not allowed", Meaning.AUCTION,
        "an auction takes limits only",
    ),
    _row(
        r"periodic call auction for illiquid", Meaning.PERIODIC_CALL,
        "an illiquid share trades in hourly auctions only",
    ),
    _row(
        r"could not be converted to an? after market order|markets? (is|are) closed", Meaning.CLOSED,
        "the exchange is closed: compare the calendar",
    ),
    _row(
        r"authori[sz]e (your )?holdings|holdings? .*authori[sz]ation", Meaning.AUTHORISATION,
        "shares without DDPI are sold after the day's authorisation at CDSL",
    ),
)  # fmt: skip


def rejection_in(words: str) -> Rejection | None:
    """Return what a refusal's words are known to mean; None: nobody has seen them yet."""
    return next((row for row in REJECTIONS if row.pattern.search(words)), None)


def explained(words: str) -> str:
    """Return a refusal's words with what can be done about it, where that is known."""
    known = rejection_in(words)
    return f"{words.rstrip('. ')}: {known.advice}" if known and words else words
