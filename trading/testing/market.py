"""The market of a strategy's test: shares, and weekdays from 9:15 to 15:30 without holidays. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import count, islice

from alphapanda.core.timezone import IST
from trading.strategies.values import InstrumentSpec, Session

Price = Decimal | str | int | float
FRIDAY = date(2026, 11, 20)
OPENS, CLOSES = "09:15", "15:30"
ONE_DAY = timedelta(days=1)
HEARD_AFTER = timedelta(seconds=2)


def price_of(price: Price) -> Decimal:
    return price if isinstance(price, Decimal) else Decimal(str(price))


def share(key: str = "NSE:INFY", *, tick_size: Price = "0.05", lot_size: int = 1) -> InstrumentSpec:
    exchange, symbol = key.split(":")
    return InstrumentSpec(key, exchange, symbol, "EQ", exchange, price_of(tick_size), lot_size)


def index(key: str = "NSE:NIFTY 50") -> InstrumentSpec:
    """Return an index, which may only be watched."""
    exchange, symbol = key.split(":")
    return InstrumentSpec(key, exchange, symbol, "EQ", "INDICES", Decimal("0.05"), 1, is_index=True)


def at(clock: str, day: date = FRIDAY) -> datetime:
    """Return an Indian time of day ("10:00", "10:00:30"), in UTC as everything is handed over."""
    return datetime.combine(day, time.fromisoformat(clock), IST).astimezone(UTC)


def session_of(instrument: str, day: date) -> Session | None:
    return Session(at(OPENS, day), at(CLOSES, day)) if day.weekday() < 5 else None


def candle_end(start: datetime, interval: int) -> datetime:
    """Return when a candle is over; the session's close cuts the day's last one short."""
    closes_at = at(CLOSES, start.astimezone(IST).date())
    return min(start + timedelta(minutes=interval), closes_at)


def next_start(interval: int, after: datetime) -> datetime:
    """Return when the first candle of so many minutes begins that ends after this moment."""
    days = (after.astimezone(IST).date() + offset * ONE_DAY for offset in count())
    starts = (start for day in days for start in _starts_on(day, interval))
    return next(start for start in starts if candle_end(start, interval) > after)


def last_starts(interval: int, until: datetime, wanted: int) -> list[datetime]:
    """Return when the last candles began that ended by this moment, oldest first."""
    days = (until.astimezone(IST).date() - offset * ONE_DAY for offset in count())
    starts = (start for day in days for start in reversed(_starts_on(day, interval)))
    ended = (start for start in starts if candle_end(start, interval) <= until)
    return list(islice(ended, wanted))[::-1]


def _starts_on(day: date, interval: int) -> list[datetime]:
    return list(_each_start(session_of("", day), timedelta(minutes=interval)))


def _each_start(session: Session | None, length: timedelta) -> Iterator[datetime]:
    start = session.opens_at if session else None
    while session and start and start < session.closes_at:
        yield start
        start += length
