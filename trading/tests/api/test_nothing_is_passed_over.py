"""A name there is not, anywhere in a request, is refused with the nearest there is; and so is an address."""

from typing import Any

import pytest
from django.conf import settings
from rest_framework.test import APIClient

from trading.models import Gate, Signal
from trading.tests.api.conftest import SOME_ID, addresses, problems_of

MOST = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
KEY = {"Idempotency-Key": "k1"}


@pytest.mark.parametrize("address", addresses())
def test_what_a_list_cannot_be_asked_by_is_refused(person: Any, account: Any, address: str) -> None:
    answer = person.get(address, {"staet": "open"})
    assert answer.status_code == 405 or "There is no 'staet' here" in problems_of(answer)["staet"]


@pytest.mark.parametrize("asked", ["state=open&state=filled", "state=open&state=open", "page_size=5&page_size=6"])
def test_a_filter_said_twice_is_refused_and_never_the_last_one_alone(person: Any, order: Any, asked: str) -> None:
    name = asked.partition("=")[0]
    answer = person.get(f"/api/v1/orders/?{asked}")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "repeated")
    assert problems_of(answer) == {name: f"{name!r} is said 2 times. Say it once."}


@pytest.mark.parametrize("asked", ["orders/?is_live=maybe", "accounts/?is_active=null", "runs/?is_open="])
def test_a_yes_or_no_that_is_neither_is_refused_and_not_left_out(person: Any, order: Any, asked: str) -> None:
    answer = person.get(f"/api/v1/{asked}")
    assert (answer.status_code, list(problems_of(answer).values())) == (400, ["Say true or false."])


@pytest.mark.parametrize("address", addresses())
def test_what_a_body_cannot_say_is_refused(person: Any, account: Any, address: str) -> None:
    answer = person.post(address, {"nonsense": 1})
    assert answer.status_code == 405 or "There is no 'nonsense' here" in problems_of(answer)["nonsense"]


def test_the_nearest_name_is_said(person: Any, ticket: dict[str, Any]) -> None:
    asked = person.get("/api/v1/orders/", {"staet": "open"})
    placed = person.post("/api/v1/orders/", ticket | {"validty": "IOC"}, headers=KEY)
    assert problems_of(asked) == {"staet": "There is no 'staet' here. Did you mean 'state'?"}
    assert problems_of(placed) == {"validty": "There is no 'validty' here. Did you mean 'validity'?"}
    assert not Signal.objects.exists()


def test_a_halt_that_names_nothing_known_does_not_halt_everything(person: Any, account: Any) -> None:
    assert person.post("/api/v1/gate/halt/", {"acount": str(account.pk)}).status_code == 400
    assert Gate.objects.get(is_global=True).state == "active"


@pytest.mark.parametrize("body", [[1], "text", 5])
def test_a_body_that_is_no_object_is_refused(person: Any, order: Any, body: Any) -> None:
    assert person.post(f"/api/v1/orders/{order.pk}/cancel/", body).status_code == 400


@pytest.mark.parametrize(("size", "status"), [(MOST, 400), (MOST + 1, 413)])
@pytest.mark.parametrize("who", ["person", "script"])
def test_a_body_has_so_many_bytes_and_no_more(request: Any, account: Any, who: str, size: int, status: int) -> None:
    empty = len('{"x":""}')
    answer = request.getfixturevalue(who).post("/api/v1/gate/halt/", {"x": "a" * (size - empty)})
    assert answer.status_code == status
    assert answer.json()["errors"][0]["code"] == ("too_large" if status == 413 else "unknown")


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("/api/v1/order/", "Did you mean /api/v1/orders/?"),
        ("/api/v1/orders", "Did you mean /api/v1/orders/?"),
        (f"/api/v1/orders/{SOME_ID}/cancle/", "There is nothing at this address."),
        ("/api/", "What there is stands at /api/v1/."),
        ("/api/v2/orders/", "There is nothing at this address."),
    ],
)
def test_an_address_there_is_not_is_refused_as_everything_else(person: Any, address: str, words: str) -> None:
    for ask in (person.get, person.post, person.delete):
        answer = ask(address)
        assert (answer.status_code, answer.json()["type"]) == (404, "client_error")
        assert words in answer.json()["errors"][0]["detail"]


@pytest.mark.django_db
def test_a_stranger_is_not_told_what_there_is() -> None:
    assert APIClient().get("/api/v1/order/").status_code == 401


def test_it_says_what_there_is(person: Any) -> None:
    parts = person.get("/api/v1/").json()["parts"]
    lists = {address for address in addresses() if address.count("/") == 4}
    assert {part["address"] for part in parts} == lists
    assert {"name": "fills", "address": "/api/v1/fills/", "about": "Booked trades of our orders."} in parts


def test_an_instrument_is_named_by_its_key_and_in_one_field(person: Any) -> None:
    shapes = person.get("/api/schema/?format=json").json()["components"]["schemas"].values()
    fields = [field for shape in shapes for field in shape.get("properties", {}).items()]
    named = {name for name, _ in fields if name.startswith("instrument")}
    # Its kind and its broker's number belong to the instrument itself.
    assert named == {"instrument", "instruments", "instrument_type", "instrument_token"}
    assert {(one["type"], one.get("format")) for name, one in fields if name == "instrument"} == {("string", None)}


@pytest.mark.parametrize("name", ["orders", "signals", "exits", "evaluations", "positions", "trades", "candles"])
@pytest.mark.parametrize("key", ["NSE:NOSUCH", "INFY", SOME_ID])
def test_rows_of_an_instrument_there_is_not_are_refused(person: Any, order: Any, name: str, key: str) -> None:
    answer = person.get(f"/api/v1/{name}/", {"instrument": key})
    assert answer.status_code == 400
    assert key in problems_of(answer)["instrument"]
    assert person.get(f"/api/v1/{name}/", {"instrument": "NSE:INFY"}).status_code == 200


def test_ranges_have_one_style(person: Any) -> None:
    asked = {
        parameter["name"]
        for methods in person.get("/api/schema/?format=json").json()["paths"].values()
        for method in methods.values()
        for parameter in method.get("parameters", ())
    }
    assert {name for name in asked if name.endswith(("_after", "_before", "_min", "_max", "_gte", "_lte"))} == set()
    assert {name.removesuffix("_from") for name in asked if name.endswith("_from")} == {
        name.removesuffix("_to") for name in asked if name.endswith("_to")
    }
    assert not {"from", "to"} & asked
