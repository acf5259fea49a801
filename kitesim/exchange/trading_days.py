"""When the simulated exchange trades: days, holidays, phases of the day (all in India's time)."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

IST = ZoneInfo("Asia/Kolkata")

_CLOSED = """
2024-01-22 2024-01-26 2024-03-08 2024-03-25 2024-03-29 2024-04-11 2024-04-17 2024-05-01 2024-05-20 2024-06-17
2024-07-17 2024-08-15 2024-10-02 2024-11-15 2024-11-20 2024-12-25
2025-02-26 2025-03-14 2025-03-31 2025-04-10 2025-04-14 2025-04-18 2025-05-01 2025-08-15 2025-08-27 2025-10-02
2025-10-22 2025-11-05 2025-12-25
2026-01-15 2026-01-26 2026-03-03 2026-03-26 2026-03-31 2026-04-03 2026-04-14 2026-05-01 2026-05-28 2026-06-26
2026-09-14 2026-10-02 2026-10-20 2026-11-10 2026-11-24 2026-12-25 2027-01-26
"""
HOLIDAYS = frozenset(date.fromisoformat(day) for day in _CLOSED.split())
WEEKEND_SESSIONS = frozenset(
    map(date.fromisoformat, ["2024-01-20", "2024-03-02", "2024-05-18", "2025-02-01", "2026-02-01"])
)
# Diwali's hour: the dates on which the exchange opens only for it.
SHORT_SESSIONS = {
    date(2024, 11, 1): (time(18), time(19)),
    date(2025, 10, 21): (time(13, 45), time(14, 45)),
    date(2026, 11, 8): (time(18), time(19, 15)),
}
AUCTION_SINCE = date(2026, 8, 3)
LATE_CLOSE_SINCE = date(2026, 12, 7)


@dataclass(frozen=True)
class Hours:
    """Seconds after midnight IST at which one trading day changes phase.

    ``auction`` is when the closing auction prints for shares with derivatives, or None.
    """

    opens: int
    cash_closes: int
    auction: int | None
    auction_ends: int | None
    derivatives_close: int

    @property
    def pre_open(self) -> int:
        return self.opens - 900

    @property
    def ends(self) -> int:
        return max(self.derivatives_close, self.auction_ends or 0) + 60

    def phase(self, second: int) -> str:
        if second < self.pre_open or second >= self.ends:
            return "closed"
        if second < self.opens:
            return "pre_open"
        if second < self.cash_closes:
            return "continuous"
        if self.auction_ends and second < self.auction_ends:
            return "auction"
        return "derivatives" if second < self.derivatives_close else "closed"


def _clock(hour: int, minute: int = 0) -> int:
    return hour * 3600 + minute * 60


def is_trading_day(day: date) -> bool:
    if day in SHORT_SESSIONS or day in WEEKEND_SESSIONS:
        return True
    return day.weekday() < 5 and day not in HOLIDAYS


def next_trading_day(day: date, step: int = 1) -> date:
    """The first trading day after ``day`` (before it, if ``step`` is -1)."""
    day += timedelta(days=step)
    while not is_trading_day(day):
        day += timedelta(days=step)
    return day


def first_trading_day_from(day: date) -> date:
    return day if is_trading_day(day) else next_trading_day(day)


def last_trading_day_to(day: date) -> date:
    return day if is_trading_day(day) else next_trading_day(day, -1)


def hours_of(day: date) -> Hours:
    if day in SHORT_SESSIONS:
        opens, closes = (at.hour * 3600 + at.minute * 60 for at in SHORT_SESSIONS[day])
        return Hours(opens, closes, None, None, closes)
    if day < AUCTION_SINCE:
        return Hours(_clock(9, 15), _clock(15, 30), None, None, _clock(15, 30))
    if day < LATE_CLOSE_SINCE:
        return Hours(_clock(9, 15), _clock(15, 15), _clock(15, 30), _clock(15, 35), _clock(15, 40))
    return Hours(_clock(9, 15), _clock(15, 30), _clock(15, 40), _clock(15, 40), _clock(15, 45))


@cache
def midnight_of(day: date) -> int:
    """Epoch seconds of 00:00 IST."""
    return int(datetime.combine(day, time(), IST).timestamp())


def day_of(epoch: float) -> date:
    return datetime.fromtimestamp(epoch, IST).date()


def ist_time(epoch: float) -> datetime:
    return datetime.fromtimestamp(epoch, UTC).astimezone(IST)


def kite_time(epoch: float) -> str:
    """Kite's own text form: IST without a zone."""
    return ist_time(epoch).strftime("%Y-%m-%d %H:%M:%S")


def weekly_expiry(day: date) -> date:
    """The expiry on or after ``day``: Tuesday, or the trading day before if it is a holiday."""
    tuesday = day + timedelta(days=(1 - day.weekday()) % 7)
    expiry = last_trading_day_to(tuesday)
    return expiry if expiry >= day else weekly_expiry(tuesday + timedelta(days=1))


def monthly_expiry(year: int, month: int) -> date:
    first_of_next = date(year + month // 12, month % 12 + 1, 1)
    last = first_of_next - timedelta(days=1)
    return last_trading_day_to(last - timedelta(days=(last.weekday() - 1) % 7))


def monthly_expiries(day: date, count: int) -> list[date]:
    months = ((day.year + (day.month - 1 + n) // 12, (day.month - 1 + n) % 12 + 1) for n in range(count + 1))
    return [expiry for expiry in (monthly_expiry(*month) for month in months) if expiry >= day][:count]
