"""Everything that can be listed is listed, with money as text and unknown as null."""

from decimal import Decimal
from typing import Any

import orjson
import pytest

from alphapanda.core.journal.services import record_event
from trading.models import BrokerSession, Evaluation, RiskLimit, Run
from trading.tests.api.conftest import NOW

LISTS = [
    "accounts",
    "candles",
    "dead-letters",
    "decisions",
    "deployments",
    "evaluations",
    "events",
    "feeds",
    "fills",
    "gate",
    "health",
    "instruments",
    "ledger",
    "limits",
    "lots",
    "meters",
    "orders",
    "pnl",
    "portfolios",
    "positions",
    "runs",
    "session",
    "sessions",
    "signals",
    "strategies",
    "trades",
]


@pytest.mark.parametrize("name", LISTS)
def test_it_is_listed(script: Any, order: Any, run: Run, name: str) -> None:
    assert script.get(f"/api/v1/{name}/").status_code == 200


@pytest.mark.parametrize("name", LISTS)
def test_no_answer_holds_a_fraction_of_money_as_a_float(script: Any, order: Any, run: Run, name: str) -> None:
    RiskLimit.objects.create(account=order.account, max_gross=Decimal("1250000.5"))
    answer = script.get(f"/api/v1/{name}/")
    assert floats_in(orjson.loads(answer.content)) == []


def floats_in(value: Any) -> list[float]:
    if isinstance(value, dict):
        return [each for item in value.values() for each in floats_in(item)]
    if isinstance(value, list):
        return [each for item in value for each in floats_in(item)]
    return [value] if isinstance(value, float) else []


def test_why_there_was_no_trade_is_told_in_words_and_numbers(script: Any, run: Run, infy: Any) -> None:
    words = "close 1,514.90, needs under 1,513.19"
    Evaluation.objects.create(run=run, instrument=infy, at=NOW, text=words, numbers={"close": "1514.90"}, nearness=0.7)
    (row,) = script.get("/api/v1/evaluations/", {"deployment": str(run.deployment_id)}).json()["results"]
    assert (row["text"], row["numbers"], row["instrument"]) == (words, {"close": "1514.90"}, "NSE:INFY")


def test_a_broker_session_shows_none_of_its_secrets(script: Any, account: Any) -> None:
    BrokerSession.objects.create(account=account, api_key="KEY1", request_token="REQ1", encrypted_access_token=b"ACC1")
    text = script.get("/api/v1/session/").content.decode()
    assert not [secret for secret in ("KEY1", "REQ1", "ACC1", "token") if secret in text]


def test_meters_tell_what_is_used_and_left_and_that_unknown_is_unknown(script: Any, order: Any) -> None:
    RiskLimit.objects.create(account=order.account, max_open_orders=4, max_gross=Decimal(100_000))
    (answer,) = script.get("/api/v1/meters/", {"account": str(order.account_id)}).json()
    meters = {meter["code"]: meter for meter in answer["meters"]}
    assert (meters["OPEN_ORDERS"]["used"], meters["OPEN_ORDERS"]["left"]) == ("1", "3")
    assert meters["MAX_NET"]["level"] == "unlimited"


def test_a_deployments_meters_are_its_own(script: Any, deployment: Any, order: Any) -> None:
    RiskLimit.objects.create(account=order.account, deployment=deployment, max_open_orders=2)
    (answer,) = script.get("/api/v1/meters/", {"deployment": str(deployment.pk)}).json()
    meters = {meter["code"]: meter for meter in answer["meters"]}
    assert (meters["OPEN_ORDERS"]["used"], answer["deployment"]) == ("0", str(deployment.pk))


@pytest.mark.parametrize("what", ["account", "deployment"])
def test_meters_of_nobody_are_not_found(script: Any, account: Any, what: str) -> None:
    assert script.get("/api/v1/meters/", {what: "0193f6b4-0000-7000-8000-000000000000"}).status_code == 404
    assert script.get("/api/v1/meters/", {what: "mine"}).status_code == 400


def test_events_are_found_by_what_they_begin_with(script: Any, account: Any) -> None:
    record_event("order.filled", key="AP1", payload={"quantity": 10})
    record_event("gate.changed", key="everything", payload={})
    rows = script.get("/api/v1/events/", {"of": "order."}).json()["results"]
    assert [(row["kind"], row["payload"]) for row in rows] == [("order.filled", {"quantity": 10})]


@pytest.mark.parametrize(
    "asked",
    [
        {"market_time_from": "0154-07-15T06:28:08+17:43"},
        {"market_time_to": "9999-12-31T23:59:59-18:00"},
        {"market_time_from": "yesterday"},
        {"tag": "a\0b"},
        {"account": "mine"},
    ],
)
def test_a_wrong_filter_is_refused_and_never_breaks(script: Any, account: Any, asked: dict[str, str]) -> None:
    assert script.get("/api/v1/orders/", asked).status_code == 400


def test_health_tells_in_words_what_is_wrong(script: Any, account: Any) -> None:
    body = script.get("/api/v1/health/").json()
    assert body["status"] == "problems"
    assert any("calendar" in words for words in body["problems"])
