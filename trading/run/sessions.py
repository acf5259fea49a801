"""Trading hours as strategies and candles want them, looked up once a day and instrument."""

import time
from datetime import date, datetime
from functools import lru_cache
from uuid import UUID

from alphapanda.core.timezone import IST
from instruments.domain.contracts import SecurityClass
from instruments.domain.sessions import DaySchedule
from instruments.models import Instrument, TradingSession
from trading.strategies.values import Session

# An early close or a holiday announced during the day is seen so soon (seconds).
LONGEST_UNSEEN = 5.0


def schedule_on(instrument_id: UUID, day: date) -> DaySchedule:
    return _schedule(instrument_id, day, calendar_version(day))


@lru_cache(maxsize=8192)
def _schedule(instrument_id: UUID, day: date, version: int) -> DaySchedule:
    return Instrument.objects.get(pk=instrument_id).schedule(day)


_versions: dict[date, tuple[float, int]] = {}


def calendar_version(day: date) -> int:
    """Return a number that differs where the calendar of a day does; read again every few seconds."""
    now = time.monotonic()
    read_at, version = _versions.get(day, (float("-inf"), 0))
    if now - read_at >= LONGEST_UNSEEN:
        version = TradingSession.objects.version_of(day)
        _versions[day] = now, version
    return version


def forget_calendar() -> None:
    """Make the next question ask the database: for whoever has just changed the calendar."""
    _versions.clear()


class SessionTable:
    """Implements ``trading.run.terms.SessionLookup`` over the calendar."""

    def __init__(self) -> None:
        self._ids: dict[str, UUID] = {}

    def know(self, instrument: Instrument) -> None:
        self._ids[instrument.key] = instrument.pk

    def __call__(self, key: str, day: date) -> Session | None:
        schedule = schedule_on(self._ids[key], day)
        if schedule.opens_at is None or schedule.closes_at is None:
            return None
        return Session(schedule.opens_at, schedule.closes_at)


def is_trading_time(now: datetime) -> bool:
    """Whether shares or derivatives of NSE are in any phase of their day."""
    day = now.astimezone(IST).date()
    schedules = (
        TradingSession.objects.schedule(exchange, kind, day)
        for exchange, kind in (("NSE", SecurityClass.EQUITY_FNO), ("NFO", SecurityClass.DERIVATIVE))
    )
    return any(schedule.phase_at(now) for schedule in schedules)
