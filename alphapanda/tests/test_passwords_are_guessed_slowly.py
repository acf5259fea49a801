"""Whichever door: so many tries from one true address and of one name, and two hashes at work at a time."""

import base64
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher, make_password
from django.test import Client, RequestFactory
from django.urls import reverse

from alphapanda.core import guesses

PASSWORD = "a long enough secret"
Try = Callable[..., int]


def by_page(client: Client, name: str, password: str, **headers: Any) -> int:
    return client.post(reverse("dashboard:sign_in"), {"username": name, "password": password}, **headers).status_code


def by_token(client: Client, name: str, password: str, **headers: Any) -> int:
    said = base64.b64encode(f"{name}:{password}".encode()).decode()
    return client.get("/api/v1/tokens/", headers={"Authorization": f"Basic {said}"}, **headers).status_code


DOORS = pytest.mark.parametrize("door", [by_page, by_token])


@pytest.fixture
def owner(db: None, valkey: Any, monkeypatch: Any, django_user_model: Any) -> Any:
    """A person with a password; all the tries of a test fall into one minute."""
    monkeypatch.setattr(guesses.time, "time", lambda: 1_800_000_000.0)
    return django_user_model.objects.create_user("mehta", password=PASSWORD, is_staff=True)


@DOORS
def test_the_eleventh_try_from_one_address_is_refused_even_if_right(owner: Any, door: Try) -> None:
    tries = [door(Client(), f"name {number}", "wrong") for number in range(10)]
    assert 429 not in tries
    assert door(Client(), "mehta", PASSWORD) == 429


@DOORS
def test_the_eleventh_try_of_one_name_is_refused_wherever_it_comes_from(owner: Any, door: Try) -> None:
    tries = [door(Client(), "Mehta ", "wrong", REMOTE_ADDR=f"10.0.0.{number}") for number in range(10)]
    assert 429 not in tries
    assert door(Client(), "mehta", PASSWORD, REMOTE_ADDR="10.0.1.1") == 429


def test_the_doors_count_together(owner: Any) -> None:
    for door in (by_page, by_token) * 5:
        door(Client(), "mehta", "wrong")
    assert [door(Client(), "mehta", PASSWORD) for door in (by_page, by_token)] == [429, 429]


@DOORS
@pytest.mark.parametrize("proxies", [0, 1])
def test_an_address_the_client_writes_itself_is_not_believed(
    owner: Any, settings: Any, door: Try, proxies: int
) -> None:
    settings.NUM_PROXIES = proxies
    seen = ", 10.0.0.9" if proxies else ""
    tries = [door(Client(), f"name {n}", "wrong", HTTP_X_FORWARDED_FOR=f"198.51.100.{n}{seen}") for n in range(25)]
    assert tries.count(429) == 15


def test_behind_a_proxy_two_clients_are_two(owner: Any, settings: Any) -> None:
    settings.NUM_PROXIES = 1
    for number in range(10):
        by_page(Client(), f"name {number}", "wrong", HTTP_X_FORWARDED_FOR="198.51.100.1")
    assert by_page(Client(), "mehta", PASSWORD, HTTP_X_FORWARDED_FOR="198.51.100.2") == 302


def test_a_stranger_does_not_keep_the_owner_out(owner: Any) -> None:
    assert by_page(Client(), "mehta", PASSWORD, REMOTE_ADDR="10.0.0.1") == 302
    for number in range(20):
        by_page(Client(), "mehta", "wrong", REMOTE_ADDR=f"10.0.1.{number}")
    assert by_page(Client(), "mehta", PASSWORD, REMOTE_ADDR="10.0.0.1") == 302
    assert by_page(Client(), "mehta", PASSWORD, REMOTE_ADDR="10.0.2.1") == 429


def test_the_next_minute_one_may_try_again_and_is_told_so(owner: Any, monkeypatch: Any) -> None:
    for number in range(11):
        answer = Client().post(reverse("dashboard:sign_in"), {"username": f"name {number}", "password": "wrong"})
    assert "Try again in 60 seconds." in answer.content.decode()
    monkeypatch.setattr(guesses.time, "time", lambda: 1_800_000_060.0)
    assert by_page(Client(), "mehta", PASSWORD) == 302


def test_the_api_says_how_long_to_wait(owner: Any) -> None:
    answers = [Client().get("/api/v1/tokens/", headers={"Authorization": "Basic YTpi"}) for _ in range(11)]
    assert (answers[-1].status_code, answers[-1]["Retry-After"]) == (429, "60")


def test_one_home_of_ipv6_is_one_address() -> None:
    assert guesses._network("2001:db8::1") == guesses._network("2001:db8::ffff:1")
    assert guesses._network("2001:db8::1") != guesses._network("2001:db8:0:1::1")


def test_without_valkey_one_gets_in(db: None, settings: Any, owner: Any) -> None:
    cache = {**settings.CACHES["default"], "LOCATION": "redis://127.0.0.1:1/0"}
    settings.CACHES = {"default": cache}
    assert by_page(Client(), "mehta", PASSWORD) == 302


@pytest.mark.parametrize(
    ("proxies", "passed", "address"),
    [
        (0, "198.51.100.1", "10.0.0.1"),
        (1, "", "10.0.0.1"),
        (1, "198.51.100.1", "198.51.100.1"),
        (1, "203.0.113.5, 198.51.100.1", "198.51.100.1"),
        (2, "203.0.113.5, 198.51.100.1, 10.0.0.2", "198.51.100.1"),
        (2, "198.51.100.1", "198.51.100.1"),
    ],
)
def test_the_true_address_is_what_the_outermost_own_proxy_saw(
    settings: Any, proxies: int, passed: str, address: str
) -> None:
    settings.NUM_PROXIES = proxies
    asked = RequestFactory().get("/", REMOTE_ADDR="10.0.0.1", HTTP_X_FORWARDED_FOR=passed)
    assert guesses.client_address(asked) == address


def test_two_hashes_are_at_work_at_a_time(monkeypatch: Any) -> None:
    at_work, most, lock, both = 0, 0, threading.Lock(), threading.Barrier(2)

    def slow(*_: Any) -> str:
        nonlocal at_work, most
        with lock:
            at_work += 1
            most = max(most, at_work)
        both.wait(10)
        with lock:
            at_work -= 1
        return "argon2$x"

    monkeypatch.setattr(Argon2PasswordHasher, "encode", slow)
    with ThreadPoolExecutor(12) as pool:
        list(pool.map(make_password, ["x"] * 12))
    assert most == 2


def test_who_waits_too_long_for_a_hash_is_told_to_come_again(owner: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(guesses, "HASH_WAIT_SECONDS", 0.01)
    with guesses._turn(), guesses._turn():
        assert [door(Client(), "mehta", PASSWORD) for door in (by_page, by_token)] == [429, 429]
    assert by_page(Client(), "mehta", PASSWORD) == 302
