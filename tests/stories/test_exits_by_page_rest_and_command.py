"""Exit and Flatten exist wherever one looks for them: on the pages, over REST and as a command."""

import json
from io import StringIO

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import CommandError
from django.urls import reverse
from rest_framework.test import APIClient

from portfolio.models import Position
from trading.models import ExitPlan, Run, Signal
from trading.orders import gates

WIDE = {"buy_at": "1500", "sell_at": "1600", "stop_percent": "1"}


def held() -> list[int]:
    return sorted(Position.objects.open().values_list("quantity", flat=True))


@pytest.fixture
def long_10(pipeline):
    pipeline.trade("1505.00", "1499.00", "1500.00", "1500.00", strategy="test-buys-once", parameters=WIDE, name="A")
    assert held() == [10]
    return pipeline


@pytest.fixture
def person(client):
    client.force_login(get_user_model().objects.create_superuser("mehta", password="x"))
    return client


@pytest.fixture
def script():
    user = get_user_model().objects.create_superuser("robot", password="x")
    client = APIClient()
    client.force_authenticate(user)
    return client


def act(person, name, *args, **fields):
    answer = person.post(reverse(f"dashboard:{name}", args=args), fields, follow=True)
    return " ".join(str(message) for message in answer.context["messages"])


def flat(pipeline) -> bool:
    pipeline.play("1500.00", "1500.00", "1500.00")
    return held() == []


def test_a_position_is_left_from_its_row(long_10, person):
    said = act(person, "exit_position", Position.objects.get().pk)
    assert said == "Leaving INFY: it is asked until it is flat."
    assert flat(long_10)


def test_a_position_that_is_flat_already_says_so(long_10, person):
    position = Position.objects.get()
    act(person, "exit_position", position.pk)
    assert flat(long_10)
    assert "nothing of INFY is held there any more" in act(person, "exit_position", position.pk)


@pytest.mark.parametrize(("how", "state"), [("exit", "paused"), ("exit-stop", "stopped")])
def test_a_deployment_is_left_from_its_card(long_10, person, how, state):
    deployment = Run.objects.get().deployment
    act(person, "deployment_act", deployment.pk, how)
    assert flat(long_10)
    deployment.refresh_from_db()
    assert deployment.state == state


def test_the_kill_switch_flattens(long_10, person):
    assert act(person, "gate", level="flatten").startswith("Leaving 1 position.")
    assert flat(long_10)
    assert gates.gate_in_force(long_10.account.pk) == "reduce_only"


def test_an_order_by_hand_against_a_strategy_offers_the_choice_and_takes_it(long_10, person):
    asked = {
        "account": long_10.account.pk, "side": "SELL", "instrument": "INFY", "quantity": 10, "order_type": "MARKET",
        "product": "MIS",
    }  # fmt: skip
    page = person.post(reverse("dashboard:place_order"), asked).content.decode()
    assert "Strategies hold what this would close (A 10)" in page
    assert not Signal.objects.filter(kind="manual").exists()
    act(person, "place_order", **asked, closes=Run.objects.get().deployment_id)
    assert flat(long_10)


def post(script, path, body, key="k1"):
    return script.post(f"/api/v1/{path}", body, format="json", headers={"Idempotency-Key": key})


def test_rest_answers_409_with_the_choices(long_10, script):
    deployment = Run.objects.get().deployment
    order = {
        "account": str(long_10.account.pk), "instrument": "NSE:INFY", "side": "SELL", "quantity": 10,
        "order_type": "MARKET", "product": "MIS",
    }  # fmt: skip
    refused = post(script, "orders/", order)
    choice = {"deployment": str(deployment.pk), "name": "A", "held": 10, "closable": 10}
    assert (refused.status_code, refused.json()["choices"]) == (409, [choice])
    assert refused.json()["errors"][0]["code"] == "choice_needed"
    answer = post(script, "orders/", order | {"closes": str(deployment.pk)}, "k2")
    assert (answer.status_code, answer.json()["signals"], len(answer.json()["exits"])) == (202, [], 1)
    assert flat(long_10)


def test_rest_leaves_a_position_and_lists_the_exit(long_10, script):
    answer = post(script, "exits/", {"position": str(Position.objects.get().pk)})
    assert (answer.status_code, answer.json()["side"], answer.json()["is_open"]) == (202, "SELL", True)
    assert flat(long_10)
    [row] = script.get("/api/v1/exits/").json()["results"]
    assert (row["is_open"], row["state_reason"], row["instrument"]) == (False, "flat", "NSE:INFY")


def test_rest_takes_a_limit_back_and_no_other_exit(long_10, script):
    deployment = Run.objects.get().deployment
    order = {
        "account": str(long_10.account.pk), "instrument": "NSE:INFY", "side": "SELL", "quantity": 10,
        "order_type": "LIMIT", "price": "1550", "product": "MIS", "closes": str(deployment.pk),
    }  # fmt: skip
    [limit] = post(script, "orders/", order).json()["exits"]
    long_10.play("1500.00", "1500.00")
    assert post(script, f"exits/{limit['id']}/withdraw/", {}, "k2").status_code == 202
    long_10.play("1500.00", "1500.00", "1500.00")
    assert (held(), ExitPlan.objects.unfinished().count()) == ([10], 0)
    other = post(script, "exits/", {"position": str(Position.objects.get().pk)}, "k3").json()
    assert post(script, f"exits/{other['id']}/withdraw/", {}, "k4").status_code == 409


@pytest.mark.parametrize(("path", "state"), [("exit", "paused"), ("exit_and_stop", "stopped")])
def test_rest_leaves_a_deployment(long_10, script, path, state):
    deployment = Run.objects.get().deployment
    assert post(script, f"deployments/{deployment.pk}/{path}/", {}).status_code == 200
    assert flat(long_10)
    deployment.refresh_from_db()
    assert deployment.state == state


def test_rest_flattens(long_10, script):
    [row] = post(script, "gate/flatten/", {"reason": "enough"}).json()
    assert row["reason"] == "flattened by robot: enough"
    assert flat(long_10)


def run(*args) -> dict:
    out = StringIO()
    call_command("flatten", *args, "--json", "--by", "tests", stdout=out)
    return json.loads(out.getvalue())


def test_the_command_flattens(long_10):
    assert run()["asked"] == 1
    assert flat(long_10)


def test_the_command_leaves_and_stops_one_deployment(long_10):
    assert run("--deployment", "A", "--stop")["asked"] == 1
    assert flat(long_10)
    assert Run.objects.get().ended_reason == "stopped by tests"


def test_the_command_names_what_there_is(long_10):
    with pytest.raises(CommandError, match=r"There is no deployment 'B'\. There are: A\."):
        run("--deployment", "B")
    with pytest.raises(CommandError, match=r"--stop ends a deployment's run"):
        run("--stop")
    assert held() == [10]
