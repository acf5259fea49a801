"""A screen left alone opens no gate: what matters takes the password or a code again after 15 minutes."""

import base64
import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from alphapanda.core import proof
from alphapanda.tests.people import person
from alphapanda.tests.second_factors import PASSWORD, shown, signs_in, with_app
from trading.api.tokens import make_token
from trading.models import Gate
from trading.orders import kill_switch
from trading.orders.life_cycle import GateState

AGAIN = "/you/again/"
LATER = proof.GOOD_FOR.total_seconds() + 1


@pytest.fixture
def mehta(db: None, valkey: Any) -> User:
    kill_switch.set_level(None, GateState.HALTED, "mehta", "lunch")
    return person("mehta", "administrator", password=PASSWORD, is_staff=True, is_superuser=True)


@pytest.fixture
def desk(mehta: User) -> Client:
    client = Client()
    signs_in(client)
    return client


def leave_alone(client: Client) -> None:
    """Let the session stand for a quarter of an hour."""
    session = client.session
    for mark in (proof.SHOWN_AT, proof.SECOND_SHOWN_AT):
        if mark in session:
            session[mark] -= LATER
    session.save()


def gate() -> str:
    return str(Gate.objects.get(account=None).state)


def test_a_gate_is_opened_without_asking_right_after_signing_in(desk: Client) -> None:
    desk.post("/do/gate/", {"level": "active"})
    assert gate() == GateState.ACTIVE


def test_an_old_session_opens_it_after_the_password_and_what_was_asked_is_done_then(desk: Client) -> None:
    leave_alone(desk)
    asked = desk.post("/do/gate/", {"level": "active", "reason": "lunch is over"})
    assert asked.headers["Location"].startswith(AGAIN)
    assert gate() == GateState.HALTED
    wrong = desk.post(asked.headers["Location"], {"password": "wrong", "next": "/do/gate/"})
    assert (wrong.status_code, gate()) == (200, GateState.HALTED)
    right = desk.post(asked.headers["Location"], {"password": PASSWORD, "next": "/do/gate/"})
    assert right.headers["Location"] == "/"
    assert (gate(), Gate.objects.get(account=None).reason) == (GateState.ACTIVE, "lunch is over")


def test_getting_out_never_asks(desk: Client) -> None:
    desk.post("/do/gate/", {"level": "active"})
    leave_alone(desk)
    desk.post("/do/gate/", {"level": "halted", "reason": "now"})
    assert gate() == GateState.HALTED


def test_who_has_an_app_shows_its_code(desk: Client, mehta: User) -> None:
    secret = with_app(mehta)
    leave_alone(desk)
    asked = desk.post("/do/gate/", {"level": "active"})
    assert asked.headers["Location"].startswith("/you/again/code/")
    desk.post(asked.headers["Location"], {"code": shown(secret), "next": "/do/gate/"})
    assert gate() == GateState.ACTIVE


def test_over_the_api_an_old_session_is_told_where_to_show_it_and_a_token_is_not_asked(
    desk: Client, mehta: User
) -> None:
    leave_alone(desk)
    refused = desk.post("/api/v1/gate/resume/", content_type="application/json")
    assert (refused.status_code, gate()) == (403, GateState.HALTED)
    assert AGAIN in refused.content.decode()
    token = make_token(mehta, "script", "trade", 1).shown  # type: ignore[attr-defined]
    Client().post("/api/v1/gate/resume/", content_type="application/json", headers={"Authorization": f"Token {token}"})
    assert gate() == GateState.ACTIVE


@pytest.mark.parametrize("address", ["/admin/auth/user/add/", "/admin/trading/risklimit/add/"])
def test_admins_forms_ask_before_they_are_filled_in(desk: Client, address: str) -> None:
    assert desk.get(address).status_code == 200
    leave_alone(desk)
    asked = desk.get(address)
    assert asked.headers["Location"].startswith(AGAIN)
    again = desk.post(asked.headers["Location"], {"password": PASSWORD, "next": address})
    assert again.headers["Location"] == address


@pytest.mark.parametrize("state", [GateState.HALTED, GateState.REDUCE_ONLY, GateState.ACTIVE])
def test_a_gate_is_closed_in_admin_without_asking_and_opened_only_after_it(desk: Client, state: GateState) -> None:
    before = GateState.HALTED if state == GateState.ACTIVE else GateState.ACTIVE
    kill_switch.set_level(None, before, "mehta", "")
    address = f"/admin/trading/gate/{Gate.objects.get(account=None).pk}/change/"
    leave_alone(desk)
    assert desk.get(address).status_code == 200
    desk.post(address, {"state": state, "reason": "from admin"})
    assert gate() == (before if state == GateState.ACTIVE else state)


@pytest.mark.parametrize(("act", "is_asked"), [("stop", False), ("pause", False), ("start", True), ("resume", True)])
def test_a_strategy_is_stopped_in_admin_without_asking(desk: Client, act: str, is_asked: bool) -> None:
    leave_alone(desk)
    answer = desk.post("/admin/trading/deployment/", {"action": act, "_selected_action": []})
    assert answer.headers.get("Location", "").startswith(AGAIN) == is_asked


def test_admin_changes_nothing_for_an_old_session(desk: Client) -> None:
    leave_alone(desk)
    sent = {"username": "intruder", "usable_password": "false", "password1": "", "password2": ""}
    desk.post("/admin/auth/user/add/", sent)
    assert not User.objects.filter(username="intruder").exists()


def test_who_came_by_a_link_and_has_nothing_to_show_is_not_asked(db: None, valkey: Any) -> None:
    kill_switch.set_level(None, GateState.HALTED, "demo", "lunch")
    client = Client()
    client.force_login(User.objects.create_superuser("demo"))
    leave_alone(client)
    client.post("/do/gate/", {"level": "active"})
    assert gate() == GateState.ACTIVE


@pytest.mark.parametrize("code", ["", "000000", None])
def test_a_token_is_no_way_round_the_second_factor(mehta: User, code: str | None) -> None:
    secret = with_app(mehta)
    right = shown(secret)
    sent = {"name": "script", "code": right if code is None else code if code != right else "000001"}
    basic = base64.b64encode(f"mehta:{PASSWORD}".encode()).decode()
    headers = {"Authorization": f"Basic {basic}"}
    answer = Client().post("/api/v1/tokens/", json.dumps(sent), content_type="application/json", headers=headers)
    assert answer.status_code == (201 if code is None else 400), answer.content
