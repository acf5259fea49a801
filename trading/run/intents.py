"""Checks what a strategy answered, before anything believes it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from decimal import Decimal
from itertools import islice
from types import GeneratorType
from typing import Any

from trading.strategies.values import ChangeStop, Enter, Exit, Intent, Reason, Wait

MOST_INTENTS = 100
HIGHEST_PRICE = Decimal(10) ** 9
LONGEST_TEXT = 500
LARGEST_NUMBER = 10**18


class BadIntent(ValueError):
    """The answer is not something a strategy may say."""


def collect_intents(answer: Any) -> list[Any]:
    """Return the intents of an answer; nothing said is nothing wanted. Raises BadIntent."""
    if answer is None:
        return []
    # What most answer with is known at a glance: to ask an abstract class is dear.
    is_plain = isinstance(answer, tuple | list | GeneratorType)
    if not is_plain and (not isinstance(answer, Iterable) or isinstance(answer, str | Mapping)):
        raise BadIntent(f"answered {type(answer).__name__}, not a series of intents")
    intents = list(islice(answer, MOST_INTENTS + 1))
    if len(intents) > MOST_INTENTS:
        raise BadIntent(f"answered more than {MOST_INTENTS} intents at once")
    return intents


def check_intent(intent: Any, traded: Iterable[str], watched: Iterable[str]) -> Intent:
    """Return the intent if it makes sense on its face. Raises BadIntent with what is wrong."""
    if not isinstance(intent, Enter | Exit | ChangeStop | Wait):
        raise BadIntent(f"answered {type(intent).__name__}: not enter, exit, change stop or wait")
    check_instrument(intent, traded, watched)
    check_reason(intent.reason)
    if isinstance(intent, Enter):
        check_entry(intent)
    elif isinstance(intent, ChangeStop):
        check_price("stop", intent.stop)
    elif isinstance(intent, Wait):
        check_nearness(intent.nearness)
    return intent


def check_instrument(intent: Intent, traded: Iterable[str], watched: Iterable[str]) -> None:
    key = intent.instrument
    if not isinstance(key, str) or (key not in traded and key not in watched):
        raise BadIntent(f"named {key!r}, which this run does not have")
    if key not in traded and not isinstance(intent, Wait):
        raise BadIntent(f"wants to trade {key}, which this run only watches")


def check_entry(intent: Enter) -> None:
    if intent.side not in ("BUY", "SELL"):
        raise BadIntent(f"side {intent.side!r} is neither BUY nor SELL")
    check_price("stop", intent.stop)
    if intent.target is not None:
        check_price("target", intent.target)
    if intent.limit_price is not None:
        check_price("limit price", intent.limit_price)


def check_price(name: str, price: Any) -> None:
    if not isinstance(price, Decimal):
        raise BadIntent(f"{name} {price!r} is a {type(price).__name__}, not a Decimal")
    if not price.is_finite() or not 0 < price < HIGHEST_PRICE:
        raise BadIntent(f"{name} {price} is not a price")


def check_nearness(nearness: Any) -> None:
    if nearness is None:
        return
    if isinstance(nearness, bool) or not isinstance(nearness, int | float) or not 0 <= nearness <= 1:
        raise BadIntent(f"nearness {nearness!r} is not between 0 and 1")


def check_reason(reason: Any) -> None:
    if not isinstance(reason, Reason):
        raise BadIntent(f"gave {type(reason).__name__} for a reason")
    if not isinstance(reason.text, str) or not 0 < len(reason.text) <= LONGEST_TEXT:
        raise BadIntent(f"the reason's words must be a text of 1 to {LONGEST_TEXT} characters")
    check_text("words", reason.text)
    if not isinstance(reason.code, str) or not isinstance(reason.numbers, Mapping):
        raise BadIntent("the reason's code must be a text and its numbers a mapping")
    for name, value in reason.numbers.items():
        check_number(name, value)


def check_text(part: str, text: str) -> None:
    """Refuse what PostgreSQL cannot keep: everybody else's decisions would fail to be written with it."""
    try:
        text.encode()
    except UnicodeEncodeError as bad:
        raise BadIntent(f"the reason's {part} hold half a surrogate pair: {text!r}") from bad
    if "\0" in text:
        raise BadIntent(f"the reason's {part} hold a NUL: {text!r}")


def check_number(name: Any, value: Any) -> None:
    for text in (name, value):
        if isinstance(text, str):
            check_text("numbers", text)
    is_whole = isinstance(value, int) and abs(value) < LARGEST_NUMBER
    is_plain = isinstance(value, str) or is_whole or (isinstance(value, float) and math.isfinite(value))
    if not isinstance(name, str) or not is_plain:
        raise BadIntent(f"the reason's number {name!r} is {value!r}: only texts and finite numbers are kept")
