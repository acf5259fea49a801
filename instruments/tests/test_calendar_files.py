import copy
import re
from datetime import date

import pytest

from instruments.domain.timetable import CalendarProblem, parse_timetable, session_rows

OPEN = [{"kind": "continuous", "from": "09:15", "to": "15:30"}]
EVENING = [{"kind": "continuous", "from": "18:00", "to": "19:00"}]
RULE = {"from": date(2027, 1, 1), "exchanges": ["NSE"], "classes": ["equity"], "phases": "day", "source": "S1"}
FILE = {
    "covers": {"from": date(2027, 1, 1), "to": date(2027, 1, 8)},
    "phases": {"day": OPEN, "evening": EVENING},
    "timetable": [RULE],
    "closed": [{"day": date(2027, 1, 6), "name": "A feast", "source": "S2"}],
    "special": [{"day": date(2027, 1, 3), "name": "Muhurat", "source": "S3", "phases": {"equity": "evening"}}],
}


def changed(**changes) -> dict:
    return {**copy.deepcopy(FILE), **changes}


def test_rules_holidays_weekends_and_special_days_become_one_row_a_day():
    rows = {row.day.day: row for row in session_rows(parse_timetable(FILE))}
    assert sorted(rows) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert (rows[1].phases, rows[1].source, rows[1].is_holiday) == (OPEN, "S1", False)
    assert (rows[2].phases, rows[2].name, rows[2].is_holiday) == ([], "Saturday", True)
    assert (rows[3].phases, rows[3].name) == (EVENING, "Muhurat")
    assert (rows[6].phases, rows[6].name, rows[6].source) == ([], "A feast", "S2")


def test_the_newest_rule_that_has_begun_applies():
    later = {**RULE, "from": date(2027, 1, 5), "phases": "evening"}
    rows = {row.day.day: row for row in session_rows(parse_timetable(changed(timetable=[later, RULE])))}
    assert (rows[4].phases, rows[5].phases) == (OPEN, EVENING)


def test_a_weekend_may_keep_a_weekdays_hours():
    saturday = {"day": date(2027, 1, 2), "name": "Budget", "source": "S4", "as_on_weekdays": True}
    rows = {row.day.day: row for row in session_rows(parse_timetable(changed(special=[saturday])))}
    assert (rows[2].phases, rows[2].name, rows[2].source) == (OPEN, "Budget", "S4")


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("NSE is open", "the file: names with values are due"),
        (changed(covers=None), "covers: names with values are due"),
        (changed(covers={"from": "2027", "to": date(2027, 1, 8)}), "covers, from: '2027' is not a day"),
        (changed(covers={"from": date(2027, 2, 1), "to": date(2027, 1, 8)}), "it ends on 2027-01-08, before"),
        (changed(holidays=[]), "the file: unknown word 'holidays'"),
        (changed(phases={"day": []}), "phases day: a list of phases is due"),
        (changed(phases={"day": [{**OPEN[0], "to": 1530}]}), "phases day: phase 1: 'to' is 1530, not a time"),
        (changed(phases={"day": [*OPEN, *OPEN]}), "phases day: phases out of order or overlapping"),
        (changed(timetable="daily"), "timetable: a list is due"),
        (changed(timetable=[{**RULE, "phases": "night"}]), "timetable 1: no phases are named 'night'"),
        (changed(timetable=[{**RULE, "exchanges": ["LSE"]}]), "timetable 1: exchange 'LSE' is unknown"),
        (changed(timetable=[{**RULE, "classes": ["derivative"]}]), "timetable 1: NSE has no class 'derivative'"),
        (changed(timetable=[{**RULE, "source": ""}]), "timetable 1: source is missing"),
        (changed(timetable=[{**RULE, "from": "2027-01-01"}]), "timetable 1: '2027-01-01' is not a day"),
        (changed(closed=FILE["closed"] * 2), "2027-01-06 is listed twice"),
        (changed(closed=[{**FILE["closed"][0], "day": date(2028, 1, 1)}]), "2028-01-01 lies outside 2027-01-01"),
        (changed(special=[{**FILE["special"][0], "phases": {}}]), "special 1: phases by class are due"),
        (changed(special=[{**FILE["special"][0], "phases": {"equity": "x"}}]), "special 1: no phases are named 'x'"),
    ],
)
def test_a_calendar_that_cannot_be_meant_is_refused_by_entry(written, words):
    with pytest.raises(CalendarProblem, match=re.escape(words)):
        parse_timetable(written)
