"""Numbers in words as a trader in India reads them: 12,34,567.00, ₹10.15 L, −3.4 %."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from alphapanda.core.timezone import IST

MINUS = "\u2212"  # a true minus, never a hyphen
NBSP = "\u00a0"
LAKH = Decimal(100_000)
CRORE = Decimal(10_000_000)

Number = Decimal | int


def grouped(value: Number, places: int = 0) -> str:
    """Group as 12,34,56,789; the last three digits, then pairs."""
    whole, _, fraction = _rounded(value, places).partition(".")
    head, tail = whole[:-3], whole[-3:]
    pairs = [head[max(end - 2, 0) : end] for end in range(len(head), 0, -2)][::-1]
    text = ",".join([*pairs, tail])
    return _sign(value, places) + text + (f".{fraction}" if fraction else "")


def price(value: Number) -> str:
    return grouped(value, 2)


def quantity(value: Number) -> str:
    return grouped(value)


def rupees(value: Number) -> str:
    """Write money for a sentence or a meter: L from 1,00,000, Cr from 1,00,00,000."""
    size = abs(Decimal(value))
    sign = _sign(value, 2)
    if size >= CRORE:
        return f"{sign}₹{grouped(size / CRORE, 2)}{NBSP}Cr"
    if size >= LAKH:
        return f"{sign}₹{grouped(size / LAKH, 2)}{NBSP}L"
    return f"{sign}₹{grouped(size, 2)}"


def percent(value: Number, places: int = 1) -> str:
    return f"{grouped(value, places)}{NBSP}%"


def age(span: timedelta) -> str:
    """Under 10 s one decimal, then whole seconds to 99 s, then minutes, then hours."""
    seconds = Decimal(int(span / timedelta(milliseconds=1))) / 1000
    for below, unit, name, places in _AGE_STEPS:
        if abs(seconds) < below:
            return f"{grouped(seconds / unit, places)} {name}"
    return f"{grouped(seconds / 3600)} h"


def clock(at: datetime) -> str:
    return at.astimezone(IST).strftime("%H:%M:%S")


_AGE_STEPS = ((Decimal(10), 1, "s", 1), (Decimal(100), 1, "s", 0), (Decimal(7200), 60, "min", 0))


def _rounded(value: Number, places: int) -> str:
    return str(abs(Decimal(value)).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP))


def _sign(value: Number, places: int) -> str:
    return MINUS if value < 0 and Decimal(_rounded(value, places)) else ""
