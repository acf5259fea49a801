"""What is missing of a series, by what is kept of it."""

from datetime import datetime, timedelta

import pytest

from alphapanda.core.timezone import IST
from market.kept_history import missing_since
from market.models import KeptHistory

DAY = datetime(2026, 11, 23, tzinfo=IST)


def at(clock: str) -> datetime:
    hour, minute, second = map(int, clock.split(":"))
    return DAY.replace(hour=hour, minute=minute, second=second)


def kept(until: datetime) -> KeptHistory:
    return KeptHistory(since=DAY - timedelta(days=10), until=until)


@pytest.mark.parametrize(
    ("interval", "until", "now", "missing"),
    [
        (1, at("10:00:10"), at("10:00:50"), None),
        (1, at("10:00:50"), at("10:01:05"), at("09:59:50")),  # 10:00 has ended since
        (60, at("10:14:00"), at("10:16:00"), at("09:14:00")),  # hours begin at 09:15
        (60, at("10:16:00"), at("11:14:00"), None),
        (1440, at("09:20:00"), at("15:00:00"), None),
        (1440, at("09:20:00"), at("09:20:00") + timedelta(days=1), at("09:20:00") - timedelta(days=1)),
    ],
)
def test_only_a_candle_that_ended_since_is_missing(interval, until, now, missing):
    assert missing_since(kept(until), interval, DAY - timedelta(days=5), now, heard_from=now) == missing


def test_what_ended_while_our_own_ticks_were_heard_is_not_missing():
    assert missing_since(kept(at("10:00:00")), 1, DAY, at("10:30:00"), heard_from=at("09:59:00")) is None


@pytest.mark.parametrize(
    "standing", [None, KeptHistory(since=DAY, until=at("10:00:00")), kept(at("10:00:00") + timedelta(days=9))]
)
def test_a_series_kept_from_too_late_or_of_another_clock_is_asked_for_whole(standing):
    since = DAY - timedelta(days=5)
    assert missing_since(standing, 1, since, at("10:00:10"), heard_from=at("10:00:00")) == since
