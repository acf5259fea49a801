"""How figures, times and ages are written: Indian grouping, a true minus, and unknown as a word.

The browser writes the same figures anew as they change: ``static/dashboard/js/formats.js``, held equal by a test.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import MAX_EMAX, MIN_EMIN, ROUND_HALF_UP, Context, Decimal, InvalidOperation

from alphapanda.core.timezone import IST

UNKNOWN = "unknown"
MINUS = "\u2212"  # a true minus, never a hyphen
NBSP = "\u00a0"
LAKH = Decimal(100_000)
CRORE = Decimal(10_000_000)

Figure = Decimal | int | float | str | None


def exact(value: Figure) -> Decimal | None:
    """Return the figure as a Decimal; None, blank and NaN are unknown, never zero."""
    if value is None or value == "":
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def grouped(value: Decimal | int, places: int = 0) -> str:
    """Group as 12,34,56,789; the last three digits, then pairs."""
    whole_part, _, fraction = _rounded(value, places).partition(".")
    head, tail = whole_part[:-3], whole_part[-3:]
    pairs = [head[max(end - 2, 0) : end] for end in range(len(head), 0, -2)][::-1]
    text = ",".join([*pairs, tail])
    return _sign(value, places) + text + (f".{fraction}" if fraction else "")


def _rounded(value: Decimal | int, places: int) -> str:
    # The usual 28 digits would raise for a figure that has more: nobody's money, and no reason for a page to fail.
    number = Decimal(value).copy_abs()
    room = Context(prec=max(number.adjusted(), 0) + places + 2, Emax=MAX_EMAX, Emin=MIN_EMIN)
    return str(number.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP, room))


def _sign(value: Decimal | int, places: int) -> str:
    return MINUS if value < 0 and Decimal(_rounded(value, places)) else ""


def _written(value: Figure, places: int, *, explicit: bool = False, unit: str = "") -> str:
    number = exact(value)
    if number is None:
        return UNKNOWN
    text = grouped(number, places)
    if text.startswith(MINUS):
        return f"{MINUS}{unit}{text[1:]}"
    is_above_zero = any(digit in "123456789" for digit in text)
    return f"{'+' if explicit and is_above_zero else ''}{unit}{text}"


def plain(value: Figure, places: int = 2) -> str:
    """A price, limit or charge: no sign unless negative."""
    return _written(value, places)


def signed(value: Figure, places: int = 2) -> str:
    """A profit, change or position quantity: explicit sign, none on zero."""
    return _written(value, places, explicit=True)


def rupees(value: Figure, places: int = 2) -> str:
    return _written(value, places, unit="₹")


def profit(value: Figure, places: int = 2) -> str:
    """Sign, ₹, figure: the hero and sentences."""
    return _written(value, places, explicit=True, unit="₹")


def whole(value: Figure) -> str:
    return plain(value, 0)


def signed_whole(value: Figure) -> str:
    return signed(value, 0)


def short(value: Figure, places: int = 0) -> str:
    """Lakh and crore for meters, axes and sentences: 10.15 L; below a lakh with so many decimals."""
    number = exact(value)
    if number is None:
        return UNKNOWN
    size = abs(number)
    if size < LAKH:
        return plain(number, places)
    unit, word = (CRORE, "Cr") if size >= CRORE else (LAKH, "L")
    return f"{plain(number / unit, 2)}{NBSP}{word}"


def short_rupees(value: Figure, places: int = 0) -> str:
    if exact(value) is None:
        return UNKNOWN
    text = short(value, places)
    return f"{MINUS}₹{text[1:]}" if text.startswith(MINUS) else f"₹{text}"


def money_words(value: Figure) -> str:
    """Money in a sentence: to the paisa below a lakh, in lakh and crore above."""
    return short_rupees(value, 2)


def percent(value: Figure, places: int = 1) -> str:
    return UNKNOWN if exact(value) is None else f"{plain(value, places)}{NBSP}%"


def signed_percent(share: Decimal) -> str:
    """A change, explicit sign and two decimals: +1.25 %."""
    return f"{MINUS if share < 0 else '+'}{abs(share):.2f}{NBSP}%"


def counted(number: int, one: str, many: str = "") -> str:
    """1 order; 2 orders; 3 strategies."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def age(seconds: float) -> str:
    return age_of(timedelta(seconds=max(0.0, seconds)))


def age_of(span: timedelta) -> str:
    """Under 10 s one decimal, then whole seconds to 99 s, then minutes, then hours."""
    seconds = Decimal(int(span / timedelta(milliseconds=1))) / 1000
    for below, unit, name, places in _AGE_STEPS:
        if abs(seconds) < below:
            return f"{grouped(seconds / unit, places)} {name}"
    return f"{grouped(seconds / 3600)} h"


def left(span: timedelta) -> str:
    """What is left of a time: hours and minutes; below an hour minutes and seconds; then that it is over."""
    seconds = int(span.total_seconds())
    if seconds <= 0:
        return "over"
    big, small = divmod(seconds // 60, 60) if seconds >= 3600 else divmod(seconds, 60)
    return f"{big} h {small} min" if seconds >= 3600 else f"{big} min {small} s"


_AGE_STEPS = ((Decimal(10), 1, "s", 1), (Decimal(100), 1, "s", 0), (Decimal(7200), 60, "min", 0))


def moment(value: datetime | str | None) -> datetime | None:
    """Return the instant in Kolkata's time."""
    if not value:
        return None
    when = datetime.fromisoformat(value) if isinstance(value, str) else value
    return when.astimezone(IST)


def clock_time(value: datetime | str | None) -> str:
    when = moment(value)
    return f"{when:%H:%M:%S}" if when else UNKNOWN


def clock_minute(value: datetime | str | None) -> str:
    when = moment(value)
    return f"{when:%H:%M}" if when else UNKNOWN


def clock_millis(value: datetime | str | None) -> str:
    when = moment(value)
    return f"{when:%H:%M:%S}.{when.microsecond // 1000:03d}" if when else UNKNOWN


def long_date(value: datetime | str | None) -> str:
    when = moment(value)
    return f"{when.day} {when:%b %Y}" if when else UNKNOWN


def weekday_date(value: datetime | str | None) -> str:
    when = moment(value)
    return f"{when:%a} {when.day} {when:%b}" if when else UNKNOWN


def gap(duration: timedelta | None) -> str:
    """The time since the step before, in milliseconds below ten seconds."""
    if duration is None:
        return ""
    millis = round(duration.total_seconds() * 1000)
    return f"+{grouped(millis)}{NBSP}ms" if millis < 10_000 else f"+{age(millis / 1000)}"


def took(duration: timedelta) -> str:
    """A duration in a sentence: 29 ms, 1.19 s."""
    seconds = duration.total_seconds()
    if seconds < 1:
        return f"{round(seconds * 1000)}{NBSP}ms"
    return f"{seconds:.2f}{NBSP}s" if seconds < 10 else age(seconds)


def iso(value: datetime | str | None) -> str | None:
    """The one form of a time for machines, in snapshots, payloads and logs: Kolkata's, +05:30, with milliseconds."""
    when = moment(value)
    return when.isoformat(timespec="milliseconds") if when else None
