"""Whoever has a second factor gets in with it only, by whichever door, each code once, and guesses are counted."""

from typing import Any

import pytest
import redis
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client

from alphapanda.core.journal.models import Event
from alphapanda.dashboard.sign_in_links import make_sign_in_link
from alphapanda.tests.people import person
from alphapanda.tests.second_factors import PASSWORD, shown, signs_in, with_app

CODE = "/sign-in/code/"


@pytest.fixture
def mehta(db: None, valkey: Any) -> User:
    return person("mehta", "trader", password=PASSWORD)


def is_in(client: Client) -> bool:
    return client.get("/you/").status_code == 200


def test_without_one_the_password_is_enough(mehta: User) -> None:
    client = Client()
    assert signs_in(client, next="/orders/").headers["Location"] == "/orders/"
    assert is_in(client)


def test_the_password_alone_lets_nobody_in_who_has_one(mehta: User) -> None:
    secret, client = with_app(mehta), Client()
    assert signs_in(client, next="/orders/").headers["Location"] == CODE
    assert not is_in(client)
    page = client.get(CODE).content.decode()
    assert "authenticator app" in page
    assert client.post(CODE, {"code": shown(secret)}).headers["Location"] == "/orders/"
    assert is_in(client)


def test_a_link_lets_nobody_past_it_either(mehta: User) -> None:
    secret, client = with_app(mehta), Client()
    assert client.get(make_sign_in_link(mehta)).headers["Location"] == CODE
    assert not is_in(client)
    client.post(CODE, {"code": shown(secret)})
    assert is_in(client)


def test_a_wrong_code_lets_nobody_in_and_is_recorded(mehta: User) -> None:
    secret, client = with_app(mehta), Client(REMOTE_ADDR="10.0.0.7")
    signs_in(client)
    wrong = "000000" if shown(secret) != "000000" else "000001"
    assert "This code is wrong" in client.post(CODE, {"code": wrong}).content.decode()
    assert not is_in(client)
    assert Event.objects.get(kind="person.wrong_code").payload == {"by": "mehta", "address": "10.0.0.7"}


@pytest.mark.parametrize("valkey_is_dead", [False, True])
def test_a_code_is_taken_once(mehta: User, monkeypatch: pytest.MonkeyPatch, valkey_is_dead: bool) -> None:
    """Also while Valkey, which remembers the codes used, is dead: whoever would halt must get in."""
    secret = with_app(mehta)
    if valkey_is_dead:
        for name in ("add", "get", "set", "incr"):
            monkeypatch.setattr(cache, name, refuse)
    first, second, code = Client(), Client(), shown(secret)
    for client in (first, second):
        signs_in(client)
        client.post(CODE, {"code": code})
    assert (is_in(first), is_in(second)) == (True, False)


def refuse(*_: Any, **__: Any) -> None:
    raise redis.ConnectionError("Valkey is away")


def test_codes_are_guessed_no_faster_than_passwords(mehta: User) -> None:
    secret, client = with_app(mehta), Client()
    signs_in(client)
    for _ in range(10):
        client.post(CODE, {"code": "not one"})
    assert "Too many sign-ins" in client.post(CODE, {"code": shown(secret)}).content.decode()
    assert not is_in(client)


def test_a_recovery_code_lets_in_once(mehta: User) -> None:
    with_app(mehta)
    row = Authenticator.objects.get(type=Authenticator.Type.RECOVERY_CODES)
    code = RecoveryCodes(row).get_unused_codes()[0]
    first, second = Client(), Client()
    for client in (first, second):
        signs_in(client)
        client.post(CODE, {"code": code})
    assert (is_in(first), is_in(second)) == (True, False)


def test_a_dump_of_the_database_does_not_show_the_apps_secret(mehta: User, settings: Any) -> None:
    secret, client = with_app(mehta), Client()
    assert secret not in str(Authenticator.objects.get(type="totp").data)
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "another key, twenty characters long"
    signs_in(client)
    client.post(CODE, {"code": shown(secret)})
    assert is_in(client)


def test_a_secret_that_cannot_be_read_is_said_in_words(mehta: User, settings: Any) -> None:
    secret, client = with_app(mehta), Client()
    settings.SECRET_KEY = "another key, twenty characters long"
    signs_in(client)
    assert "SECRET_KEY has changed" in client.post(CODE, {"code": shown(secret)}).content.decode()
