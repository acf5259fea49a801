"""Nobody without a name; tokens as far as their scope; people with a CSRF token."""

import base64
from datetime import timedelta
from typing import Any

import pytest
from knox.models import AuthToken
from rest_framework.test import APIClient

from alphapanda.core.clock.market_time import wall_now
from alphapanda.core.journal.models import Event
from trading.models import ApiToken, Order
from trading.tests.api.conftest import SOME_ID, addresses, holder_of, make_user

TOKENS = "/api/v1/tokens/"


@pytest.mark.django_db
@pytest.mark.parametrize("address", addresses())
def test_a_stranger_is_told_nothing(client: APIClient, address: str) -> None:
    assert client.get(address).status_code == 401
    assert client.post(address).status_code == 401


@pytest.mark.django_db
def test_the_schema_is_not_for_strangers_either(client: APIClient) -> None:
    assert client.get("/api/schema/").status_code == 401
    assert client.get("/api/docs/").status_code == 302


def test_a_session_writes_only_with_its_csrf_token(user: Any, order: Order) -> None:
    browser = APIClient(enforce_csrf_checks=True)
    browser.force_login(user)
    assert browser.post("/api/v1/gate/halt/").status_code == 403
    assert browser.get("/api/v1/gate/").status_code == 200


WRITES = {
    "orders/": "trade",
    "orders/{order}/cancel/": "halt",
    "deployments/{id}/start/": "trade",
    "deployments/{id}/resume/": "trade",
    "deployments/{id}/parameters/": "trade",
    "deployments/{id}/pause/": "halt",
    "deployments/{id}/stop/": "halt",
    "gate/halt/": "halt",
    "gate/reduce_only/": "halt",
    "gate/resume/": "trade",
    "dead-letters/{id}/replay/": "trade",
    "dead-letters/{id}/drop/": "trade",
}


@pytest.mark.parametrize("scope", ["read", "halt", "trade"])
def test_a_token_writes_only_as_far_as_its_scope(user: Any, order: Order, scope: str) -> None:
    client, reach = holder_of(user, scope), ApiToken.Scope.values.index(scope)
    for route, needed in WRITES.items():
        answer = client.post(f"/api/v1/{route.format(order=order.pk, id=SOME_ID)}")
        allowed = ApiToken.Scope.values.index(needed) <= reach
        assert (answer.status_code != 403) is allowed, route


@pytest.mark.parametrize("scope", ["read", "halt", "trade"])
def test_any_token_reads(user: Any, order: Order, scope: str) -> None:
    assert holder_of(user, scope).get(f"/api/v1/orders/{order.pk}/").status_code == 200


def test_a_token_that_has_lost_its_scope_does_nothing(user: Any, order: Order) -> None:
    client = holder_of(user, "trade")
    ApiToken.objects.all().delete()
    assert client.get("/api/v1/orders/").status_code == 401
    assert client.post("/api/v1/gate/halt/").status_code == 401


@pytest.mark.django_db
def test_a_password_makes_a_token_which_is_shown_once_and_kept_as_a_hash() -> None:
    make_user("mehta", "a long enough secret")
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=basic("mehta", "a long enough secret"))
    made = client.post(TOKENS, {"name": "my script", "scope": "halt", "days": 7}).json()
    kept = AuthToken.objects.get()
    assert (made["name"], made["scope"]) == ("my script", "halt")
    assert made["token"] not in (kept.digest, kept.token_key)
    assert "token" not in client.get(TOKENS).json()["results"][0]
    assert made["token"] not in str(Event.objects.values_list("payload", flat=True))
    assert kept.expiry - wall_now() < timedelta(days=7)


def basic(name: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


def test_passwords_cannot_be_guessed_for_long(user: Any) -> None:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=basic("mehta", "a guess"))
    statuses = [client.get(TOKENS).status_code for _ in range(12)]
    assert (statuses[0], statuses[-1]) == (401, 429)


def test_a_token_cannot_make_another(script: Any) -> None:
    assert script.post(TOKENS, {"name": "child", "scope": "trade"}).status_code == 401


def test_a_person_sees_and_revokes_only_their_own_tokens(person: Any, user: Any) -> None:
    theirs = holder_of(make_user("rao"), "read")
    mine = holder_of(user, "read")
    (row,) = person.get(TOKENS).json()["results"]
    assert person.delete(f"{TOKENS}{row['id']}/").status_code == 204
    assert (mine.get("/api/v1/orders/").status_code, theirs.get("/api/v1/orders/").status_code) == (401, 200)
    other = ApiToken.objects.get()
    assert person.delete(f"{TOKENS}{other.pk}/").status_code == 404


def test_an_expired_token_is_no_token(user: Any, db: None) -> None:
    client = holder_of(user, "trade")
    AuthToken.objects.update(expiry=wall_now() - timedelta(seconds=1))
    assert client.get("/api/v1/orders/").status_code == 401


def test_a_person_has_so_many_tokens_and_no_more(person: Any, user: Any) -> None:
    for _ in range(20):
        holder_of(user, "read")
    assert person.post(TOKENS, {"name": "one more"}).status_code == 409
