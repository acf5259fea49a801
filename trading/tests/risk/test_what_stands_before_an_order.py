"""Exposure as the gate reads it: held, out, unconfirmed, reserved by everybody, and what is left of the money."""

from datetime import timedelta
from decimal import Decimal

import pytest

from alphapanda.core.clock.services import set_market_time
from portfolio.booking import ensure_portfolio
from portfolio.models import Position
from trading.exits.drain import follow_exits
from trading.exits.opening import exit_holding
from trading.models import Order, RiskLimit, Signal
from trading.orders import execution
from trading.orders.life_cycle import Urgency
from trading.risk import assessment
from trading.risk.exposure import state_before
from trading.risk.inputs import Exposure
from trading.risk.marks import Marks

D = Decimal
CASH = D(1_000_000)


def before(pipeline, signal: Signal) -> Exposure:
    """What stands before a signal that waits to be judged."""
    portfolio = ensure_portfolio(pipeline.account, signal.deployment_id)
    return state_before(signal, Marks.for_account(pipeline.account.pk, pipeline.now), pipeline.now).exposure(
        signal, portfolio.pk
    )


def approve(pipeline, quantity: int = 10, price: str = "1490.00", **terms) -> Order:
    """A limit to buy by hand, approved and not yet sent; its value is 14,900."""
    pipeline.buy(quantity, price=price, **terms)
    assessment.assess_signals(pipeline.account.pk)
    return Order.objects.latest("id")


def ask_unanswered(order: Order) -> None:
    """Claim the order and let its worker say no more."""
    assert execution.claim_order(order)


@pytest.mark.parametrize("unanswered", [False, True])
def test_an_order_out_counts_whether_or_not_anybody_has_confirmed_it(watched, unanswered):
    order = approve(watched)
    if unanswered:
        ask_unanswered(order)
    found = before(watched, watched.buy(5, price="1480.00"))
    assert (found.held.reachable_position(1), found.account_held.reachable_position(1)) == (10, 10)
    assert (found.held.unconfirmed_buys, found.held.working_buys) == ((10, 0) if unanswered else (0, 10))
    assert (found.account.open_orders, found.account.reserved_buys) == (1, D(14_900))
    assert found.available_funds == CASH - 14_900


def test_an_unconfirmed_order_keeps_the_next_one_within_the_position_limit(watched):
    RiskLimit.objects.update_or_create(account=watched.account, deployment=None, defaults={"max_position": 12})
    ask_unanswered(approve(watched))
    signal = watched.buy(5, price="1480.00")
    assessment.assess_signals(watched.account.pk)
    signal.refresh_from_db()
    assert (signal.state, signal.decision.refusal_codes) == ("denied", ["POSITION"])


@pytest.fixture
def others(watched):
    """A deployment's entry of 10, approved and not sent."""
    watched.start(watched.deploy())
    watched.play("1505.00")
    watched.tick("1499.00")
    watched.drain()
    assessment.assess_signals(watched.account.pk)
    return watched


def test_what_other_portfolios_have_reserved_counts_to_the_account(others):
    entry = Order.objects.get()
    found = before(others, others.buy(5, price="1490.00", product=entry.product))
    assert entry.reserved > 0
    assert (found.account.reserved_buys, found.account.open_orders) == (entry.reserved, 1)
    assert (found.held.reachable_position(1), found.account_held.reachable_position(1)) == (0, 10)


def test_what_other_portfolios_have_reserved_is_within_the_accounts_limit(others):
    RiskLimit.objects.update_or_create(account=others.account, deployment=None, defaults={"max_gross": D(20_000)})
    signal = others.buy(5, price="1490.00")  # 7,450 beside the 15,000 that are out
    assessment.assess_signals(others.account.pk)
    signal.refresh_from_db()
    assert (signal.state, signal.decision.refusal_codes) == ("denied", ["MAX_GROSS"])


def test_a_deployments_usage_is_its_own(others):
    approve(others)
    entry = Signal.objects.get(kind="enter")
    found = before(others, entry)
    assert (found.deployment.reserved_buys, found.deployment.open_orders) == (0, 0)  # its own order is not counted
    assert (found.account.reserved_buys, found.account.open_orders) == (D(14_900), 1)


@pytest.mark.parametrize(("product", "blocked"), [("CNC", 14_900), ("MIS", 2_980)])
def test_working_orders_take_from_what_is_free(watched, product, blocked):
    approve(watched, product=product)
    assert before(watched, watched.buy(5, price="1480.00")).available_funds == CASH - blocked


def test_an_order_beyond_what_working_orders_leave_free_is_refused(watched):
    approve(watched, 400)  # 5,96,000 of 10,00,000
    signal = watched.buy(300, price="1480.00")
    assessment.assess_signals(watched.account.pk)
    signal.refresh_from_db()
    assert (signal.state, signal.decision.refusal_codes) == ("denied", ["BUYING_POWER"])


def test_a_part_filled_order_takes_only_for_what_is_left(watched):
    order = approve(watched)
    Order.objects.filter(pk=order.pk).update(filled_quantity=4, reserved=D(8_940))
    found = before(watched, watched.buy(5, price="1480.00"))
    assert (found.available_funds, found.held.working_buys) == (CASH - 8_940, 6)


@pytest.mark.parametrize(("seconds", "a_minute"), [(59, 1), (60, 0), (3599, 0)])
def test_orders_of_the_last_minute_are_counted_and_no_older_ones(watched, seconds, a_minute):
    approve(watched)
    watched.now += timedelta(seconds=seconds)
    set_market_time(watched.now, 0)
    usage = before(watched, watched.buy(5, price="1480.00")).account
    assert (usage.orders_this_minute, usage.orders_today) == (a_minute, 1)


def test_an_exit_out_reserves_nothing_and_leaves_less_to_close(watched):
    watched.buy(10)
    watched.play("1500.00", "1500.00", "1500.00")
    exit_holding(Position.objects.get(), Urgency.NOW, "by hand", "tests", quantity=4)
    follow_exits(watched.account.pk)
    found = before(watched, watched.buy(10, side="SELL", price="1500.00"))
    assert (found.closable, found.held.working_sells, found.account.reserved) == (6, 4, 0)
    assert found.is_being_left


def test_the_same_intent_out_already_is_counted(watched):
    approve(watched)
    assert before(watched, watched.buy(10, price="1490.00")).identical_live_intents == 1
    assert before(watched, watched.buy(9, price="1490.00")).identical_live_intents == 0
