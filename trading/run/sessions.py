"""Trading hours as strategies and candles want them, looked up once a day and instrument."""

from datetime import date, datetime
from functools import lru_cache
from uuid import UUID

from alphapanda.core.timezone import IST
from instruments.domain.contracts import SecurityClass
from instruments.domain.sessions import DaySchedule
from instruments.models import Instrument, TradingSession
from trading.strategies.values import Session


@lru_cache(maxsize=8192)
def schedule_on(instrument_id: UUID, day: date) -> DaySchedule:
    # A calendar corrected during the day is read anew by the next process; hours do not change within one.
    return Instrument.objects.get(pk=instrument_id).schedule(day)


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
