from decimal import Decimal
from typing import Any

import pytest
from django.urls import reverse

from alphapanda.core.journal.models import DeadLetter, Event
from portfolio.booking import open_account
from trading.models import Gate, RiskLimit, Signal
from trading.orders.gates import flag_file

ADD_LIMITS = "admin:trading_risklimit_add"


@pytest.fixture
def limits(pipeline: Any) -> dict[str, str]:
    defaults = {"price_collar_percent": "2", "max_quote_age_seconds": "10"}
    breaker = {"max_refusals_minute": "5", "max_round_trips_minute": "0"}
    return {"account": str(pipeline.account.pk), **defaults, **breaker}


def gate_page(gate: Gate) -> str:
    return reverse("admin:trading_gate_change", args=[gate.pk])


def test_limits_are_written_and_told(admin_client, limits):
    assert admin_client.post(reverse(ADD_LIMITS), limits | {"max_open_orders": "12"}).status_code == 302
    row = RiskLimit.objects.get()
    assert (row.max_open_orders, row.max_refusals_minute, row.max_round_trips_minute) == (12, 5, 0)
    assert Event.objects.get(kind="limits.changed").payload["limits"]["max_open_orders"] == "12"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"max_daily_loss": "0"}, "0 would refuse every order. Leave it empty for no limit"),
        (
            {"max_order_value": "500", "max_gross": "100"},
            "500 is above 100: one order may not be larger",
        ),
        ({"max_quantity": "10", "max_position": "5"}, "10 is above 5: one order may not be larger than the position"),
        ({"max_orders_minute": "10", "max_orders_day": "5"}, "a minute has no more orders than its day"),
        ({"price_collar_percent": "40"}, "Between 0 and 20 percent"),
    ],
)
def test_limits_that_cannot_be_meant_are_refused_in_words(admin_client, limits, changes, words):
    answer = admin_client.post(reverse(ADD_LIMITS), limits | changes)
    assert words in answer.content.decode()
    assert not RiskLimit.objects.exists()


def test_limits_of_a_deployment_on_another_account_are_refused(admin_client, pipeline, limits):
    other = open_account("Desk B", "paper", "paper", Decimal(1))
    answer = admin_client.post(reverse(ADD_LIMITS), limits | {"account": other.pk, "deployment": pipeline.deploy().pk})
    assert "is not on Desk B" in answer.content.decode()


def test_one_account_has_one_row_of_limits(admin_client, limits):
    admin_client.post(reverse(ADD_LIMITS), limits)
    assert admin_client.post(reverse(ADD_LIMITS), limits).status_code == 200
    assert RiskLimit.objects.count() == 1


def test_each_limit_is_shown_with_what_is_used_of_it(admin_client, traded):
    row = RiskLimit.objects.create(account=traded.account, max_open_orders=12, max_orders_day=50)
    page = admin_client.get(reverse("admin:trading_risklimit_change", args=[row.pk])).content.decode()
    assert "Open orders: 0 of 12, 12 left" in page
    assert "Orders today: 2 of 50, 48 left" in page


def test_a_gate_is_halted_through_its_service(admin_client, pipeline):
    gate = Gate.objects.get(is_global=True)
    admin_client.post(gate_page(gate), {"state": "halted", "reason": "prices look wrong"})
    gate.refresh_from_db()
    assert (gate.state, gate.changed_by, gate.changed_at) == ("halted", "admin", pipeline.now)
    assert Event.objects.get(kind="gate.changed").payload["reason"] == "prices look wrong"


def test_a_gate_is_not_closed_without_a_reason(admin_client, pipeline):
    gate = Gate.objects.get(is_global=True)
    answer = admin_client.post(gate_page(gate), {"state": "halted", "reason": " "})
    assert "Say why" in answer.content.decode()
    assert Gate.objects.get(pk=gate.pk).state == "active"


def test_closing_a_gate_tells_which_orders_are_on_their_way(admin_client, pipeline):
    pipeline.start(pipeline.deploy(parameters={"buy_at": "1500", "sell_at": "1510"}))
    pipeline.tick("1505")
    pipeline.quiesce()
    pipeline.tick("1499")
    pipeline.quiesce()
    gate = Gate.objects.get(is_global=True)
    page = admin_client.post(gate_page(gate), {"state": "halted", "reason": "enough"}, follow=True).content.decode()
    assert "Not stopped by it, because already on their way: buy 10 INFY" in page


def test_gates_are_neither_added_nor_bypassed_while_the_flag_stands(admin_client, pipeline):
    flag_file().write_text("halted")
    assert admin_client.get(reverse("admin:trading_gate_add")).status_code == 403
    page = admin_client.get(gate_page(Gate.objects.get(is_global=True))).content.decode()
    assert "everything is halted until" in page


def letter_act(client: Any, letter: DeadLetter, action: str) -> str:
    sent = {"action": action, "_selected_action": [str(letter.pk)]}
    return client.post(reverse("admin:journal_deadletter_changelist"), sent, follow=True).content.decode()


def test_a_dead_letter_is_replayed_once(admin_client, traded):
    signal = Signal.objects.first()
    Signal.objects.filter(pk=signal.pk).update(state="failed")
    letter = DeadLetter.objects.create(
        task="assess_signals", partition=str(traded.account.pk), key=str(signal.pk), attempts=3, error="ValueError: x"
    )
    assert "is done again" in letter_act(admin_client, letter, "replay_chosen")
    assert Signal.objects.get(pk=signal.pk).state == "new"
    assert "it has been decided already" in letter_act(admin_client, letter, "drop_chosen")


def test_a_dead_letter_of_a_stage_that_cannot_replay_says_so(admin_client, pipeline):
    letter = DeadLetter.objects.create(task="execute_orders", partition="a", key="1", attempts=3, error="x")
    assert "nothing knows how to replay execute_orders" in letter_act(admin_client, letter, "replay_chosen")
    assert "is dropped" in letter_act(admin_client, letter, "drop_chosen")
