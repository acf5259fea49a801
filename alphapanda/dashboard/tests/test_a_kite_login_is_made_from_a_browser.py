"""The day's login from a browser: asked here, made at kitesim's login page, exchanged by the account's own process."""

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from django.conf import settings as django_settings
from django.urls import reverse

from alphapanda.core.clock import market_now
from alphapanda.core.clock.market_time import forget_anchor
from alphapanda.core.clock.services import set_market_time
from alphapanda.core.journal.models import Event
from alphapanda.dashboard.tests.conftest import NOW
from alphapanda.dashboard.views import morning
from alphapanda.tests.people import person
from market.domain.staleness import Liveness
from market.models import Feed
from market.quotes import FeedState, QuoteBoard
from portfolio.booking import open_account
from portfolio.models import Account
from trading import logins
from trading.brokers import standing
from trading.brokers.zerodha import credentials, session
from trading.models import BrokerSession
from trading.orders.life_cycle import BrokerState

BACK = "http://testserver/logins/back/"


@pytest.fixture(scope="module")
def sim() -> Iterator[str]:
    command = [sys.executable, "-m", "kitesim", "--port", "0", "--date", "2026-11-20", "--redirect-url", BACK]
    process = subprocess.Popen(
        command, cwd=django_settings.BASE_DIR, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdout
    yield json.loads(process.stdout.readline())["url"]
    process.terminate()
    process.wait(20)


@pytest.fixture
def kite(db: None, valkey: Any, sim: str, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Account:
    """An account at kitesim; what its broker process would do is done at once."""
    valkey.flushdb()
    forget_anchor()
    set_market_time(NOW, 0)
    settings.KITE_ROOT, settings.KITE_LOGIN_ROOT = sim, f"{sim}/connect/login"
    monkeypatch.setenv("KITE_API_KEY_PRACTICE", "kitesim")
    monkeypatch.setenv("KITE_API_SECRET_PRACTICE", "kitesim-secret")
    monkeypatch.setenv("BROKER_KEY_PRACTICE", credentials.new_key())
    account = open_account("Practice", "live", "zerodha", Decimal(0), Decimal(5))
    answer = morning.await_address
    monkeypatch.setattr(morning, "await_address", lambda state: (logins.write_addresses("Practice"), answer(state))[1])
    return account


def begin(reader: Any, account: Account) -> str:
    """Press the button; the address at Kite that the browser is sent to."""
    answer = reader.post(reverse("dashboard:login_act", args=[account.pk, "begin"]))
    assert answer.status_code == 302
    return str(answer["Location"])


def log_in_at(address: str) -> str:
    """Do what a person does there; the address that the browser comes back to."""
    parts = urlsplit(address)
    form = {name: values[0] for name, values in parse_qs(parts.query).items()}
    reply = requests.post(f"{parts.scheme}://{parts.netloc}{parts.path}", form, allow_redirects=False, timeout=5)
    return reply.headers["Location"]


def come(reader: Any, address: str) -> str:
    """Open an address of ours; what the page says."""
    return str(reader.get(address.removeprefix("http://testserver"), follow=True).content.decode())


def paste(reader: Any, account: Account, text: str) -> str:
    address = reverse("dashboard:login_act", args=[account.pk, "paste"])
    return str(reader.post(address, {"pasted": text}, follow=True).content.decode())


def row_of(reader: Any) -> dict[str, Any]:
    snapshot = reader.get(reverse("dashboard:logins"), headers={"Accept": "application/json"}).json()
    [row] = snapshot["rows"]
    return dict(row)


def test_a_login_goes_all_the_way(reader: Any, kite: Account) -> None:
    assert row_of(reader)["words"] == "Nobody has logged in yet."
    page = come(reader, log_in_at(begin(reader, kite)))
    assert "exchanges it now" in page
    assert row_of(reader)["icon"] == "loading"
    logins.complete_login("Practice")
    row = row_of(reader)
    assert row["words"].startswith("Logged in as ")
    assert row["until"] == "2026-11-21T06:00:00.000+05:30"
    assert row["left"] == "15 h 27 min"
    assert session.open_session("Practice").access_token


def test_the_token_is_kept_nowhere_in_the_clear(reader: Any, kite: Account) -> None:
    back = log_in_at(begin(reader, kite))
    token = parse_qs(urlsplit(back).query)["request_token"][0]
    come(reader, back)
    logins.complete_login("Practice")
    assert not BrokerSession.objects.exclude(request_token="").exists()
    assert token not in str(list(Event.objects.values_list("payload", flat=True)))


def test_a_login_of_another_browser_is_not_taken(reader: Any, client: Any, kite: Account) -> None:
    """Or an enemy could have this browser log the account in with the enemy's own Kite user."""
    back = log_in_at(begin(reader, kite))
    reader.session.flush()
    reader.force_login(person("other", "administrator"))
    assert "was not begun in this browser" in come(reader, back)
    assert not BrokerSession.objects.exclude(request_token="").exists()


def test_a_state_is_good_once(reader: Any, kite: Account) -> None:
    back = log_in_at(begin(reader, kite))
    come(reader, back)
    assert "was not begun in this browser" in come(reader, back)


def test_a_state_is_good_for_five_minutes(reader: Any, kite: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    back = log_in_at(begin(reader, kite))
    now = morning.time.time()
    monkeypatch.setattr(morning.time, "time", lambda: now + 301)
    assert "too long ago" in come(reader, back)


@pytest.mark.parametrize("how", ["address", "token"])
def test_from_a_phone_the_address_or_its_token_is_pasted(reader: Any, kite: Account, how: str) -> None:
    back = log_in_at(begin(reader, kite)).replace(BACK, "http://127.0.0.1:8765/")
    text = back if how == "address" else parse_qs(urlsplit(back).query)["request_token"][0]
    assert "exchanges it now" in paste(reader, kite, text)
    logins.complete_login("Practice")
    assert row_of(reader)["icon"] == "live"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "paste the address that the browser came back to"),
        ("https://kite.zerodha.com/connect/login?v=3", "this address holds no request_token"),
        ("http://127.0.0.1/?request_token=abc&state=stolen", "of a login that was not begun in this browser"),
        ("http://127.0.0.1/?request_token=abc&status=cancelled", "did not succeed: begin again"),
        ("x" * 65, "this is no request token of Kite"),
        ("tökén", "this is no request token of Kite"),
    ],
)
def test_what_is_no_answer_of_kites_is_said_in_words(reader: Any, kite: Account, text: str, words: str) -> None:
    assert words in paste(reader, kite, text)
    assert not BrokerSession.objects.exclude(request_token="").exists()


