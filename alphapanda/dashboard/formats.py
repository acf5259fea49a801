"""How figures, times and ages are written: Indian grouping, true minus, and unknown as a word."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation

from alphapanda.core.figures import MINUS, NBSP, grouped
from alphapanda.core.figures import age as age_of
from alphapanda.core.timezone import IST

UNKNOWN = "unknown"
LAKH, CRORE = Decimal(100_000), Decimal(10_000_000)

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


def short(value: Figure) -> str:
    """Lakh and crore for meters, axes and sentences: 10.15 L."""
    number = exact(value)
    if number is None:
        return UNKNOWN
    size = abs(number)
    unit, word = (CRORE, "Cr") if size >= CRORE else (LAKH, "L")
    if size < LAKH:
        return plain(number, 0)
    return f"{plain(number / unit, 2)}{NBSP}{word}"


def short_rupees(value: Figure) -> str:
    number = exact(value)
    if number is None:
        return UNKNOWN
    return (MINUS if number < 0 else "") + "₹" + short(abs(number))


def percent(value: Figure, places: int = 1) -> str:
    return UNKNOWN if exact(value) is None else f"{plain(value, places)}{NBSP}%"


def money_tone(value: Figure) -> str:
    number = exact(value)
    if not number:
        return ""
    return "up" if number > 0 else "down"


def age(seconds: float) -> str:
    return age_of(timedelta(seconds=max(0.0, seconds)))


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


def iso(value: datetime | None) -> str | None:
    """The form times take in snapshots: UTC with milliseconds."""
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z") if value else None


FORMATS = {
    each.__name__: each
    for each in (
        plain,
        signed,
        rupees,
        profit,
        whole,
        signed_whole,
        short,
        short_rupees,
        percent,
        clock_time,
        clock_minute,
        clock_millis,
        long_date,
        weekday_date,
    )
}
