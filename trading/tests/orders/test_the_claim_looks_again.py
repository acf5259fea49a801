"""Between approval and request anything may have changed: the claim and the look after it judge the order anew."""

from decimal import Decimal

import pytest

from portfolio.booking import open_account
from portfolio.models import Position
from trading.exits.drain import follow_exits
from trading.exits.opening import exit_holding
from trading.models import Order, PaperRequest, RiskDecision
from trading.orders import execution, gates
from trading.orders.life_cycle import Urgency
from trading.risk import assessment


@pytest.fixture
def approved(watched):
    """A limit to buy 10, approved and not yet claimed."""
    watched.buy(10, price="1490.00")
    assessment.assess_signals(watched.account.pk)
    assert Order.objects.get().state == "created"
    return watched


@pytest.fixture
def long_10(watched):
    """10 shares held by hand."""
    watched.buy(10)
    watched.play("1500.00", "1500.00", "1500.00")
    assert Position.objects.get().quantity == 10
    return watched


def sent(pipeline) -> tuple[str, int]:
    """Let the account's orders be sent. Returns what became of the newest, and how many requests left us for it."""
    execution.execute_orders(pipeline.account.pk)
    order = Order.objects.latest("id")
    return order.state, PaperRequest.objects.filter(tag=order.tag).count()


def leave(pipeline) -> None:
    """Open the exit of the position, and let the gate approve its order."""
    exit_holding(Position.objects.get(), Urgency.NOW, "by hand", "tests")
    follow_exits(pipeline.account.pk)


@pytest.mark.parametrize("state", ["reduce_only", "halted"])
@pytest.mark.parametrize("is_own", [False, True])
def test_a_gate_that_closes_after_the_approval_holds_the_entry(approved, state, is_own):
    gates.set_gate(state, approved.account if is_own else None, by="tests")
    assert sent(approved) == ("not_placed", 0)
    assert Order.objects.get().claimed_by == ""  # it is not left to the look after the claim


@pytest.mark.parametrize("state", ["reduce_only", "halted"])
@pytest.mark.parametrize("is_own", [False, True])
def test_a_gate_that_closes_after_the_claim_holds_the_entry(approved, state, is_own, monkeypatch):
    def close(point):
        if point == "execute.after_claim":
            gates.set_gate(state, approved.account if is_own else None, by="tests")

    monkeypatch.setattr(execution, "crashpoint", close)
    assert sent(approved) == ("not_placed", 0)


def test_another_accounts_gate_holds_nothing(approved):
    other = open_account("Desk B", "paper", "paper", Decimal(1000))
    gates.set_gate("halted", other, by="tests")
    assert sent(approved) == ("submitted", 1)


@pytest.mark.parametrize("state", ["reduce_only", "halted"])
def test_no_gate_holds_an_exit(long_10, state):
    leave(long_10)
    gates.set_gate(state, by="tests")
    assert sent(long_10) == ("submitted", 1)


@pytest.mark.parametrize("changed", [{"quantity": 11}, {"price": Decimal("1490.10")}, {"side": "SELL"}, {"slice": 2}])
def test_an_order_is_sent_only_as_it_was_decided(approved, changed):
    Order.objects.update(**changed)
    assert sent(approved) == ("not_placed", 0)
    assert Order.objects.get().state_reason == "no approved decision stands for this side, quantity and price"


def test_an_order_without_an_approval_is_not_sent(approved):
    RiskDecision.objects.update(approved=False)
    assert sent(approved) == ("not_placed", 0)


def test_an_exit_for_more_than_may_be_closed_by_now_is_not_sent(long_10):
    leave(long_10)
    Position.objects.update(quantity=6)
    assert sent(long_10) == ("not_placed", 0)
    assert Order.objects.get(is_exit=True).state_reason == "6 may be closed now, not 10"


def test_exits_leave_before_entries_that_are_older(long_10):
    long_10.start(long_10.deploy(parameters={"buy_at": "1490", "sell_at": "1600", "stop_percent": "1"}))
    long_10.play("1505.00")
    long_10.tick("1489.00")
    long_10.drain()
    assessment.assess_signals(long_10.account.pk)
    leave(long_10)
    PaperRequest.objects.all().delete()
    execution.execute_orders(long_10.account.pk)
    asked = PaperRequest.objects.order_by("id").values_list("ticket__signed_quantity", flat=True)
    assert list(asked) == [-10, 10]
