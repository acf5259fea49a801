"""Whoever may only halt loosens nothing: not the gate, not its first reason, and no exit is taken back."""

from typing import Any

import pytest

from alphapanda.core.journal.models import Event
from trading.models import Gate, Order
from trading.orders.gates import flag_file
from trading.tests.api.conftest import holder_of, make_order

GATE = "/api/v1/gate"


@pytest.fixture
def halter(user: Any) -> Any:
    return holder_of(user, "halt")


def gate() -> tuple[str, str]:
    row = Gate.objects.get(is_global=True)
    return row.state, row.reason


def test_a_halt_token_does_not_turn_a_halt_into_less(halter: Any, script: Any, order: Order) -> None:
    script.post(f"{GATE}/halt/", {"reason": "odd prices"})
    body = halter.post(f"{GATE}/reduce_only/", {"reason": "calmer now"}).json()
    assert (gate(), body["flag_file"]) == (("halted", "odd prices"), True)
    assert flag_file().exists()


def test_what_may_trade_may_choose_the_level(script: Any, order: Order) -> None:
    script.post(f"{GATE}/halt/", {"reason": "odd prices"})
    body = script.post(f"{GATE}/reduce_only/", {"reason": "calmer now"}).json()
    assert (gate(), body["flag_file"]) == (("reduce_only", "calmer now"), False)


def test_a_halt_token_makes_reduce_only_a_halt(halter: Any, order: Order) -> None:
    halter.post(f"{GATE}/reduce_only/", {"reason": "results"})
    assert gate() == ("reduce_only", "results")
    halter.post(f"{GATE}/halt/", {"reason": "odd prices"})
    assert gate() == ("halted", "odd prices")


@pytest.mark.parametrize("act", ["halt", "reduce_only"])
@pytest.mark.parametrize("second", [{}, {"reason": "me too"}])
def test_the_first_reason_stays(halter: Any, order: Order, act: str, second: dict[str, str]) -> None:
    halter.post(f"{GATE}/{act}/", {"reason": "odd prices"})
    halter.post(f"{GATE}/{act}/", second)
    assert gate()[1] == "odd prices"
    assert Event.objects.filter(kind="gate.changed").count() == 2


def test_the_first_reason_of_a_halt_stays_whoever_halts_again(person: Any, order: Order) -> None:
    person.post(f"{GATE}/halt/", {"reason": "odd prices"})
    person.post(f"{GATE}/halt/")
    assert gate() == ("halted", "odd prices")
    assert "odd prices" in flag_file().read_text()


def test_a_halt_token_takes_entries_back_and_no_exit(halter: Any, script: Any, order: Order, infy: Any) -> None:
    leaving = make_order(order.account, infy, number=2)
    Order.objects.filter(pk=leaving.pk).update(is_exit=True)
    address = f"/api/v1/orders/{leaving.pk}/cancel/"
    assert halter.post(f"/api/v1/orders/{order.pk}/cancel/").status_code == 202
    assert halter.post(address).status_code == 403
    leaving.refresh_from_db()
    assert leaving.cancel_requested_at is None
    assert script.post(address).status_code == 202


def test_a_halt_token_takes_no_exit_back_that_is_followed_up(halter: Any, order: Order) -> None:
    assert halter.post(f"/api/v1/exits/{order.pk}/withdraw/").status_code == 403
