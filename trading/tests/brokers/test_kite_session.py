"""The day's login: who may hold the token, when it dies, and how it is taken back."""

import json
import threading
from datetime import datetime
from decimal import Decimal
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import responses
from django.core.management import CommandError, call_command

from alphapanda.core.clock import market_now
from alphapanda.core.clock.market_time import forget_anchor
from alphapanda.core.clock.services import set_market_time
from alphapanda.core.timezone import IST
from portfolio.booking import open_account
from trading.brokers.data_port import CredentialMissing, LoginRefused
from trading.brokers.zerodha import credentials, session
from trading.brokers.zerodha.callback import Callback, NoCallback
from trading.brokers.zerodha.dumps import fetch_instrument_dump
from trading.models import BrokerSession
from trading.orders.broker_port import BrokerError, SessionExpired

ROOT = "http://127.0.0.1:1"


@pytest.fixture(autouse=True)
def _environment(monkeypatch, settings):
    settings.KITE_ROOT, settings.KITE_LOGIN_ROOT = ROOT, ROOT + "/connect/login"
    monkeypatch.setenv("KITE_API_KEY_FAMILY_1", "the-key")
    monkeypatch.setenv("KITE_API_SECRET_FAMILY_1", "the-secret")
    monkeypatch.setenv("BROKER_KEY_FAMILY_1", credentials.new_key())


@pytest.fixture
def account(db):
    forget_anchor()  # another test's clock may still be remembered
    return open_account("Family 1", "live", "zerodha", Decimal(0), Decimal(5))


@pytest.fixture
def kite():
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mocked:
        mocked.add("DELETE", ROOT + "/session/token", json={"status": "success", "data": True})
        yield mocked


def grants(kite, token="canary-token", user="AB1234"):
    login_time = market_now().astimezone(IST).strftime("%Y-%m-%d %H:%M:%S")
    data = {"access_token": token, "user_id": user, "login_time": login_time}
    kite.add("POST", ROOT + "/session/token", json={"status": "success", "data": data})


def ist(*parts):
    return datetime(*parts, tzinfo=IST)


@pytest.mark.parametrize(
    ("login", "dies"),
    [
        (ist(2026, 11, 20, 8, 30), ist(2026, 11, 21, 6)),
        (ist(2026, 11, 20, 5, 59), ist(2026, 11, 20, 6)),
        (ist(2026, 11, 20, 6), ist(2026, 11, 21, 6)),
    ],
)
def test_a_token_dies_at_the_next_six_in_the_morning(login, dies):
    assert session.token_expiry(login) == dies


def test_the_secret_is_read_from_a_file_where_one_is_named(tmp_path):
    (tmp_path / "secret").write_text("from-file\n")
    environ = {"KITE_API_KEY_A_B": "k", "KITE_API_SECRET_A_B_FILE": str(tmp_path / "secret")}
    assert credentials.read_credentials("a-b", environ).api_secret == "from-file"
    with pytest.raises(CredentialMissing, match="KITE_API_SECRET_A_B_FILE names"):
        credentials.read_credentials("a b", environ | {"KITE_API_SECRET_A_B_FILE": str(tmp_path / "gone")})


def test_a_missing_credential_is_named():
    with pytest.raises(CredentialMissing, match="KITE_API_KEY_A is not set"):
        credentials.read_credentials("a", {})
    with pytest.raises(CredentialMissing, match="not a Fernet key"):
        credentials.lock_token("a", "token", {"BROKER_KEY_A": "short"})


def test_a_new_key_before_the_old_still_opens_what_the_old_locked():
    old, new = credentials.new_key(), credentials.new_key()
    locked = credentials.lock_token("a", "token", {"BROKER_KEY_A": old})
    assert credentials.unlock_token("a", locked, {"BROKER_KEY_A": f"{new},{old}"}) == "token"
    with pytest.raises(CredentialMissing, match="log in again"):
        credentials.unlock_token("a", locked, {"BROKER_KEY_A": new})


def test_a_login_keeps_the_token_locked(account, kite):
    grants(kite)
    row = session.log_in(account, "request-token")
    assert (row.state, row.user_id, row.version) == ("live", "AB1234", 1)
    assert b"canary" not in bytes(row.encrypted_access_token)
    opened = session.open_session("Family 1")
    assert (opened.api_key, opened.access_token) == ("the-key", "canary-token")
    assert "canary" not in repr(opened)


def test_the_secret_itself_is_not_sent(account, kite):
    grants(kite)
    session.log_in(account, "request-token")
    assert "the-secret" not in str(kite.calls[0].request.body)


def test_somebody_elses_login_is_refused(account, kite):
    account.client_id = "XY9999"
    grants(kite)
    with pytest.raises(LoginRefused, match="AB1234 logged in, but Family 1 is XY9999's"):
        session.log_in(account, "request-token")
    assert not BrokerSession.objects.exists()


def test_a_bad_request_token_is_refused_in_words(account, kite):
    body = {"status": "error", "error_type": "TokenException", "message": "Token is invalid or has expired."}
    kite.add("POST", ROOT + "/session/token", json=body, status=403)
    with pytest.raises(LoginRefused, match="Token is invalid"):
        session.log_in(account, "request-token")


