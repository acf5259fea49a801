import json
from datetime import date
from io import StringIO

import pytest
import yaml
from django.core.management import CommandError, call_command

from instruments.calendar import OWN_CALENDAR, load_calendar
from instruments.domain.timetable import CalendarProblem
from instruments.health import calendar_ends_on, calendar_problems
from instruments.models import FreezeQuantity, TradingSession

pytestmark = pytest.mark.django_db

NEXT_YEAR = """
covers: {from: 2026-12-31, to: 2027-01-02}
phases: {day: [{kind: continuous, from: "09:15", to: "15:30"}]}
timetable:
  - {from: 2026-12-31, exchanges: [NSE, BSE], classes: [equity, equity_fno, index], phases: day, source: test}
  - {from: 2026-12-31, exchanges: [NFO, BFO], classes: [derivative], phases: day, source: test}
"""


def run(*arguments) -> str:
    out = StringIO()
    call_command("load_calendar", *map(str, arguments), stdout=out)
    return out.getvalue()


def test_the_projects_own_calendar_makes_every_day_known_to_the_end_of_2026():
    report = load_calendar()
    assert (report.new, report.freeze_quantities) == (8818, 7)
    assert calendar_ends_on() == date(2026, 12, 31)


def test_loading_it_again_changes_nothing():
    load_calendar(years=[2026])
    report = load_calendar(years=[2026])
    assert (report.new, report.changed, report.unchanged, report.freeze_quantities) == (0, 0, 2970, 0)


def test_only_the_years_asked_for_are_loaded():
    load_calendar(years=[2025])
    assert set(TradingSession.objects.dates("day", "year")) == {date(2025, 1, 1)}


def test_a_session_edited_by_hand_stays_until_told_otherwise():
    load_calendar(years=[2026])
    edited = TradingSession.objects.filter(exchange="NSE", security_class="equity", day=date(2026, 11, 24))
    edited.update(name="Moved", by_hand=True)
    report = load_calendar(years=[2026])
    assert (report.kept, report.kept_days) == (1, ["NSE equity on 24 Nov 2026"])
    assert edited.get().name == "Moved"
    assert load_calendar(years=[2026], overwrite=True).changed == 1
    assert (edited.get().name, edited.get().by_hand) == ("Guru Nanak's birthday", False)


def test_next_years_file_extends_the_calendar(tmp_path):
    file = tmp_path / "calendar_2027.yaml"
    file.write_text(NEXT_YEAR)
    load_calendar([OWN_CALENDAR, file], years=[2026, 2027])
    assert calendar_ends_on() == date(2027, 1, 2)


def test_a_bad_calendar_changes_nothing(tmp_path):
    file = tmp_path / "bad.yaml"
    file.write_text(NEXT_YEAR.replace("15:30", "09:00"))
    with pytest.raises(CalendarProblem, match=r"bad\.yaml: phases day: continuous: it would close at 09:00"):
        load_calendar([OWN_CALENDAR, file])
    assert not TradingSession.objects.exists()


@pytest.mark.parametrize("text", ["{", "covers: !!python/object/apply:os.system [ls]", "- 1"])
def test_a_file_that_is_no_calendar_is_refused(tmp_path, text):
    file = tmp_path / "bad.yaml"
    file.write_text(text)
    with pytest.raises(CommandError, match=r"Refused: bad\.yaml") as refused:
        run(file)
    assert refused.value.returncode == 1


def test_a_file_that_is_not_there_is_wrong_input(tmp_path):
    with pytest.raises(CommandError, match="No such file") as refused:
        run(tmp_path / "nowhere.yaml")
    assert refused.value.returncode == 2


def test_the_command_speaks_words_or_json():
    assert "8,818 sessions new" in run()
    assert json.loads(run("--json", "--year", 2026))["known_until"] == "2026-12-31"


def test_warns_a_month_before_the_calendar_ends():
    load_calendar(years=[2026])
    assert calendar_problems(date(2026, 11, 30)) == []
    assert calendar_problems(date(2026, 12, 1)) == [
        "The calendar ends on 31 Dec 2026, in 30 days. Load the next year's."
    ]
    assert "ended on 31 Dec 2026: every day counts as closed" in calendar_problems(date(2027, 1, 1))[0]


def test_without_a_calendar_every_day_is_closed_and_it_says_so():
    assert calendar_ends_on() is None
    assert "every day counts as closed" in calendar_problems(date(2026, 11, 22))[0]
    assert not TradingSession.objects.schedule("NSE", "equity", date(2026, 11, 23)).known


def test_one_class_without_sessions_leaves_the_calendar_unfinished():
    load_calendar(years=[2026])
    TradingSession.objects.filter(exchange="BFO").delete()
    assert calendar_ends_on() is None


def test_freeze_quantities_edited_by_hand_stay():
    load_calendar(years=[2026])
    FreezeQuantity.objects.filter(underlying="NIFTY").update(quantity=900)
    load_calendar(years=[2026])
    assert FreezeQuantity.objects.get(underlying="NIFTY").quantity == 900


def test_the_files_in_the_project_are_plain_yaml():
    assert set(yaml.safe_load(OWN_CALENDAR.read_text())) == {"covers", "phases", "timetable", "closed", "special"}
