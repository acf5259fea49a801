"""Getting out until nothing is held or out: exits.md, on paper, from tick to booking."""

from datetime import timedelta
from decimal import Decimal

import pytest

from alphapanda.core.clock.services import set_market_time
from alphapanda.dashboard.panels import order_story
from instruments.domain.price_protection import slab_percent
from instruments.models import FreezeQuantity, ProtectionStep
from market.subscriptions import subscribe_instrument
from portfolio.models import Position
from tests.stories.pipeline import DAY, at, make_instrument
from trading.errors import NotAllowed
from trading.exits.by_hand import ChoiceNeeded, place_by_hand
from trading.exits.drain import follow_exits
from trading.exits.opening import exit_and_stop, exit_deployment, exit_holding, flatten, withdraw_exit
from trading.exits.prices import price_at_step
from trading.exits.state import read_quote
from trading.models import ExitPlan, Order, Run, Signal
from trading.orders import gates
from trading.orders.life_cycle import DeploymentState, Urgency
from trading.risk import assessment
from trading.risk.market_view import market_view
from trading.run.deployments import move_deployment
from trading.ticks import drain

WIDE = {"buy_at": "1500", "sell_at": "1600", "stop_percent": "1"}
BIDS_3_PERCENT_UNDER = [135800 - 10 * i for i in range(5)]


def held() -> dict[str, int]:
    """Signed quantities by portfolio, of those that hold any."""
    return {p.portfolio.name or "By hand": p.quantity for p in Position.objects.open().select_related("portfolio")}


def hand(pipeline, side, quantity, **terms):
    asked = {"order_type": "MARKET", "product": "MIS", "by": "tests"} | terms
    return place_by_hand(pipeline.account, pipeline.infy, side, quantity, **asked)


@pytest.fixture
def long_10(pipeline):
    """A deployment long 10 at 1,499.10 with its stop at 1,484.00."""
    pipeline.trade("1505.00", "1499.00", "1500.00", "1500.00", strategy="test-buys-once", parameters=WIDE, name="A")
    assert held() == {"A": 10}
    return pipeline


@pytest.fixture
def both_ways(long_10):
    """A long 10, and 10 short by hand beside it."""
    hand(long_10, "SELL", 10, apart=True)
    long_10.play("1500.00", "1500.00")
    assert sorted(held().values()) == [-10, 10]
    return long_10


def test_a_stop_jumped_by_a_gap_is_asked_again_until_it_is_taken(long_10):
    long_10.play("1480.00", "1480.00", bid_price=[143500] * 5)
    order = Order.objects.get(is_exit=True)
    assert (order.state, order.working_price) == ("open", Decimal("1472.60"))
    long_10.play(*["1400.00"] * 6, bid_price=BIDS_3_PERCENT_UNDER)
    assert held() == {}
    plan = ExitPlan.objects.get()
    assert (plan.finished_at is not None, plan.state_reason) == (True, "flat")
    order.refresh_from_db()
    assert (Order.objects.filter(is_exit=True).count(), order.modify_number > 0) == (1, True)  # the same order, changed


def test_the_story_of_its_order_tells_each_change(long_10):
    long_10.play("1480.00", "1480.00", bid_price=[143500] * 5)
    long_10.play(*["1400.00"] * 6, bid_price=BIDS_3_PERCENT_UNDER)
    order = Order.objects.get(is_exit=True)
    titles = [step["title"] for step in order_story(order.pk)["timeline"]]
    changes = [title for title in titles if title.startswith(("Asked to change", "Works at"))]
    assert len(changes) == 2 * order.modify_number - 1 > 0  # the last one is told by its fill
    assert titles.index(changes[-1]) < titles.index("Filled 10 at 1,358.00")
    [asked] = [step for step in order_story(order.pk)["timeline"] if step["title"] == changes[0]]
    assert asked["lines"][0]["text"] == "Not taken at 1,472.60."


def test_an_exit_asked_late_is_not_in_doubt_at_once(long_10):
    """The desk stood still for ten minutes with the stop's tick waiting: its order is as new as its approval."""
    long_10.append(long_10.packet("1480.00"))
    tick = long_10.now
    drain.process_ticks(long_10.shard.pk, linger=0)
    set_market_time(tick + timedelta(minutes=10), 0)
    follow_exits(long_10.account.pk)
    plan = ExitPlan.objects.get()
    ExitPlan.objects.update(look_at=tick)
    follow_exits(long_10.account.pk)
    plan.refresh_from_db()
    assert (plan.placed, plan.needs_person) == (1, False)
    set_market_time(tick + timedelta(minutes=10, seconds=31), 0)
    ExitPlan.objects.update(look_at=tick)
    follow_exits(long_10.account.pk)
    plan.refresh_from_db()
    assert plan.needs_person  # half a minute, and still no word


def test_the_first_price_is_the_brokers_slab_from_last(long_10):
    long_10.play("1480.00", "1480.00", bid_quantity=[0] * 5)
    order = Order.objects.get(is_exit=True)
    assert (order.order_type, order.working_price) == ("MARKET", Decimal("1472.60"))