def test_a_token_kite_does_not_take_is_said_on_the_page(reader: Any, kite: Account) -> None:
    paste(reader, kite, "made-up")
    logins.complete_login("Practice")
    assert "Kite did not take the request token" in row_of(reader)["refused"]
    come(reader, log_in_at(begin(reader, kite)))
    set_market_time(NOW + timedelta(minutes=1), 0)
    logins.complete_login("Practice")
    assert BrokerSession.objects.get().state == "live"


def test_a_process_without_the_apps_key_says_which(reader: Any, kite: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KITE_API_KEY_PRACTICE")
    answer = reader.post(reverse("dashboard:login_act", args=[kite.pk, "begin"]), follow=True)
    assert "KITE_API_KEY_PRACTICE is not set" in answer.content.decode()


def test_nobody_who_answers_is_said(reader: Any, kite: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(morning, "WAIT_SECONDS", 0)
    monkeypatch.setattr(logins, "write_addresses", lambda _: None)
    answer = reader.post(reverse("dashboard:login_act", args=[kite.pk, "begin"]), follow=True)
    assert "no process answers for Practice" in answer.content.decode()


def test_only_its_owner_logs_an_account_in(client: Any, kite: Account) -> None:
    client.force_login(person("trader", "trader"))
    for act in ("begin", "paste"):
        assert client.post(reverse("dashboard:login_act", args=[kite.pk, act])).status_code == 403


@pytest.fixture
def logged_in(reader: Any, kite: Account) -> BrokerSession:
    return BrokerSession.objects.create(
        account=kite, state="live", user_id="AB1234", version=1, login_at=NOW,
        expires_at=session.token_expiry(NOW),
    )  # fmt: skip


def test_a_token_that_ended_at_six_says_so(reader: Any, logged_in: BrokerSession) -> None:
    set_market_time(NOW + timedelta(hours=20), 0)
    row = row_of(reader)
    assert (row["tone"], row["until"]) == ("fault", None)
    assert row["words"] == "The token ended at 06:00 on Sat 21 Nov, as each does."
    assert row["step"] == "Log in again."


def test_a_token_that_ended_early_says_that_somebody_logged_in_elsewhere(reader: Any, logged_in: BrokerSession) -> None:
    session.expire_session("Practice", 1, "Kite no longer takes it")
    row = row_of(reader)
    assert row["words"].startswith("The token ended before its time (Kite no longer takes it)")
    assert "nowhere else" in row["step"]


def test_a_plan_without_market_data_says_so(reader: Any, kite: Account, logged_in: Any, valkey: Any) -> None:
    Feed.objects.create(name="kite", data_account="Practice")
    dead = FeedState("kite", Liveness.DEAD, "the ticker answered 403 to our login", market_time=market_now())
    QuoteBoard(valkey).write_feed(dead)
    row = row_of(reader)
    assert "no prices come: the ticker answered 403" in row["words"]
    assert "market data" in row["step"]


def test_a_refused_address_says_so(reader: Any, kite: Account, logged_in: BrokerSession) -> None:
    standing.restrict(kite, BrokerState.DOWN, standing.ADDRESS, "orders are not taken from this address: IP 1.2.3.4")
    row = row_of(reader)
    assert "orders are not taken from this address" in row["words"]
    assert row["step"].startswith("Register this machine's address")
