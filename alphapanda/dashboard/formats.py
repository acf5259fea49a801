"""The formats a page may ask a figure in by name, and the tone of money."""

from alphapanda.core.figures import (
    Figure,
    clock_millis,
    clock_minute,
    clock_time,
    exact,
    long_date,
    percent,
    plain,
    profit,
    rupees,
    short,
    short_rupees,
    signed,
    signed_whole,
    weekday_date,
    whole,
)


def money_tone(value: Figure) -> str:
    """Return up, down, or nothing: for zero and for the unknown."""
    number = exact(value)
    if not number:
        return ""
    return "up" if number > 0 else "down"


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
