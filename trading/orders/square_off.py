"""The last minute before a live account's broker leaves what is intraday by itself: from then on nothing is ours."""

from __future__ import annotations

from datetime import datetime, time, timedelta

from django.conf import settings

from alphapanda.core.timezone import IST, day_of
from instruments.domain.order_terms import Product
from instruments.domain.sessions import DaySchedule
from instruments.models import Instrument
from portfolio.models import Account

# What rests with us must be proven cancelled before the broker sells.
BEFOREHAND = timedelta(seconds=60)
# On a day that ends before the usual time. Zerodha names no time for such days: as long before the end as on others.
SHORT_DAY = timedelta(minutes=10)


def square_off_at(schedule: DaySchedule, usual: time) -> datetime | None:
    """When the broker begins to leave what is intraday by itself; None where nothing is traded."""
    if schedule.closes_at is None:
        return None
    at, ends_at = datetime.combine(schedule.day, usual, IST), schedule.ends_at or schedule.closes_at
    return at if at < ends_at else ends_at - SHORT_DAY


def is_the_brokers(account: Account, instrument: Instrument, product: str, now: datetime) -> bool:
    """Whether an intraday position of a live account is left to its broker by now; ``now`` is market time."""
    if account.mode != Account.Mode.LIVE or product != Product.MIS:
        return False
    usual = settings.SQUARE_OFF_DERIVATIVES if instrument.expiry else settings.SQUARE_OFF_SHARES
    begins = square_off_at(instrument.schedule(day_of(now)), usual)
    return begins is not None and now >= begins - BEFOREHAND
