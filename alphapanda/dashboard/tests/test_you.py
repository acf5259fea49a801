"""One's own page: second factor, password, sessions and tokens, of oneself and of nobody else."""

from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from alphapanda.core.journal.models import Event
from alphapanda.dashboard import door_urls
from alphapanda.dashboard.panels.live.events import event_sentence
from alphapanda.dashboard.views.you import browser_words
from alphapanda.tests.people import person
from alphapanda.tests.second_factors import PASSWORD, shown, signs_in, with_app
from trading.api.tokens import make_token
from trading.models import ApiToken

FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"
PHONE = "Mozilla/5.0 (Linux; Android 16; Pixel 9) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36"
ENTRANCES = {"account_login", "mfa_authenticate", "mfa_login_webauthn"}


@pytest.fixture
def mehta(db: None, valkey: Any) -> User:
    return person("mehta", password=PASSWORD)


def desk(agent: str = FIREFOX) -> Client:
    client = Client(headers={"user-agent": agent})
    signs_in(client)
    return client


def page(client: Client) -> str:
    return client.get("/you/").content.decode()


def told(kind: str) -> list[str]:
    return [event_sentence(event, None)[2] for event in Event.objects.filter(kind=kind)]


def test_every_door_but_the_entrances_asks_for_a_sign_in(db: None) -> None:
    flat = [*door_urls.urlpatterns]
    while groups := [one for one in flat if hasattr(one, "url_patterns")]:
        flat = [one for one in flat if one not in groups] + [each for one in groups for each in one.url_patterns]
    names = {str(pattern.name) for pattern in flat} - ENTRANCES
    assert len(names) > 10
    for name in names:
        address = reverse(name, args=[1] if name == "mfa_remove_webauthn" else [])
        answer = Client().get(address, follow=True)
        assert answer.redirect_chain[-1][0].startswith("/sign-in/"), name


def test_somebody_without_a_role_sees_their_own_page_too(mehta: User) -> None:
    assert "no role yet" in page(desk())


def test_an_app_is_turned_on_with_its_code_and_recovery_codes_are_shown_once(
    mehta: User, django_capture_on_commit_callbacks: Any
) -> None:
    client = desk()
    secret = client.get("/you/app/activate/").context["form"].secret
    assert "wrong" in client.post("/you/app/activate/", {"code": "12"}).content.decode()
    with django_capture_on_commit_callbacks(execute=True):
        answer = client.post("/you/app/activate/", {"code": shown(secret)})
    assert answer.headers["Location"] == "/you/recovery-codes/"
    codes = Authenticator.objects.get(type="recovery_codes").wrap().get_unused_codes()
    once = client.get("/you/recovery-codes/").content.decode()
    assert all(code in once for code in codes)
    assert codes[0] not in desk_with_code(secret).get("/you/recovery-codes/").content.decode()
    assert set(told("person.factor_added")) == {
        f"mehta has a second factor more: {what}" for what in ("authenticator app", "recovery codes")
    }
    assert "10 left" in page(client)


def desk_with_code(secret: str) -> Client:
    client = desk()
    client.post("/sign-in/code/", {"code": shown(secret, periods=1)})
    return client


def test_an_app_is_turned_off_only_by_who_can_show_it(mehta: User) -> None:
    client = desk()
    with_app(mehta)
    session = client.session
    session["proof_at"] = 0
    session.save()
    assert client.post("/you/app/deactivate/").headers["Location"].startswith("/you/again/")
    assert Authenticator.objects.filter(type="totp").exists()


def test_one_of_ones_sessions_is_ended_and_nobody_elses(mehta: User) -> None:
    here, phone = desk(), desk(PHONE)
    other = Client()
    person("shah", password=PASSWORD)
    other.post("/sign-in/", {"username": "shah", "password": PASSWORD})
    rows = {row["words"]: row for row in here.get("/you/").context["sessions"]}
    assert set(rows) == {"Firefox on Windows", "Chrome on Android"}
    stranger = other.get("/you/").context["sessions"][0]["id"]
    here.post("/do/you/sessions/end/", {"id": stranger})
    assert other.get("/you/").status_code == 200
    here.post("/do/you/sessions/end/", {"id": rows["Chrome on Android"]["id"]})
    assert (phone.get("/you/").status_code, here.get("/you/").status_code) == (302, 200)
    assert told("person.session_ended") == ["mehta ended 1 other session"]


def test_all_ones_other_sessions_are_ended_at_once(mehta: User) -> None:
    here, phone, third = desk(), desk(PHONE), desk()
    here.post("/do/you/sessions/end/")
    assert [client.get("/you/").status_code for client in (here, phone, third)] == [200, 302, 302]


def test_a_new_password_ends_the_other_sessions_and_the_tokens(mehta: User) -> None:
    here, phone = desk(), desk(PHONE)
    make_token(mehta, "script", "read", 1)
    weak = here.post("/you/password/", {"new_password1": "short", "new_password2": "short"})
    assert "too short" in weak.content.decode()
    new = "another long enough secret"
    here.post("/you/password/", {"new_password1": new, "new_password2": new})
    assert [client.get("/you/").status_code for client in (here, phone)] == [200, 302]
    assert len(here.get("/you/").context["sessions"]) == 1
    assert not ApiToken.objects.exists()
    assert told("person.password_changed") == ["mehta has a new password"]


def test_ones_own_token_is_revoked_and_nobody_elses(mehta: User) -> None:
    mine, theirs = make_token(mehta, "mine", "read", 1), make_token(person("shah"), "theirs", "read", 1)
    client = desk()
    assert client.post(f"/do/you/tokens/{theirs.pk}/revoke/").status_code == 404
    client.post(f"/do/you/tokens/{mine.pk}/revoke/")
    assert list(ApiToken.objects.values_list("name", flat=True)) == ["theirs"]


@pytest.mark.parametrize(
    ("agent", "words"), [(FIREFOX, "Firefox on Windows"), ("curl/8.5.0", "curl/8.5.0"), ("", "an unnamed program")]
)
def test_a_browser_is_named_in_two_words(agent: str, words: str) -> None:
    assert browser_words(agent) == words


def test_a_lost_second_factor_is_taken_away_by_command(mehta: User, capsys: Any) -> None:
    with_app(mehta)
    call_command("second_factor", "mehta")
    assert "mehta: authenticator app, recovery codes." in capsys.readouterr().out
    client = desk_with_code_of(mehta)
    call_command("second_factor", "mehta", "--remove")
    assert client.get("/you/").status_code == 302
    assert desk().get("/you/").status_code == 200
    assert told("person.factor_removed") == [
        "mehta has a second factor less: authenticator app, recovery codes (by command)"
    ]
    with pytest.raises(CommandError, match="no second factor"):
        call_command("second_factor", "mehta", "--remove")
    with pytest.raises(CommandError, match="Nobody is called 'mehtta'"):
        call_command("second_factor", "mehtta")


def desk_with_code_of(user: User) -> Client:
    client = desk()
    code = Authenticator.objects.get(user=user, type="recovery_codes").wrap().get_unused_codes()[0]
    client.post("/sign-in/code/", {"code": code})
    assert client.get("/you/").status_code == 200
    return client