def test_without_a_login_the_session_is_expired_not_empty(account):
    with pytest.raises(SessionExpired, match="not logged in"):
        session.open_session("Family 1")
    with pytest.raises(SessionExpired):
        fetch_instrument_dump()


def test_at_six_the_session_ends(account, kite):
    grants(kite)
    opened = session.log_in(account, "request-token")
    set_market_time(opened.expires_at, 1.0)
    with pytest.raises(SessionExpired, match="06:00"):
        session.open_session("Family 1")
    row = BrokerSession.objects.get()
    assert (row.state, bytes(row.encrypted_access_token), row.version) == ("expired", b"", 2)


def test_before_practice_has_told_its_time_no_session_is_too_old(account, kite):
    grants(kite)
    session.log_in(account, "request-token")
    BrokerSession.objects.update(expires_at=ist(2001, 1, 1, 6))
    assert session.open_session("Family 1").access_token == "canary-token"


def test_a_process_with_an_old_token_cannot_end_a_fresh_session(account, kite):
    grants(kite)
    stale = session.log_in(account, "first").version
    session.log_in(account, "second")
    assert not session.expire_session("Family 1", stale, "it got a 403")
    assert session.open_session("Family 1").version == 2


def test_a_request_token_left_by_the_web_is_exchanged_once(account, kite):
    BrokerSession.objects.create(account=account, request_token="left")
    grants(kite)
    assert session.complete_login(account).state == "live"
    assert session.complete_login(account) is None


def test_a_logout_kills_the_token_and_forgets_it(account, kite):
    grants(kite)
    session.log_in(account, "request-token")
    assert session.log_out(account)
    assert parse_qs(urlsplit(kite.calls[-1].request.url).query)["access_token"] == ["canary-token"]
    assert BrokerSession.objects.get().state == "logged_out"
    assert not session.log_out(account)


def test_a_logout_kite_does_not_confirm_is_told_and_forgotten_here(account):
    with responses.RequestsMock() as kite:
        grants(kite)
        session.log_in(account, "request-token")
        kite.add("DELETE", ROOT + "/session/token", body="<html>", status=502, content_type="text/html")
        with pytest.raises(BrokerError, match="did not confirm"):
            session.log_out(account)
    assert bytes(BrokerSession.objects.get().encrypted_access_token) == b""


def test_the_dump_comes_by_any_session_this_process_holds_the_key_of(account, kite, monkeypatch):
    grants(kite)
    session.log_in(account, "request-token")
    kite.add("GET", ROOT + "/instruments", body=b"csv", content_type="text/csv")
    assert fetch_instrument_dump() == b"csv"
    monkeypatch.delenv("BROKER_KEY_FAMILY_1")
    with pytest.raises(SessionExpired, match="whose key this process has"):
        fetch_instrument_dump()


# ---- commands -------------------------------------------------------------------------------------------------


def test_kite_login_prints_the_address(account, capsys):
    call_command("kite_login", "Family 1", "--json")
    address = json.loads(capsys.readouterr().out)["address"]
    query = parse_qs(urlsplit(address).query)
    assert (query["api_key"], query["v"]) == (["the-key"], ["3"])
    extra = parse_qs(query["redirect_params"][0])
    assert extra["account"] == ["Family 1"]
    assert len(extra["state"][0]) >= 24


def test_kite_login_takes_a_request_token(account, kite, capsys):
    grants(kite)
    call_command("kite_login", "Family 1", "--request-token", "abc")
    assert "Family 1 is logged in to Kite as AB1234 until 06:00" in capsys.readouterr().out


def test_kite_login_names_the_accounts_there_are(account):
    with pytest.raises(CommandError, match="there is no account 'Nobody'; there are: Family 1"):
        call_command("kite_login", "Nobody")


def test_kite_login_refuses_a_real_address_in_practice(account, settings):
    settings.KITE_LOGIN_ROOT = "https://kite.zerodha.com/connect/login"
    with pytest.raises(CommandError, match="practice installation may only use a broker on this machine"):
        call_command("kite_login", "Family 1")


def test_kite_login_says_which_credential_is_missing(account, monkeypatch):
    monkeypatch.delenv("KITE_API_SECRET_FAMILY_1")
    with pytest.raises(CommandError, match="KITE_API_SECRET_FAMILY_1 is not set"):
        call_command("kite_login", "Family 1")


def test_kite_logout_says_what_it_did(account, kite, capsys):
    grants(kite)
    session.log_in(account, "abc")
    call_command("kite_logout", "Family 1")
    call_command("kite_logout", "Family 1")
    assert capsys.readouterr().out.splitlines() == [
        "Family 1 is logged out of Kite.",
        "Family 1 was not logged in to Kite.",
    ]


def comes_back(address, **query):
    reply = requests.get(address, params=query, timeout=5)
    return reply.status_code


def test_the_callback_takes_only_its_own_login():
    with Callback(0, "right") as landing:
        codes = []

        def browser():
            codes.append(comes_back(landing.address, state="wrong", request_token="bad"))
            codes.append(comes_back(landing.address, state="right", request_token="good"))

        thread = threading.Thread(target=browser)
        thread.start()
        token = landing.wait(10)
        thread.join()
    assert (token, codes) == ("good", [400, 200])


def test_the_callback_does_not_wait_for_ever():
    with Callback(0, "right") as landing, pytest.raises(NoCallback, match="no login came back"):
        landing.wait(0)