def test_the_slab_on_file_is_what_exit_gate_and_paper_exchange_go_by(long_10):
    ProtectionStep.objects.filter(kind="slab", contract="share", below=None).update(percent="0.8")
    long_10.play("1480.00", "1480.00", bid_quantity=[0] * 5)
    order = Order.objects.select_related("signal__instrument", "signal__account").get(is_exit=True)
    assert order.working_price == Decimal("1468.10")  # 0.8 % under 1,480, away from it
    quote = read_quote(ExitPlan.objects.get(), long_10.now)
    assert price_at_step(quote, -1, 0, is_last_minute=False) == Decimal("1468.10")
    assert slab_percent(market_view(order.signal, long_10.now).protection, Decimal(1480)) == Decimal("0.8")


@pytest.mark.parametrize("stop_everything", [None, "halted", "reduce_only"])
def test_opposite_positions_both_leave_whatever_the_gate_says(both_ways, stop_everything):
    if stop_everything:
        gates.set_gate(stop_everything, by="tests")
    both_ways.play("1480.00")  # the stop of A
    [short] = Position.objects.open().filter(quantity=-10)
    exit_holding(short, Urgency.NOW, "by hand", "tests")
    both_ways.play("1480.00", "1480.00", "1480.00")
    assert held() == {}


def test_opposite_positions_both_leave_at_flat_by(both_ways):
    both_ways.now = at("15:04:59")
    both_ways.play("1500.00", "1500.00", "1500.00", "1500.00")
    assert held() == {"By hand": -10}
    [short] = Position.objects.open()
    exit_holding(short, Urgency.NOW, "flat by 15:05", "the clock")
    both_ways.play("1500.00", "1500.00", "1500.00")
    assert held() == {}


def test_an_exit_filled_in_part_is_followed_up_for_the_rest(long_10):
    long_10.play("1480.00", "1480.00", bid_quantity=[3, 0, 0, 0, 0])
    assert held() == {"A": 7}
    long_10.play(*["1470.00"] * 4)
    assert held() == {}


def test_an_exit_survives_a_restart_of_every_process(long_10):
    long_10.play("1480.00", depth=0)
    long_10.restart()
    long_10.play(*["1470.00"] * 6)
    assert held() == {}


def test_no_exit_is_asked_while_the_market_is_closed(long_10):
    long_10.now = at("15:20:00")
    [position] = Position.objects.open()
    exit_holding(position, Urgency.NOW, "by hand", "tests")
    long_10.watermark()
    long_10.quiesce()
    plan = ExitPlan.objects.get()
    assert (plan.look_at, Order.objects.filter(is_exit=True).count()) == (at("09:15:00") + timedelta(days=2), 0)


def test_selling_by_hand_what_a_strategy_holds_needs_a_choice(long_10):
    with pytest.raises(ChoiceNeeded) as needed:
        hand(long_10, "SELL", 10)
    [choice] = needed.value.choices
    assert (choice.deployment.name, choice.held, choice.closable) == ("A", 10, 10)
    assert not Signal.objects.filter(kind="manual").exists()


def test_closing_by_hand_opens_no_short_and_the_run_sells_nothing_more(long_10):
    deployment = Run.objects.get().deployment
    placed = hand(long_10, "SELL", 10, closes=deployment)
    assert (placed.signals, len(placed.exits)) == ([], 1)
    long_10.play("1500.00", "1500.00", "1500.00")
    assert held() == {}
    long_10.play("1480.00", "1480.00", "1480.00")  # under the stop that is no more
    assert (held(), Order.objects.filter(is_exit=True).count()) == ({}, 1)


def test_a_part_closed_by_hand_shrinks_what_the_stop_sells(long_10):
    hand(long_10, "SELL", 4, closes=Run.objects.get().deployment)
    long_10.play("1500.00", "1500.00", "1500.00")
    assert held() == {"A": 6}
    long_10.play("1480.00", "1480.00", "1480.00")
    quantities = list(Order.objects.filter(is_exit=True).order_by("id").values_list("quantity", flat=True))
    assert (held(), quantities) == ({}, [4, 6])


def test_more_than_is_held_needs_a_tick_to_stand_apart(long_10):
    deployment = Run.objects.get().deployment
    with pytest.raises(ChoiceNeeded, match="5 would open a position apart"):
        hand(long_10, "SELL", 15, closes=deployment)
    hand(long_10, "SELL", 15, closes=deployment, apart=True)
    long_10.play("1500.00", "1500.00", "1500.00")
    assert held() == {"By hand": -5}


def test_a_hand_order_closes_its_own_holding_first(both_ways):
    placed = hand(both_ways, "BUY", 10)
    assert (len(placed.signals), placed.exits) == (1, [])
    both_ways.play("1500.00", "1500.00")
    assert held() == {"A": 10}


def test_a_limit_by_hand_rests_and_a_stop_takes_it_over(long_10):
    hand(long_10, "SELL", 10, order_type="LIMIT", price=Decimal("1510.00"), closes=Run.objects.get().deployment)
    long_10.play("1500.00", "1500.00")
    order = Order.objects.get(is_exit=True)
    assert (order.state, order.working_price) == ("open", Decimal("1510.00"))
    long_10.play("1480.00", "1480.00", "1480.00", "1480.00")
    assert (held(), Order.objects.filter(is_exit=True).count()) == ({}, 1)


