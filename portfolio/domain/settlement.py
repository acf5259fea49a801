"""How derivatives end: what an expired contract is worth, and by which day one has to be left before it expires.

Index contracts are settled in cash by the closing price of the index on the day of expiry; contracts on shares are
delivered (kite.md 5.5), which this version does not book, so they are left by the trading day before.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from alphapanda.core.timezone import IST
from instruments.domain.sessions import DaySchedule

ZERO = Decimal(0)
# Zerodha asks delivery margins for options on shares from four days before expiry on (kite.md 5.6).
WARNED_TRADING_DAYS = 4
# Where nobody says otherwise: as an account's own flat-by begins.
LEFT_AT, BEFORE_CLOSE = time(15, 5), timedelta(minutes=10)


def settlement_value(instrument_type: str, strike: Decimal | None, final_price: Decimal) -> Decimal:
    """Return rupees a unit of an expired contract is settled at: a future at the price, an option at what it is in.

    ``instrument_type`` is Kite's FUT, CE or PE. Raises ValueError for what does not expire.
    """
    if instrument_type == "FUT":
        return final_price
    if instrument_type not in ("CE", "PE") or strike is None:
        raise ValueError(f"{instrument_type} at strike {strike} does not expire at a value")
    return max(ZERO, final_price - strike if instrument_type == "CE" else strike - final_price)


def leave_by_day(expiry: date, today: date, trading_days: Sequence[date]) -> date | None:
    """Return the last trading day on which a derivative on a share can be left; None while nobody need care, or past.

    It is named from four trading days before ``expiry`` on; on the day of expiry itself it is to be left at once.
    ``trading_days`` are those known: a day that nobody has told of counts as closed, so that an incomplete calendar
    warns too early and never too late.
    """
    left = [day for day in trading_days if today <= day < expiry]
    if expiry < today or len(left) > WARNED_TRADING_DAYS:
        return None
    return max(left, default=today)


def leave_at(
    expiry: date | None, leave_by: date | None, flat_by: time | None, schedule: DaySchedule
) -> datetime | None:
    """Return when on the schedule's day what is to be left by ``leave_by`` is left; None before that day.

    On that day it is at ``flat_by``, or 15:05, and before the session ends; on the day of expiry it is at once.
    """
    if leave_by is None or schedule.opens_at is None or schedule.closes_at is None or schedule.day < leave_by:
        return None
    if schedule.day == expiry:
        return schedule.opens_at
    return min(datetime.combine(schedule.day, flat_by or LEFT_AT, IST), schedule.closes_at - BEFORE_CLOSE)
