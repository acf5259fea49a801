"""Idempotency-Key: the same request with the same key is done once, however often and however many ask at once."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connection

from trading.models import RememberedRequest, Signal
from trading.tests.api.conftest import holder_of, make_account, make_user, problems_of, ticket_for

ORDERS = "/api/v1/orders/"
KEY = {"Idempotency-Key": "k1"}


def test_an_order_without_a_key_is_refused(script: Any, ticket: dict[str, Any]) -> None:
    answer = script.post(ORDERS, ticket)
    assert (answer.status_code, list(problems_of(answer))) == (400, ["Idempotency-Key"])


@pytest.mark.parametrize("key", ["x" * 65, "a\tb"])
def test_a_key_nobody_could_read_is_refused(script: Any, ticket: dict[str, Any], key: str) -> None:
    assert script.post(ORDERS, ticket, headers={"Idempotency-Key": key}).status_code == 400


def test_asked_again_it_gets_the_first_answer(script: Any, ticket: dict[str, Any]) -> None:
    first = script.post(ORDERS, ticket, headers=KEY)
    again = script.post(ORDERS, dict(reversed(ticket.items())), headers=KEY)
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    assert (again["Idempotent-Replayed"], Signal.objects.count()) == ("true", 1)


def test_what_is_accepted_says_where_to_look_also_when_asked_again(script: Any, ticket: dict[str, Any]) -> None:
    for _ in range(2):
        answer = script.post(ORDERS, ticket, headers=KEY)
        assert answer["Location"] == f"/api/v1/signals/{Signal.objects.get().pk}/"
        assert script.get(answer["Location"]).json()["id"] == answer.json()["signals"][0]["id"]


@pytest.mark.parametrize("headers", [{}, KEY])
def test_a_cancellation_says_where_its_order_is(script: Any, order: Any, headers: dict[str, str]) -> None:
    answer = script.post(f"{ORDERS}{order.pk}/cancel/", headers=headers)
    assert (answer.status_code, answer["Location"]) == (202, f"{ORDERS}{order.pk}/")


def test_a_key_used_for_another_request_is_refused(script: Any, ticket: dict[str, Any]) -> None:
    script.post(ORDERS, ticket, headers=KEY)
    answer = script.post(ORDERS, ticket | {"quantity": 11}, headers=KEY)
    assert (answer.status_code, Signal.objects.count()) == (422, 1)


def test_two_people_may_use_the_same_key(script: Any, ticket: dict[str, Any]) -> None:
    other = holder_of(make_user("rao"), "trade")
    assert [asker.post(ORDERS, ticket, headers=KEY).status_code for asker in (script, other)] == [202, 202]
    assert Signal.objects.count() == 2


def test_a_wrong_request_may_be_put_right_under_its_key(script: Any, ticket: dict[str, Any]) -> None:
    assert script.post(ORDERS, ticket | {"quantity": 0}, headers=KEY).status_code == 400
    assert script.post(ORDERS, ticket, headers=KEY).status_code == 202


def test_a_refusal_is_remembered_like_any_answer(script: Any, deployment: Any) -> None:
    address = f"/api/v1/deployments/{deployment.pk}/pause/"
    first, again = (script.post(address, headers=KEY) for _ in range(2))
    assert (first.status_code, again.status_code, again.json()) == (409, 409, first.json())
    assert again["Idempotent-Replayed"] == "true"


def test_what_was_cut_off_half_way_is_done_anew_and_still_once(script: Any, ticket: dict[str, Any]) -> None:
    script.post(ORDERS, ticket, headers=KEY)
    RememberedRequest.objects.update(status=None, answer=None)  # as a kill after the order and before the answer
    assert script.post(ORDERS, ticket, headers=KEY).status_code == 202
    assert Signal.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_one_is_done() -> None:
    user, ticket = make_user(), ticket_for(make_account())
    clients, together = [holder_of(user, "trade") for _ in range(8)], Barrier(8)

    def ask(client: Any) -> tuple[int, str]:
        together.wait()
        try:
            answer = client.post(ORDERS, ticket, headers=KEY)
            return answer.status_code, answer.json().get("signals", [{}])[0].get("id")
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        answers = set(pool.map(ask, clients))
    assert answers == {(202, str(Signal.objects.get().pk))}
