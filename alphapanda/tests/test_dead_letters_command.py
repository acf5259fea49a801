import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from alphapanda.core.journal import services
from alphapanda.core.journal.models import DeadLetter

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _a_stage_that_can_replay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(services._replays, "some_stage", lambda letter: None)


def letter(key: str = "1", task: str = "some_stage", **more: Any) -> DeadLetter:
    values = {"partition": "a", "attempts": 3, "error": "Traceback\nValueError: bad", "payload": {"row": "buy 1 INFY"}}
    return DeadLetter.objects.create(task=task, key=key, **values | more)


def told(*arguments: str) -> dict[str, Any]:
    out = StringIO()
    try:
        call_command("dead_letters", *arguments, "--json", "--by", "Asha", stdout=out)
    finally:
        text = out.getvalue()
    return json.loads(text)


def words(*arguments: str) -> str:
    out = StringIO()
    call_command("dead_letters", *arguments, stdout=out)
    return out.getvalue()


def test_list_shows_open_ones_and_all_shows_the_decided_too():
    letter("1")
    letter("2", state="dropped", decided_by="Ravi")
    assert [one["state"] for one in told("list")["dead_letters"]] == ["open"]
    assert {one["state"] for one in told("list", "--all")["dead_letters"]} == {"open", "dropped"}
    assert "buy 1 INFY" in words("list")


def test_an_empty_list_says_so():
    assert words("list").strip() == "No open dead letter."


def test_show_prints_the_whole_error():
    assert "Traceback\nValueError: bad" in words("show", str(letter().pk))


def test_replay_and_drop_decide_once_and_name_who():
    chosen = letter()
    assert told("replay", str(chosen.pk))["done"] == 1
    chosen.refresh_from_db()
    assert (chosen.state, chosen.decided_by) == ("replayed", "Asha")
    with pytest.raises(CommandError, match="1 of 1 were refused") as refused:
        told("drop", str(chosen.pk))
    assert refused.value.returncode == 1


def test_all_decides_every_open_one_and_one_refusal_stops_no_other():
    letter("1"), letter("2", task="nobody_replays"), letter("3")
    with pytest.raises(CommandError, match="1 of 3 were refused"):
        told("replay", "--all")
    assert DeadLetter.objects.filter(state="replayed").count() == 2
    assert told("drop", "--all")["done"] == 1


@pytest.mark.parametrize("arguments", [("show",), ("replay",), ("drop", "no-id"), ("show", str(DeadLetter().pk))])
def test_wrong_ids_are_wrong_input(arguments):
    with pytest.raises(CommandError) as refused:
        call_command("dead_letters", *arguments)
    assert refused.value.returncode == 2
