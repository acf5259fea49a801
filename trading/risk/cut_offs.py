"""When, on a day, no new risk is taken any more. Pure: a schedule and the times of day somebody set."""

from __future__ import annotations

from datetime import datetime, time, timedelta

from alphapanda.core.timezone import IST
from instruments.domain.sessions import DaySchedule

# Zerodha squares intraday positions off from 15:20 in shares (kite.md 5.1); ours must be flat well before.
MIS_CUTOFF_BEFORE_CLOSE = timedelta(minutes=15)


def mis_cutoff(schedule: DaySchedule, flat_by: time | None) -> datetime | None:
    """When fresh intraday positions end: before the close, and never after the time they would be left again."""
    if schedule.closes_at is None:
        return None
    times = [schedule.closes_at - MIS_CUTOFF_BEFORE_CLOSE]
    return min([*times, datetime.combine(schedule.day, flat_by, IST)] if flat_by else times)


def entries_until(schedule: DaySchedule, window: time | None, left_at: datetime | None) -> datetime | None:
    """When entries end: with the deployment's ``window``, and never after the time they would be left again."""
    times = [datetime.combine(schedule.day, window, IST)] if window else []
    return min([*times, left_at] if left_at else times, default=None)
