"""The one time zone that days and times of day are decided in."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

IST = ZoneInfo("Asia/Kolkata")


def day_of(moment: datetime) -> date:
    """Return the day in India of an aware moment."""
    return moment.astimezone(IST).date()
