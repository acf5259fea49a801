"""Does the calendar reach far enough, and is there a dump of today?"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from django.core.checks import CheckMessage, Tags, Warning, register
from django.db import Error as DatabaseError

from alphapanda.core.clock import market_now
from alphapanda.core.timezone import IST
from instruments.domain.contracts import SecurityClass
from instruments.models import Instrument, InstrumentLoad, TradingSession

WARN_BEFORE = timedelta(days=31)


def calendar_ends_on() -> date | None:
    """Return the last day known for every exchange and class; None without a calendar."""
    return TradingSession.objects.ends_on()


def calendar_problems(today: date | None = None) -> list[str]:
    """Say that the calendar is missing, over, or ends within a month: an unknown day is closed."""
    today = today or market_today()
    ends = calendar_ends_on()
    if ends is None:
        return ["There is no calendar: every day counts as closed. Run load_calendar."]
    if ends < today:
        return [f"The calendar ended on {ends:%d %b %Y}: every day counts as closed. Load the next year's."]
    if ends - today < WARN_BEFORE:
        return [f"The calendar ends on {ends:%d %b %Y}, in {(ends - today).days} days. Load the next year's."]
    return []


def instrument_problems(today: date | None = None) -> list[str]:
    """Say that there are no instruments, or that the last trading day's dump never came."""
    today = today or market_today()
    if not Instrument.objects.listed().exists():
        return ["There are no instruments. Run load_instruments."]
    if not TradingSession.objects.schedule("NSE", SecurityClass.EQUITY, today).is_trading_day:
        return []
    last = InstrumentLoad.objects.last_day_of("NSE")
    if last == today:
        return []
    return [f"Today's instruments are not loaded: those of {last:%d %b %Y} stand." if last else "No load is kept."]


def market_today() -> date:
    return market_now().astimezone(IST).date()


@register(Tags.database)
def check_calendar_reaches(databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Runs with ``check --database default``, when there may be no table yet: then there is nothing to say."""
    if not databases:
        return []
    try:
        problems = calendar_problems()
    except DatabaseError:
        return []
    return [Warning(problem, id="instruments.W001") for problem in problems]
