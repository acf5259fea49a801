"""The calendar that ships with the project, day by day, against what the exchanges did and what others list."""

from datetime import date, timedelta
from functools import cache

import pytest
from django.conf import settings

from instruments.calendar import OWN_CALENDAR, read_timetable
from instruments.domain.sessions import phase_problems, phases_from_rows
from instruments.domain.timetable import SessionRow, session_rows

# Sessions that a calendar of weekdays and holidays does not know: weekends and Muhurat evenings.
UNKNOWN_TO_XBOM = {
    date(2024, 1, 20),
    date(2024, 3, 2),
    date(2024, 5, 18),
    date(2024, 11, 1),
    date(2025, 2, 1),
    date(2025, 10, 21),
    date(2026, 2, 1),
    date(2026, 11, 8),
}


@cache
def rows() -> dict[tuple[str, str, date], SessionRow]:
    return {(row.exchange, row.security_class, row.day): row for row in session_rows(read_timetable(OWN_CALENDAR))}


def open_days(exchange: str = "NSE", security_class: str = "equity") -> set[date]:
    return {row.day for key, row in rows().items() if key[:2] == (exchange, security_class) and row.phases}


def hours(exchange: str, security_class: str, day: date) -> list[str]:
    row = rows()[exchange, security_class, day]
    return [f"{phase['kind']} {phase['from']}-{phase['to']}" for phase in row.phases]


def test_opens_on_exactly_the_days_nse_traded():
    if settings.SHARED_DATA is None:
        pytest.skip("the days NSE traded are in the shared data folder, which is not there")
    (file,) = (settings.SHARED_DATA / "calendar").glob("nse_trading_days_*.txt")
    traded = {date.fromisoformat(line) for line in file.read_text().split()}
    first, last = date(2024, 1, 1), max(traded)
    assert {day for day in open_days() if day <= last} == {day for day in traded if day >= first}


def test_differs_from_exchange_calendars_only_in_the_special_sessions():
    import exchange_calendars

    theirs = exchange_calendars.get_calendar("XBOM").sessions_in_range("2024-01-01", "2026-12-31")
    assert open_days() ^ {day.date() for day in theirs} == UNKNOWN_TO_XBOM


@pytest.mark.parametrize(
    ("exchange", "security_class"),
    [("BSE", "equity"), ("NSE", "equity_fno"), ("NSE", "index"), ("NFO", "derivative"), ("BFO", "derivative")],
)
def test_all_exchanges_and_classes_trade_on_the_same_days(exchange, security_class):
    assert open_days(exchange, security_class) == open_days()


def test_every_day_of_three_years_is_known_and_says_who_said_so():
    days = (date(2026, 12, 31) - date(2024, 1, 1)).days + 1
    assert len({row.day for row in rows().values()}) == days
    assert all(row.source for row in rows().values())
    assert len(rows()) == days * 8 + 25 * 2  # and the index contracts' last days from 7 Dec 2026


def test_every_days_phases_are_sound():
    assert not [row for row in rows().values() if phase_problems(phases_from_rows(row.day, row.phases))]


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        ("2026-07-31", ["pre_open 09:00-09:15", "continuous 09:15-15:30", "post_close 15:40-16:00"]),
        (
            "2026-08-03",
            ["pre_open 09:00-09:15", "continuous 09:15-15:15", "auction 15:15-15:35", "post_close 15:50-16:00"],
        ),
        (
            "2026-12-07",
            ["pre_open 09:00-09:15", "continuous 09:15-15:30", "auction 15:30-15:40", "post_close 15:50-16:00"],
        ),
    ],
)
def test_shares_with_futures_have_a_closing_auction_since_august_2026_and_a_shorter_one_since_december(day, expected):
    for exchange in ("NSE", "BSE"):
        assert hours(exchange, "equity_fno", date.fromisoformat(day)) == expected


def test_shares_without_futures_trade_to_half_past_three_throughout():
    for day in ("2024-01-01", "2026-08-03", "2026-12-07"):
        assert "continuous 09:15-15:30" in hours("NSE", "equity", date.fromisoformat(day))
    assert hours("NSE", "equity", date(2026, 8, 3))[-1] == "post_close 15:50-16:00"


@pytest.mark.parametrize(
    ("day", "closes"),
    [("2025-12-05", "15:30"), ("2026-07-31", "15:30"), ("2026-08-03", "15:40"), ("2026-12-07", "15:45")],
)
def test_derivatives_close_later_and_later(day, closes):
    for exchange in ("NFO", "BFO"):
        assert hours(exchange, "derivative", date.fromisoformat(day))[-1] == f"continuous 09:15-{closes}"


def test_futures_have_a_pre_open_since_december_2025():
    assert "pre_open 09:00-09:15" not in hours("NFO", "derivative", date(2025, 12, 5))
    assert "pre_open 09:00-09:15" in hours("NFO", "derivative", date(2025, 12, 8))


def test_index_contracts_stop_earlier_on_their_last_day_from_december_2026():
    assert ("NFO", "expiring_index", date(2026, 12, 4)) not in rows()
    assert hours("NFO", "expiring_index", date(2026, 12, 8))[-1] == "continuous 09:15-15:30"


@pytest.mark.parametrize(("day", "entry"), [("2026-09-04", ["09:08"]), ("2026-09-07", ["09:05", "09:10"])])
def test_the_pre_open_takes_orders_longer_since_september_2026(day, entry):
    steps = rows()["NSE", "equity_fno", date.fromisoformat(day)].phases[0]["steps"]
    assert [step["to"] for step in steps if step["kind"].startswith("limit")] == entry


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        ("2024-01-20", ["continuous 09:15-15:30"]),
        ("2024-03-02", ["continuous 09:15-10:00", "continuous 11:30-12:30"]),
        ("2024-05-18", ["continuous 09:15-10:00", "continuous 11:30-12:30"]),
        ("2024-11-01", ["continuous 18:00-19:00"]),
        ("2025-02-01", ["continuous 09:15-15:30"]),
        ("2025-10-21", ["continuous 13:45-14:45"]),
        ("2026-02-01", ["continuous 09:15-15:30"]),
        ("2026-11-08", ["continuous 18:00-19:15"]),
    ],
)
def test_special_sessions_have_their_own_hours(day, expected):
    for exchange, security_class in (("NSE", "index"), ("NFO", "derivative"), ("BSE", "equity_fno")):
        found = hours(exchange, security_class, date.fromisoformat(day))
        assert [phase for phase in found if phase.startswith("continuous")] == expected


def test_the_next_holiday_after_the_release_is_guru_nanaks_birthday():
    day = date(2026, 11, 24)
    assert rows()["NFO", "derivative", day].is_holiday
    assert rows()["NSE", "equity", day].name == "Guru Nanak's birthday"
    assert not rows()["NSE", "equity", day + timedelta(days=1)].is_holiday
