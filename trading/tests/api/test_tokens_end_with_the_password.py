"""A token ends with its owner's password or account, does no more than their role, and is made with the password."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from alphapanda.core import guesses
from alphapanda.core.journal.models import Event
from alphapanda.tests.people import person
from trading.models import ApiToken
from trading.tests.api.conftest import holder_of, make_user

READS, MAKES = "/api/v1/orders/", "/api/v1/tokens/"
PASSWORD = "a long enough secret"


def ends() -> list[str]:
    return [event.payload["why"] for event in Event.objects.filter(kind="token.ended")]


def test_a_change_of_password_ends_tokens_and_says_so(user: Any) -> None:
    script = holder_of(user, "trade")
    user.set_password("another long secret")
    user.save()
    assert script.get(READS).status_code == 401
    assert (ApiToken.objects.count(), ends()) == (0, ["the password was changed"])


def test_a_password_changed_behind_django_s_back_ends_them_too(user: Any) -> None:
    script = holder_of(user, "trade")
    User.objects.update(password="changed in the database")
    assert script.get(READS).status_code == 401


def test_a_person_made_inactive_has_no_tokens_when_active_again(user: Any) -> None:
    script = holder_of(user, "trade")
    for user.is_active in (False, True):
        user.save()
    assert script.get(READS).status_code == 401
    assert ends() == ["the account was made inactive"]


def test_signing_in_and_a_new_name_end_none(user: Any, client: APIClient) -> None:
    script = holder_of(user, "trade")
    user.first_name = "Vasant"
    user.save()
    client.force_login(user)  # last_login is saved
    assert script.get(READS).status_code == 200


@pytest.mark.parametrize(("role", "status"), [("viewer", 403), ("trader", 200)])
def test_a_scope_reaches_no_further_than_its_owner_s_role(valkey: Any, db: None, role: str, status: int) -> None:
    script = holder_of(person("rao", role), "trade")
    assert script.get(READS).status_code == 200
    assert script.post("/api/v1/gate/reduce_only/").status_code == status
    User.objects.get().groups.clear()
    assert script.get(READS).status_code == 403


@pytest.mark.parametrize(("password", "status"), [(None, 400), ("wrong", 400), (PASSWORD, 201)])
def test_a_session_makes_a_token_only_with_the_password_again(
    valkey: Any, db: None, client: APIClient, password: str | None, status: int
) -> None:
    client.force_login(make_user("rao", PASSWORD))
    asked = {"name": "my script"} | ({"password": password} if password else {})
    answer = client.post(MAKES, asked)
    assert (answer.status_code, ApiToken.objects.count()) == (status, int(status == 201))


def test_passwords_guessed_there_are_counted_with_all_others(
    valkey: Any, db: None, client: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guesses, "PER_NAME", 1)
    client.force_login(make_user("rao"))
    # Of three, two fall into one stretch of counting.
    statuses = {client.post(MAKES, {"name": "my script", "password": "a guess"}).status_code for _ in range(3)}
    assert statuses == {400, 429}
