"""What else a script may do: deployments, the gate, work that was given up."""

from typing import Any

import pytest
import redis
from django.core.cache.backends.redis import RedisCache
from django.db import OperationalError

from alphapanda.core.journal.models import DeadLetter
from alphapanda.core.journal.services import give_up
from trading.models import Deployment, Gate, Order, Run
from trading.orders import kill_switch
from trading.orders.gates import flag_file
from trading.tests.api.conftest import problems_of


def act(client: Any, deployment: Deployment, name: str, body: Any = None) -> Any:
    return client.post(f"/api/v1/deployments/{deployment.pk}/{name}/", body or {})


def test_a_deployment_is_started_and_answers_as_it_stands_then(script: Any, deployment: Deployment) -> None:
    answer = act(script, deployment, "start")
    body = answer.json()
    assert (answer.status_code, body["state"], body["instruments"]) == (200, "warming", ["NSE:INFY"])
    assert (body["state_reason"], body["run"]) == ("started by mehta by token my trade", str(Run.objects.get().pk))


def test_a_deployment_that_is_not_stopped_is_not_started(script: Any, deployment: Deployment) -> None:
    act(script, deployment, "start")
    answer = act(script, deployment, "start")
    assert (answer.status_code, problems_of(answer)[None]) == (409, "Crossover A is not stopped")


def test_a_deployment_is_paused_with_a_reason_resumed_and_stopped(script: Any, deployment: Deployment) -> None:
    act(script, deployment, "start")
    paused = act(script, deployment, "pause", {"reason": "results today"}).json()
    assert (paused["state"], paused["state_reason"]) == ("paused", "paused by mehta by token my trade: results today")
    assert act(script, deployment, "resume").status_code == 200
    assert act(script, deployment, "stop").json()["state"] == "stopped"


def test_parameters_are_checked_by_name(script: Any, deployment: Deployment) -> None:
    answer = act(script, deployment, "parameters", {"parameters": {"fast": 0, "luck": 7}})
    assert answer.status_code == 400
    assert problems_of(answer)["luck"] == "there is no such parameter"
    assert {"fast", "luck"} <= set(problems_of(answer))


def test_parameters_of_a_stopped_deployment_are_set(script: Any, deployment: Deployment) -> None:
    described = script.get("/api/v1/strategies/", {"name": "moving_average_crossover"}).json()["results"][0]
    default = {each["name"]: each["default"] for each in described["parameters"]}
    answer = act(script, deployment, "parameters", {"parameters": default})
    assert (answer.status_code, answer.json()["parameters"]) == (200, default)


@pytest.mark.parametrize("body", [{}, {"parameters": []}, {"parameters": "fast"}, []])
def test_parameters_must_be_named_values(script: Any, deployment: Deployment, body: Any) -> None:
    assert script.post(f"/api/v1/deployments/{deployment.pk}/parameters/", body).status_code == 400


def test_a_halt_holds_for_every_account_and_tells_what_is_on_its_way(script: Any, order: Order) -> None:
    body = script.post("/api/v1/gate/halt/", {"reason": "odd prices"}).json()
    assert set(body["effective"].values()) == {"halted"}
    assert [each["tag"] for each in body["on_their_way"]] == [order.tag]
    assert Gate.objects.get(is_global=True).reason == "odd prices"


def test_a_gate_is_resumed(script: Any, order: Order) -> None:
    script.post("/api/v1/gate/halt/")
    body = script.post("/api/v1/gate/resume/", {"reason": "looked"}).json()
    assert body["effective"] == {str(order.account_id): "active"}


def test_one_accounts_gate_leaves_the_others_open(script: Any, order: Order) -> None:
    body = script.post("/api/v1/gate/reduce_only/", {"account": str(order.account_id)}).json()
    assert {gate["account"]: gate["state"] for gate in body["gates"]} == {
        None: "active",
        str(order.account_id): "reduce_only",
    }


def test_a_flag_file_is_shown_and_outweighs_the_rows(script: Any, order: Order) -> None:
    flag_file().parent.mkdir(parents=True, exist_ok=True)
    flag_file().touch()
    try:
        body = script.get("/api/v1/gate/").json()
    finally:
        flag_file().unlink()
    assert (body["flag_file"], body["effective"]) == (True, {str(order.account_id): "halted"})


def test_a_halt_of_everything_writes_the_flag_file_before_the_rows(script: Any, order: Order, monkeypatch: Any) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        assert flag_file().exists()
        raise OperationalError("the database is away")

    monkeypatch.setattr(kill_switch, "set_gate", refuse)
    script.raise_request_exception = False
    answer = script.post("/api/v1/gate/halt/", {"reason": "odd prices"})
    assert answer.status_code == 503
    assert "The flag file stands and halts everything" in problems_of(answer)[None]
    assert "mehta by token my trade" in flag_file().read_text()
    assert "odd prices" in flag_file().read_text()


def test_a_resume_lowers_the_flag_that_was_raised_over_the_web(script: Any, order: Order) -> None:
    halted = script.post("/api/v1/gate/halt/").json()
    resumed = script.post("/api/v1/gate/resume/").json()
    assert (halted["flag_file"], resumed["flag_file"]) == (True, False)
    assert resumed["effective"] == {str(order.account_id): "active"}


def test_a_resume_over_the_web_leaves_a_flag_from_a_terminal(script: Any, order: Order) -> None:
    script.post("/api/v1/gate/halt/")
    kill_switch.raise_flag("Asha", "at the terminal")
    body = script.post("/api/v1/gate/resume/").json()
    assert (body["flag_file"], set(body["effective"].values())) == (True, {"halted"})
    assert "Asha" in flag_file().read_text()


def test_a_halt_of_one_account_raises_no_flag(script: Any, order: Order) -> None:
    body = script.post("/api/v1/gate/halt/", {"account": str(order.account_id)}).json()
    assert body["flag_file"] is False


def test_a_disk_that_is_full_does_not_stop_a_halt(script: Any, order: Order, monkeypatch: Any) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(kill_switch, "raise_flag", full)
    assert set(script.post("/api/v1/gate/halt/").json()["effective"].values()) == {"halted"}


def test_a_halt_gets_through_without_valkey(script: Any, order: Order, monkeypatch: Any) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise redis.ConnectionError("refused")

    monkeypatch.setattr(RedisCache, "get", refuse)
    assert script.post("/api/v1/gate/halt/").status_code == 200


@pytest.fixture
def letter(account: Any) -> DeadLetter:
    return give_up("assess_signals", str(account.pk), "a row", 3, "ValueError: no", {})


def test_a_dead_letter_is_dropped_once(script: Any, letter: DeadLetter) -> None:
    address = f"/api/v1/dead-letters/{letter.pk}/drop/"
    body = script.post(address).json()
    assert (body["state"], body["decided_by"]) == ("dropped", "mehta by token my trade")
    again = script.post(address)
    assert (again.status_code, problems_of(again)[None]) == (409, "it has been decided already")
