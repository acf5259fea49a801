"""A trader acts on accounts of their own, over REST and on the pages; who may act on every one is not asked whose."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db.models import Model
from django.test import Client

from alphapanda.core import roles
from alphapanda.tests.people import person
from portfolio.models import Account
from trading.api.access import ACCOUNTS, OwnAccounts
from trading.models import Deployment, Order


@pytest.fixture
def trader(valkey: Any, account: Account) -> User:
    return person("rao", "trader")


@pytest.fixture
def asks(trader: User) -> Client:
    client = Client()
    client.force_login(trader)
    return client


def test_rows_of_others_are_not_there_until_the_account_is_one_s_own(
    asks: Client, trader: User, account: Account, order: Order, deployment: Deployment
) -> None:
    addresses = [f"/api/v1/{name}/" for name in ("accounts", "orders", "deployments", "signals", "portfolios")]
    assert [len(asks.get(address).json()["results"]) for address in addresses] == [0] * 5
    assert asks.get(f"/api/v1/orders/{order.pk}/").status_code == 404
    account.owners.add(trader)
    assert [len(asks.get(address).json()["results"]) for address in addresses] == [1] * 5


def test_acts_on_others_accounts_are_refused_and_on_one_s_own_are_not(
    asks: Client, trader: User, account: Account, order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    cancelled: list[Any] = []
    monkeypatch.setattr("trading.api.orders.request_cancellation", lambda one, asked_by: cancelled.append(one.pk))
    monkeypatch.setattr(
        "alphapanda.dashboard.views.acts.request_cancellation", lambda one, asked_by: cancelled.append(one.pk)
    )

    def statuses() -> tuple[int, int]:
        by_rest = asks.post(f"/api/v1/orders/{order.pk}/cancel/", content_type="application/json")
        return by_rest.status_code, asks.post(f"/do/orders/{order.pk}/cancel/").status_code

    assert statuses() == (404, 403)
    assert not cancelled
    account.owners.add(trader)
    assert statuses() == (202, 302)
    assert cancelled == [order.pk, order.pk]


def test_an_order_for_an_account_of_another_is_refused(asks: Client, account: Account) -> None:
    asked = {"account": str(account.pk), "instrument": "NSE:INFY", "side": "BUY", "quantity": 1, "order_type": "MARKET"}
    answer = asks.post(
        "/api/v1/orders/", {**asked, "product": "MIS"}, "application/json", headers={"Idempotency-Key": "a"}
    )
    assert (answer.status_code, "not yours" in answer.content.decode()) == (403, True), answer.content


def test_the_kill_switch_asks_no_trader_whose_account_it_is(asks: Client, account: Account) -> None:
    answer = asks.post("/api/v1/gate/halt/", {"account": str(account.pk)}, "application/json")
    assert answer.status_code == 200


def test_whoever_may_act_on_every_account_is_not_asked(account: Account) -> None:
    risk, trader = person("shah", "risk manager"), person("rao", "trader")
    assert [roles.may_touch(one, account) for one in (risk, trader)] == [True, False]


@pytest.mark.parametrize("model", ACCOUNTS)
def test_every_way_from_a_row_to_its_account_is_one(trader: User, model: type[Model], rf: Any) -> None:
    request = rf.get("/")
    request.user = trader
    assert not OwnAccounts().filter_queryset(request, model._default_manager.all(), None).exists()
