"""Arming takes the second factor and a green account; disarming takes neither; both are one's own accounts' only."""

from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from alphapanda.core import proof
from alphapanda.dashboard import panels
from alphapanda.dashboard.panels.live import live_accounts
from alphapanda.tests.people import person
from alphapanda.tests.second_factors import PASSWORD, shown, signs_in, with_app
from market.models import Feed
from portfolio.booking import open_account
from portfolio.models import Account
from trading.models import Arming, RiskLimit
from trading.orders import arming


@pytest.fixture
def account(db: None, valkey: Any) -> Account:
    return open_account("real", "live", "zerodha", Decimal(10_00_000))


@pytest.fixture
def trader(account: Account) -> User:
    user = person("mehta", "trader", password=PASSWORD)
    account.owners.add(user)
    return user


@pytest.fixture
def nothing_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (arming, live_accounts):
        monkeypatch.setattr(module, "what_lacks", lambda account, now: [])


def desk() -> Client:
    client = Client()
    signs_in(client)
    return client


def press(client: Client, account: Account, act: str = "arm") -> Any:
    return client.post(f"/do/accounts/{account.pk}/{act}/")


def is_armed() -> bool:
    return Arming.objects.filter(ended_at__isnull=True).exists()


def row() -> Any:
    return panels.live_snapshot(None)["live_accounts"]["rows"][0]


def test_without_a_second_factor_nobody_arms(account: Account, trader: User, nothing_lacks: None) -> None:
    answer = press(desk(), account)
    assert (answer.headers["Location"], is_armed()) == ("/you/", False)


def test_the_second_factor_is_asked_and_then_it_is_armed(account: Account, trader: User, nothing_lacks: None) -> None:
    client = desk()
    secret = with_app(trader)
    asked = press(client, account)
    assert (asked.headers["Location"].split("?")[0], is_armed()) == ("/you/again/code/", False)
    client.post(asked.headers["Location"], {"code": shown(secret), "next": f"/do/accounts/{account.pk}/arm/"})
    assert Arming.objects.get().armed_by == "mehta"
    assert row()["words"].startswith("armed by mehta")


def test_a_password_shown_again_is_not_the_second_factor(account: Account, trader: User, nothing_lacks: None) -> None:
    client = desk()
    with_app(trader)
    client.post("/you/again/", {"password": PASSWORD})
    assert press(client, account).headers["Location"].startswith("/you/again/code/")
    assert not is_armed()


def test_a_second_factor_shown_a_quarter_of_an_hour_ago_is_asked_again(
    account: Account, trader: User, nothing_lacks: None
) -> None:
    secret, client = with_app(trader), Client()
    signs_in(client)
    client.post("/sign-in/code/", {"code": shown(secret)})
    session = client.session
    session[proof.SECOND_SHOWN_AT] -= proof.GOOD_FOR.total_seconds() + 1
    session.save()
    assert press(client, account).headers["Location"].startswith("/you/again/code/")
    assert not is_armed()


def test_what_lacks_is_said_on_live_and_keeps_it_from_being_armed(account: Account, trader: User) -> None:
    secret, client = with_app(trader), Client()
    signs_in(client)
    client.post("/sign-in/code/", {"code": shown(secret)})
    press(client, account)
    assert not is_armed()
    assert (row()["arm"], row()["tone"]) == (None, "warn")
    assert "nobody is logged in; no limit on order value" in row()["words"]


def test_disarming_asks_for_nothing(account: Account, trader: User, nothing_lacks: None) -> None:
    arming.arm(account, "somebody")
    assert row()["disarm"] == f"/do/accounts/{account.pk}/disarm/"
    press(desk(), account, "disarm")
    assert not is_armed()


@pytest.mark.parametrize("act", ["arm", "disarm"])
def test_a_traders_word_is_for_their_own_accounts(
    account: Account, trader: User, nothing_lacks: None, act: str
) -> None:
    account.owners.clear()
    if act == "disarm":
        arming.arm(account, "somebody")
    secret, client = with_app(trader), Client()
    signs_in(client)
    client.post("/sign-in/code/", {"code": shown(secret)})
    assert press(client, account, act).status_code == 403
    assert is_armed() == (act == "disarm")


def test_an_account_that_only_carries_prices_is_not_shown(account: Account) -> None:
    Feed.objects.create(name="kite", data_account=account.name)
    assert panels.live_snapshot(None)["live_accounts"]["rows"] == []
    RiskLimit.objects.create(account=account, max_order_value=Decimal(10_000))
    assert row()["name"] == account.name


def test_with_no_live_account_nothing_is_shown(db: None, valkey: Any) -> None:
    assert panels.live_snapshot(None)["live_accounts"]["rows"] == []
