"""When a broker begins to leave intraday positions by itself, and whose positions those are."""

from datetime import date, datetime, time
from types import SimpleNamespace

import pytest

from alphapanda.core.timezone import IST
from instruments.domain.sessions import DaySchedule, Phase, PhaseKind
from trading.orders.square_off import is_the_brokers, square_off_at

DAY = date(2026, 11, 23)


def at(clock: str) -> datetime:
    return datetime.fromisoformat(f"{DAY}T{clock}").replace(tzinfo=IST)


def day_until(clock: str) -> DaySchedule:
    return DaySchedule("NSE", "EQ", DAY, (Phase(PhaseKind.CONTINUOUS, at("09:15"), at(clock)),))


def test_it_begins_at_its_usual_time_and_earlier_on_a_day_that_ends_before():
    assert square_off_at(day_until("15:30"), time(15, 20)) == at("15:20")
    assert square_off_at(day_until("13:00"), time(15, 20)) == at("12:50")
    assert square_off_at(DaySchedule("NSE", "EQ", DAY), time(15, 20)) is None


@pytest.mark.parametrize(
    ("mode", "product", "expiry", "clock", "is_theirs"),
    [
        ("live", "MIS", None, "15:18:59", False),
        ("live", "MIS", None, "15:19:00", True),
        ("live", "MIS", DAY, "15:23:59", False),
        ("live", "MIS", DAY, "15:24:00", True),
        ("live", "CNC", None, "15:19:00", False),
        ("live", "NRML", DAY, "15:24:00", False),
        ("paper", "MIS", None, "15:19:00", False),
    ],
)
def test_a_minute_before_a_live_accounts_intraday_positions_are_the_brokers(mode, product, expiry, clock, is_theirs):
    instrument = SimpleNamespace(expiry=expiry, schedule=lambda day: day_until("15:30"))
    assert is_the_brokers(SimpleNamespace(mode=mode), instrument, product, at(clock)) is is_theirs
