"""Splits and bonus issues come from a file or the admin; a bad row refuses the whole file, in words."""

from datetime import UTC, date, datetime

import pytest
from django.core.exceptions import ValidationError
from django.core.management.base import CommandError

from alphapanda.core.commands import run_quietly
from instruments.corporate_actions import BadActions, load_corporate_actions
from instruments.models import CorporateAction
from instruments.tests.dumps_of import load, share

pytestmark = pytest.mark.django_db
HEADER = "kind,exchange,tradingsymbol,ex_date,held,becomes,credited_on,source\n"
SPLIT = "split,NSE,INFY,2026-11-25,1,5,,NSE circular 1\n"


@pytest.fixture
def file(tmp_path):
    load(share())

    def write(text: str):
        path = tmp_path / "actions.csv"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_a_row_becomes_an_action(file):
    report = load_corporate_actions(file(HEADER + SPLIT))
    action = CorporateAction.objects.get()
    assert (report.new, report.changed, report.unchanged) == (1, 0, 0)
    assert str(action) == "split of NSE:INFY on 25 Nov 2026: 1 → 5"
    assert (action.credited_on, action.source) == (None, "NSE circular 1")


def test_the_same_file_again_changes_nothing_and_a_credit_is_added_later(file):
    load_corporate_actions(file(HEADER + SPLIT))
    assert load_corporate_actions(file(HEADER + SPLIT)).unchanged == 1
    report = load_corporate_actions(file(HEADER + SPLIT.replace("5,,", "5,2026-11-27,")))
    assert (report.new, report.changed) == (0, 1)
    assert CorporateAction.objects.get().credited_on == date(2026, 11, 27)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (SPLIT.replace("split", "merger"), "Value 'merger' is not a valid choice"),
        (SPLIT.replace("INFY", "NOBODY"), "there is no instrument NSE:NOBODY"),
        (SPLIT.replace("2026-11-25", "25/11/2026"), "Invalid isoformat string"),
        (SPLIT.replace("1,5", "5,1"), "Of some shares held more must become"),
        (SPLIT.replace("1,5", "1,101"), "at most 100 times as many"),
        (SPLIT.replace("1,5", "1,x"), "invalid literal for int"),
        (SPLIT.replace("5,,", "5,2026-11-20,"), "Shares are credited on the ex-date or later"),
        (SPLIT.replace("NSE circular 1", ""), "source is empty"),
    ],
)
def test_a_bad_row_refuses_the_whole_file_naming_the_row(file, row, words):
    good = SPLIT.replace("2026-11-25", "2026-10-01")
    with pytest.raises(BadActions) as refused:
        load_corporate_actions(file(HEADER + good + row))
    assert "actions.csv, row 3: " in str(refused.value)
    assert words in str(refused.value)
    assert not CorporateAction.objects.exists()


def test_a_file_without_a_column_is_refused(file):
    with pytest.raises(BadActions, match=r"without the column held"):
        load_corporate_actions(file(HEADER.replace("held,", "") + SPLIT))


def test_what_has_taken_effect_keeps_its_ratio_and_may_still_be_credited(file):
    load_corporate_actions(file(HEADER + SPLIT))
    CorporateAction.objects.update(taken_effect_at=datetime(2026, 11, 25, tzinfo=UTC))
    with pytest.raises(BadActions, match=r"it has taken effect as 1 → 5 and cannot be changed"):
        load_corporate_actions(file(HEADER + SPLIT.replace("1,5", "1,2")))
    assert load_corporate_actions(file(HEADER + SPLIT.replace("5,,", "5,2026-11-27,"))).changed == 1
    action = CorporateAction.objects.get()
    action.becomes = 2
    with pytest.raises(ValidationError, match=r"cannot be changed"):
        action.full_clean()


def test_the_command_says_what_it_did_and_refuses_with_1(file):
    run_quietly("load_corporate_actions", str(file(HEADER + SPLIT)))
    assert CorporateAction.objects.count() == 1
    with pytest.raises(CommandError, match=r"Refused: actions.csv, row 2"):
        run_quietly("load_corporate_actions", str(file(HEADER + SPLIT.replace("INFY", "X"))))
