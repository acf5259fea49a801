"""The flight check as a page: the answer first, the worst next, and where to go on."""

from typing import Any

import pytest
from django.urls import reverse

from alphapanda.dashboard.panels.morning import flight
from alphapanda.flight.finding import ok_finding, red_finding, warn_finding

FINE, KNOW, BAD = (
    ok_finding("disk", "90 GiB free"),
    warn_finding("clock", "1.2 s from the broker's"),
    red_finding("session", "main is not logged in: run kite_login"),
)


def shown(reader: Any, monkeypatch: pytest.MonkeyPatch, *found: Any, query: str = "") -> str:
    monkeypatch.setattr(flight, "run_checks", lambda **_: list(found))
    return str(reader.get(reverse("dashboard:flight") + query).content.decode())


def test_the_answer_comes_first_and_the_worst_next(reader: Any, day: None, monkeypatch: pytest.MonkeyPatch) -> None:
    page = shown(reader, monkeypatch, FINE, KNOW, BAD)
    assert "Not fit to fly: session" in page
    assert page.index("main is not logged in") < page.index("1.2 s from the broker") < page.index("90 GiB free")
    assert f'href="{reverse("dashboard:logins")}">Log in at Kite' in page


@pytest.mark.parametrize(
    ("found", "words"),
    [((FINE, KNOW), "Fit to fly; know of clock"), ((FINE,), "Fit to fly</h2>"), ((BAD,), "Not fit to fly: session")],
)
def test_a_warning_keeps_nobody_from_flying(
    reader: Any, day: None, monkeypatch: pytest.MonkeyPatch, found: Any, words: str
) -> None:
    assert words in shown(reader, monkeypatch, *found)


def test_what_was_not_asked_is_said_and_may_be(reader: Any, day: None, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "1 check asked; not asked: settings, broker clock and workers." in shown(reader, monkeypatch, FINE)
    asked: dict[str, Any] = {}
    monkeypatch.setattr(flight, "run_checks", lambda **how: asked.update(how) or [FINE])
    page = reader.get(reverse("dashboard:flight") + "?all=1").content.decode()
    assert (asked, "1 check asked." in page) == ({"quick": False}, True)


def test_the_real_checks_make_a_page(reader: Any, day: None, valkey: Any) -> None:
    page = reader.get(reverse("dashboard:flight")).content.decode()
    assert "Not fit to fly" in page
    assert "no feed is set up" in page
