"""Orders over REST: placed through the gate, cancelled, and read with their story."""

from decimal import Decimal
from typing import Any

import pytest

from portfolio.models import Account
from trading.models import Order, Signal
from trading.tests.api.conftest import make_order, make_share, problems_of

ORDERS = "/api/v1/orders/"


def place(client: Any, ticket: dict[str, Any], key: str | None = "k1") -> Any:
    return client.post(ORDERS, ticket, headers={"Idempotency-Key": key} if key else {})


def test_an_order_is_asked_of_the_gate_and_answered_with_its_signal(script: Any, ticket: dict[str, Any]) -> None:
    answer = place(script, ticket)
    signal = Signal.objects.get()
    assert answer.status_code == 202
    [told] = answer.json()["signals"]
    assert (told["id"], told["state"], answer.json()["exits"]) == (str(signal.pk), "new", [])
    assert (signal.price, signal.asked_by) == (Decimal("1512.40"), "mehta by token my trade")


def test_a_client_cannot_decide_what_the_gate_decides(script: Any, ticket: dict[str, Any]) -> None:
    answer = place(script, ticket | {"state": "ordered", "filled_quantity": 10, "asked_by": "somebody else"})
    assert set(problems_of(answer)) == {"state", "filled_quantity", "asked_by"}
    assert not Signal.objects.exists()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"instrument": "NSE:NOBODY"}, "instrument"),
        ({"instrument": "INFY"}, "instrument"),
        ({"quantity": 0}, "quantity"),
        ({"quantity": "ten"}, "quantity"),
        ({"quantity": 10**40}, "quantity"),
        ({"quantity": 10, "price": 1e300}, "price"),
        ({"side": "HOLD"}, "side"),
        ({"price": None}, "price"),
        ({"price": "-1"}, "price"),
        ({"price": "NaN"}, "price"),
        ({"order_type": "MARKET"}, "price"),
        ({"order_type": "SL"}, "trigger_price"),
        ({"account": "0193f6b4-0000-7000-8000-000000000000"}, "account"),
    ],
)
def test_a_wrong_order_is_refused_by_field(script: Any, ticket: dict[str, Any], change: Any, field: str) -> None:
    answer = place(script, ticket | change)
    assert answer.status_code == 400
    assert field in problems_of(answer)
    assert not Signal.objects.exists()


def test_an_account_that_cannot_trade_here_is_refused_in_words(
    script: Any, ticket: dict[str, Any], account: Account
) -> None:
    Account.objects.filter(pk=account.pk).update(is_active=False)
    answer = place(script, ticket)
    assert (answer.status_code, problems_of(answer)[None]) == (409, "Desk A (paper) is closed")


@pytest.mark.parametrize(
    "body", ["<html>", "{", "[" * 100_000, '{"side": "\\ud800"}', '{"quantity": NaN}', b"\xff".decode("latin1")]
)
def test_a_body_that_is_not_json_is_refused_in_words(script: Any, body: str) -> None:
    answer = script.post(ORDERS, body, content_type="application/json", headers={"Idempotency-Key": "k"})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "parse_error")


@pytest.mark.parametrize("body", ["[]", "null", '"buy"', "7", "{}"])
def test_a_body_that_is_no_order_is_refused_in_words(script: Any, body: str) -> None:
    answer = script.post(ORDERS, body, content_type="application/json", headers={"Idempotency-Key": "k"})
    assert (answer.status_code, answer.json()["type"]) == (400, "validation_error")


def test_an_order_is_read_from_signal_to_fill(script: Any, order: Order) -> None:
    story = script.get(f"{ORDERS}{order.pk}/").json()
    assert (story["price"], story["instrument"], story["asked"]["reason"]) == (
        "1512.4000",
        "NSE:INFY",
        "placed by mehta",
    )
    assert story["decision"]["checks"][0]["words"] == "gross ₹9.94 L; ₹12.50 L allowed"
    assert [step["after"] for step in story["transitions"]] == ["open"]
    assert story["fills"] == []


def test_a_list_shows_what_one_order_shows(script: Any, order: Order) -> None:
    listed = script.get(ORDERS).json()["results"][0]
    told = script.get(f"{ORDERS}{order.pk}/").json()
    assert listed == {name: told[name] for name in listed}
    assert listed["market_time"] == "2026-11-20T14:32:08.000000+05:30"


def test_a_list_goes_on_where_its_page_ended(script: Any, account: Account, infy: Any) -> None:
    orders = [make_order(account, infy, number=number) for number in range(1, 6)]
    first = script.get(ORDERS, {"page_size": 3}).json()
    rest = script.get(first["next"]).json()
    seen = [row["tag"] for row in first["results"] + rest["results"]]
    assert seen == [order.tag for order in reversed(orders)]


def test_a_list_is_filtered(script: Any, account: Account, infy: Any) -> None:
    make_order(account, infy, "filled", 1)
    make_order(account, infy, "open", 2)
    make_order(account, make_share("TCS", 2953217), "open", 3)
    rows = script.get(ORDERS, {"is_live": "true", "instrument": "NSE:INFY"}).json()["results"]
    assert [(row["tag"], row["instrument"]) for row in rows] == [("APTEST0000000002", "NSE:INFY")]
    assert script.get(ORDERS, {"state": "asleep"}).status_code == 400


def test_a_cancellation_is_asked_for_and_told_by_whom(script: Any, order: Order) -> None:
    answer = script.post(f"{ORDERS}{order.pk}/cancel/")
    order.refresh_from_db()
    assert (answer.status_code, order.cancel_requested_by) == (202, "mehta by token my trade")


def test_an_order_that_has_ended_is_not_cancelled(script: Any, account: Account, infy: Any) -> None:
    order = make_order(account, infy, "filled")
    answer = script.post(f"{ORDERS}{order.pk}/cancel/")
    assert (answer.status_code, problems_of(answer)[None]) == (409, "it is filled already")


@pytest.mark.parametrize("pk", ["0193f6b4-0000-7000-8000-000000000000", "first"])
def test_an_order_nobody_knows_is_not_found(script: Any, pk: str) -> None:
    assert script.get(f"{ORDERS}{pk}/").status_code == 404


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_an_order_is_never_edited(script: Any, order: Order, method: str) -> None:
    assert getattr(script, method)(f"{ORDERS}{order.pk}/", {"state": "filled"}).status_code == 405
