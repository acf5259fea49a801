import re
from datetime import UTC, date, datetime, time

import pytest

from alphapanda.core.timezone import IST
from instruments.domain.sessions import DaySchedule, PhaseKind, phase_problems, phases_from_rows, unknown_day

DAY = date(2026, 8, 3)
AUCTIONED = [
    {"kind": "pre_open", "from": "09:00", "to": "09:15"},
    {"kind": "continuous", "from": "09:15", "to": "15:15"},
    {
        "kind": "auction",
        "from": "15:15",
        "to": "15:35",
        "steps": [
            {"kind": "reference", "from": "15:15", "to": "15:20"},
            {"kind": "limit_and_market", "from": "15:20", "to": "15:25"},
        ],
    },
    {"kind": "post_close", "from": "15:50", "to": "16:00"},
]


def schedule(rows):
    return DaySchedule("NSE", "equity_fno", DAY, phases_from_rows(DAY, rows))


def at(clock: str) -> datetime:
    return datetime.combine(DAY, time.fromisoformat(clock), tzinfo=IST)


@pytest.mark.parametrize(
    ("clock", "kind"),
    [
        ("08:59:59", None),
        ("09:00:00", "pre_open"),
        ("09:15:00", "continuous"),
        ("15:14:59", "continuous"),
        ("15:15:00", "auction"),
        ("15:35:00", None),
        ("15:55:00", "post_close"),
        ("16:00:00", None),
    ],
)
def test_a_phase_begins_at_its_opening_and_is_over_at_its_closing(clock, kind):
    phase = schedule(AUCTIONED).phase_at(at(clock))
    assert (phase and phase.kind) == kind


def test_the_day_opens_and_closes_with_continuous_trading():
    day = schedule(AUCTIONED)
    assert (day.opens_at, day.closes_at) == (at("09:15"), at("15:15"))
    assert day.is_trading_day


def test_two_continuous_phases_leave_a_gap_that_is_closed():
    rows = [{"kind": "continuous", "from": a, "to": b} for a, b in (("09:15", "10:00"), ("11:30", "12:30"))]
    day = schedule(rows)
    assert (day.opens_at, day.closes_at) == (at("09:15"), at("12:30"))
    assert not day.is_continuous(at("10:30"))
    assert day.is_continuous(at("11:30"))


def test_decides_alike_whatever_zone_the_moment_is_given_in():
    moment = datetime(2026, 8, 3, 3, 45, tzinfo=UTC)
    assert schedule(AUCTIONED).is_continuous(moment)


def test_a_step_says_what_may_be_done_within_the_auction():
    auction = schedule(AUCTIONED).phase_at(at("15:21"))
    assert auction.step_at(at("15:21")).kind == "limit_and_market"
    assert auction.step_at(at("15:30")) is None


def test_an_unknown_day_is_closed_and_says_that_it_is_unknown():
    day = unknown_day("NSE", "equity", DAY)
    assert not day.known
    assert day.opens_at is None
    assert not day.is_trading_day
    assert not day.is_continuous(at("10:00"))


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([{"kind": "lunch", "from": "12:00", "to": "13:00"}], "phase 1: kind 'lunch' is unknown"),
        ([{"kind": "continuous", "from": "9:15", "to": "15:30"}], "phase 1: 'from' is '9:15', not a time"),
        ([{"kind": "continuous", "from": "09:15", "to": "24:00"}], "phase 1: 'to' is '24:00', not a time"),
        ([{"kind": "continuous", "from": "09:15"}], "phase 1: 'to' is None"),
        ([{"kind": "continuous", "from": "09:15", "to": "15:30", "note": 1}], "unknown word 'note'"),
        (["09:15–15:30"], "is not an object"),
    ],
)
def test_phases_that_cannot_be_read_are_refused_by_name(rows, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        phases_from_rows(DAY, rows)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([{"kind": "continuous", "from": "15:30", "to": "09:15"}], "would close at 09:15, not after it opens"),
        (
            [
                {"kind": "continuous", "from": "09:15", "to": "15:30"},
                {"kind": "auction", "from": "15:15", "to": "15:35"},
            ],
            "out of order or overlapping: continuous (09:15–15:30) before auction (15:15–15:35)",
        ),
        (
            [
                {
                    "kind": "auction",
                    "from": "15:15",
                    "to": "15:35",
                    "steps": [{"kind": "matching", "from": "15:30", "to": "15:40"}],
                }
            ],
            "step matching (15:30–15:40) lies outside the phase (15:15–15:35)",
        ),
    ],
)
def test_phases_that_cannot_be_meant_are_explained(rows, words):
    assert words in " ".join(phase_problems(phases_from_rows(DAY, rows)))


def test_sound_phases_have_no_problems():
    assert phase_problems(phases_from_rows(DAY, AUCTIONED)) == []
    assert PhaseKind("auction") is PhaseKind.AUCTION