def test_a_limit_by_hand_can_be_taken_back_and_a_stop_cannot(long_10):
    hand(long_10, "SELL", 10, order_type="LIMIT", price=Decimal("1510.00"), closes=Run.objects.get().deployment)
    long_10.play("1500.00", "1500.00")
    withdraw_exit(ExitPlan.objects.get(), "tests")
    long_10.play("1500.00", "1500.00", "1500.00")
    assert (held(), Order.objects.get(is_exit=True).state) == ({"A": 10}, "cancelled")
    assert not ExitPlan.objects.unfinished().exists()
    long_10.play("1480.00", depth=0)
    with pytest.raises(NotAllowed):
        withdraw_exit(ExitPlan.objects.unfinished().get(), "tests")


@pytest.mark.parametrize("state", ["running", "paused", "halted"])
def test_a_deployment_is_left_whatever_its_state(long_10, state):
    deployment = Run.objects.get().deployment
    if state != "running":
        move_deployment(deployment.pk, DeploymentState(state), "its code has changed since the run began")
    exit_deployment(deployment, by="tests")
    long_10.play("1500.00", "1500.00", "1500.00", "1490.00", "1490.00")
    deployment.refresh_from_db()
    assert (held(), deployment.state) == ({}, "paused" if state == "running" else state)


def test_exit_and_stop_ends_the_run_once_it_is_flat(long_10):
    deployment = Run.objects.get().deployment
    move_deployment(deployment.pk, DeploymentState.PAUSED, "its code has changed since the run began")
    exit_and_stop(deployment, by="tests")
    deployment.refresh_from_db()
    assert deployment.state == "paused"
    long_10.play("1500.00", "1500.00", "1500.00")
    deployment.refresh_from_db()
    assert (held(), deployment.state, Run.objects.get().ended_reason) == ({}, "stopped", "stopped by tests")


def test_flatten_leaves_everything_and_lets_nothing_new_in(both_ways):
    flatten(None, by="tests", reason="enough")
    both_ways.play("1500.00", "1500.00", "1500.00")
    assert (held(), gates.gate_in_force(both_ways.account.pk)) == ({}, "reduce_only")
    both_ways.play("1490.00", "1490.00")
    assert held() == {}


def test_nothing_is_entered_where_an_exit_is_under_way(long_10):
    long_10.play("1480.00", depth=0)
    assert ExitPlan.objects.unfinished().exists()
    portfolio = Position.objects.get().portfolio
    signal = Signal.objects.create(
        key="another entry",
        account=long_10.account,
        deployment_id=portfolio.deployment_id,
        instrument=long_10.infy,
        kind="enter",
        side="BUY",
        quantity=10,
        order_type="MARKET",
        product="MIS",
        reason="tests",
        reference_price=Decimal(1480),
        quote_at=long_10.now,
        market_time=long_10.now,
        send_by=long_10.now + timedelta(seconds=10),
    )
    assessment.assess_signals(long_10.account.pk)
    assert signal.decision.refusal_codes == ["BEING_LEFT"]


@pytest.fixture
def future(pipeline):
    found = make_instrument(
        token=222 * 256 + 2, symbol="BANKFUT", exchange="NFO", segment="NFO-FUT", instrument_type="FUT", lot_size=30
    )
    subscribe_instrument(pipeline.feed, found, "full", ref="watchlist")
    return found


def buy_600(pipeline, future):
    def play(*prices, **columns):
        for price in prices:
            pipeline.tick(price, token=future.instrument_token, depth=5000, **columns)
            pipeline.quiesce()

    play("100.00")
    place_by_hand(pipeline.account, future, "BUY", 600, "MARKET", "NRML", by="tests")
    play("100.00", "100.00")
    assert held() == {"By hand": 600}
    return play


def test_a_freeze_lowered_below_the_holding_makes_slices(pipeline, future):
    play = buy_600(pipeline, future)
    FreezeQuantity.objects.create(
        exchange="NFO", underlying=future.name, quantity=450, effective_from=DAY, source="tests"
    )
    exit_holding(Position.objects.get(), Urgency.NOW, "by hand", "tests")
    play("100.00", "100.00", "100.00")
    assert (held(), list(Order.objects.filter(is_exit=True).order_by("slice").values_list("quantity", flat=True))) == (
        {},
        [450, 150],
    )


def test_what_is_less_than_a_new_lot_is_left_and_said(pipeline, future):
    play = buy_600(pipeline, future)
    future.lot_size = 35
    future.save()
    exit_holding(Position.objects.get(), Urgency.NOW, "by hand", "tests")
    pipeline.restart()
    play("100.00", "100.00", "100.00", "100.00")
    plan = ExitPlan.objects.get()
    assert (held(), plan.needs_person, plan.is_open) == ({"By hand": 5}, True, True)
    assert plan.state_reason == "5 left: less than a lot of 35, which nobody takes"
