"""Who signed in, from where and how it ended stands in the journal, and is told in a sentence."""

from typing import Any

import pytest
import structlog
from django.db import OperationalError
from django.test import Client
from django.urls import reverse

from alphapanda import signing_in
from alphapanda.core.journal.models import Event
from alphapanda.dashboard.panels.live.events import event_sentence
from alphapanda.dashboard.sign_in_links import make_sign_in_link

PASSWORD = "a long enough secret"
SIGN_IN = "dashboard:sign_in"


@pytest.fixture
def person(db: None, valkey: Any, django_user_model: Any) -> Any:
    return django_user_model.objects.create_user("mehta", password=PASSWORD, is_staff=True)


def recorded() -> list[str]:
    return [event_sentence(event, None)[2] for event in Event.objects.filter(kind__startswith="person.").order_by("id")]


def test_a_sign_in_and_a_refused_one_are_recorded(person: Any) -> None:
    for password in ("wrong", PASSWORD):
        Client().post(reverse(SIGN_IN), {"username": "mehta", "password": password}, REMOTE_ADDR="10.0.0.7")
    assert recorded() == ["A sign-in as mehta from 10.0.0.7 was refused", "mehta signed in from 10.0.0.7"]


def test_the_admin_has_no_door_of_its_own(person: Any) -> None:
    sent = {"username": "mehta", "password": PASSWORD, "next": "/admin/"}
    answer = Client().post("/admin/login/?next=/admin/", sent)
    assert answer.headers["Location"] == "/sign-in/?next=/admin/"
    assert recorded() == []


def test_a_link_and_a_sign_out_are_recorded(person: Any) -> None:
    client = Client(REMOTE_ADDR="10.0.0.7")
    client.get(make_sign_in_link(person))
    client.post(reverse("dashboard:sign_out"))
    assert recorded() == ["mehta signed in from 10.0.0.7", "mehta signed out, at 10.0.0.7"]


@pytest.mark.parametrize("name", ["nobody", "a\0b", "x" * 400])
def test_names_nobody_has_do_not_fill_the_journal(person: Any, name: str, monkeypatch: Any) -> None:
    # A logger used once keeps its processors: only a fresh one is captured.
    monkeypatch.setattr(signing_in, "log", structlog.get_logger())
    with structlog.testing.capture_logs() as lines:
        signing_in.note_refusal({"username": name})
    assert [(line["event"], line["person"]) for line in lines] == [("person_refused", name[:150])]
    assert recorded() == []


def test_a_sign_in_is_not_held_up_for_want_of_a_note(person: Any, monkeypatch: Any) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OperationalError("the database is busy")

    monkeypatch.setattr(signing_in, "record_event", refuse)
    assert Client().post(reverse(SIGN_IN), {"username": "mehta", "password": PASSWORD}).status_code == 302
