"""E1: the engine in memory, fed a recording, decides and does what its lockstep replay does, bit for bit."""

import random
from datetime import time
from decimal import Decimal

import pytest

from instruments.models import FreezeQuantity
from market.subscriptions import subscribe_instrument
from tests.scale import by_night
from tests.stories.lab_twin import assert_twins, come_to_rest, play_in_lockstep
from tests.stories.pipeline import DAY, at, make_instrument
from trading import tasks
from trading.models import PaperTrade, RiskLimit, Signal
from trading.orders import execution

WIDE = {"buy_at": "1500", "sell_at": "1600", "stop_percent": "1"}
NIFTY_FUTURE = 13_238_786


@pytest.fixture
def traded(watched):
    def trade(*prices, **changes):
        watched.start(watched.deploy(**changes))
        play_in_lockstep(watched, *prices)
        return watched

    return trade


def test_a_round_trip_is_the_same(traded):
    pipeline = traded("1505.00", "1499.00", "1500.00", "1505.00", "1511.00", "1511.00", "1511.00")
    engine = assert_twins(pipeline)
    assert [fill.signed_quantity for fill in engine.account.fills] == [10, -10]


def test_a_stop_jumped_by_a_gap_is_the_same(traded):
    pipeline = traded("1505.00", "1499.00", "1500.00", "1500.00", strategy="test-buys-once", parameters=WIDE)
    play_in_lockstep(pipeline, "1480.00", "1480.00", bid_price=[143500] * 5)
    play_in_lockstep(pipeline, *["1400.00"] * 6, bid_price=[135800 - 10 * i for i in range(5)])
    engine = assert_twins(pipeline)
    assert engine.account.plans[0].state_reason == "flat"


def test_a_thin_book_fills_both_in_parts(traded):
    pipeline = traded("1505.00", "1499.00", "1499.00", "1499.00", "1499.00", size=Decimal(900))
    play_in_lockstep(pipeline, *["1499.00"] * 4, bid_quantity=[7] * 5, ask_quantity=[7] * 5)
    play_in_lockstep(pipeline, *["1511.00"] * 8)
    engine = assert_twins(pipeline)
    assert len(engine.account.fills) > 2


def test_what_the_gate_denies_is_denied_with_the_same_numbers(watched):
    RiskLimit.objects.create(account=watched.account, max_quantity=5)
    watched.start(watched.deploy())
    play_in_lockstep(watched, "1505.00", "1499.00", "1499.00", "1498.00")
    engine = assert_twins(watched)
    assert {tuple(one.refusal_codes) for one in engine.account.decisions} == {("MAX_QTY",)}


def test_two_runs_of_one_account_share_its_money_alike(watched):
    for name, size in (("a", 300), ("b", 30_000), ("c", 12)):
        watched.start(watched.deploy(name=name, size=Decimal(size), parameters=WIDE))
    play_in_lockstep(watched, "1505.00", "1499.00", "1499.50", "1500.00", "1480.00", "1480.00", "1480.00", "1479.00")
    engine = assert_twins(watched)
    assert {order.portfolio_id for order in engine.account.orders} == {"a", "c"}


@pytest.mark.parametrize("called_first", [tasks.book_trades, tasks.execute_orders, tasks.assess_signals])
def test_a_fill_and_a_signal_of_one_entry_are_judged_alike_whichever_worker_is_called_first(
    watched, settings, called_first
):
    settings.LOCKSTEP = True
    for buy_at in ("1500", "1490"):
        watched.start(watched.deploy(strategy="test-buys-once", parameters=WIDE | {"buy_at": buy_at}))
    play_in_lockstep(watched, "1505.00", "1499.00")
    watched.tick("1489.00")
    watched.drain()
    assert PaperTrade.objects.filter(is_booked=False).exists()
    assert Signal.objects.filter(state="new").exists()
    called_first(str(watched.account.pk))
    come_to_rest(watched)
    play_in_lockstep(watched, "1489.00", "1489.00")
    assert len(assert_twins(watched).account.fills) == 2


def test_a_call_that_comes_late_and_finds_nothing_books_no_fill_of_the_next_entry_before_its_signal_is_judged(
    watched, settings, monkeypatch
):
    settings.LOCKSTEP = True
    for buy_at in ("1500", "1490"):
        watched.start(watched.deploy(strategy="test-buys-once", parameters=WIDE | {"buy_at": buy_at}))
    play_in_lockstep(watched, "1505.00", "1499.00")
    execute, arrived = execution.execute_orders, []

    def while_the_next_entry_arrives(account_id):
        if not arrived:
            arrived.append(watched.tick("1489.00"))
            watched.drain()
        execute(account_id)

    monkeypatch.setattr(execution, "execute_orders", while_the_next_entry_arrives)
    tasks.assess_signals(str(watched.account.pk))
    monkeypatch.undo()
    settings.LOCKSTEP = True
    if not arrived:
        watched.tick("1489.00")
        watched.drain()
    tasks.book_trades(str(watched.account.pk))
    come_to_rest(watched)
    play_in_lockstep(watched, "1489.00", "1489.00")
    assert len(assert_twins(watched).account.fills) == 2


def test_flat_by_comes_at_its_time_without_a_tick(traded):
    pipeline = traded("1505.00", "1499.00", "1499.00", "1499.00", flat_by=time(10, 5), parameters=WIDE)
    for seconds in (299, 1, 1, 30):
        pipeline.watermark(seconds)
        come_to_rest(pipeline)
    play_in_lockstep(pipeline, "1501.00", "1501.00", "1501.00")
    engine = assert_twins(pipeline)
    assert [fill.signed_quantity for fill in engine.account.fills] == [10, -10]


def test_slices_go_in_and_out_the_same(pipeline):
    future = make_instrument(
        NIFTY_FUTURE, "NIFTY26DECFUT", exchange="NFO", segment="NFO-FUT", instrument_type="FUT", name="NIFTY",
        lot_size=65, expiry=DAY.replace(month=12, day=29), tick_size=Decimal("0.10"),
    )  # fmt: skip
    FreezeQuantity.objects.create(exchange="NFO", underlying="NIFTY", quantity=1800, effective_from=DAY)
    subscribe_instrument(pipeline.feed, future, "full", ref="watchlist")
    deployment = pipeline.deploy(size=Decimal(30), product="NRML", parameters=WIDE | {"sell_at": "1510"})
    deployment.instruments.set([future])
    pipeline.start(deployment)
    play_in_lockstep(pipeline, *["1499.00", *["1500.00"] * 4, *["1511.00"] * 5], token=NIFTY_FUTURE, depth=100_000)
    engine = assert_twins(pipeline)
    assert [(order.side, order.quantity) for order in engine.account.orders] == [
        ("BUY", 1755), ("BUY", 195), ("SELL", 1755), ("SELL", 195),
    ]  # fmt: skip


def test_a_strategy_that_raises_gets_out_the_same(traded):
    pipeline = traded("1505.00", "1499.00", "1499.00", "1480.00", strategy="test-raises")
    engine = assert_twins(pipeline)
    assert [fault.run for fault in engine.faults] == ["test-raises 1"]


def test_the_next_day_begins_the_same(traded):
    pipeline = traded("1505.00", "1499.00", "1499.00", "1499.00", product="CNC", parameters=WIDE)
    pipeline.go_to_next_session()
    play_in_lockstep(pipeline, "1495.00", "1490.00", "1480.00", "1480.00", "1480.00")
    engine = assert_twins(pipeline)
    assert (len(engine.account.fills), len(engine.gaps)) == (2, 0)


@pytest.mark.parametrize("seed", range(by_night(8, otherwise=2)))
def test_a_random_walk_through_the_shipped_strategies_is_the_same(watched, seed):
    """Minutes of ticks and thin books: crossovers, momentum, stops, partial fills, denials."""
    draw, price = random.Random(seed), 1500.0
    for strategy in ("momentum", "moving_average_crossover", "mean_reversion", "test-one-lot"):
        watched.start(watched.deploy(strategy=strategy, size=Decimal(draw.choice((1, 40, 700)))))
    for _ in range(by_night(150, otherwise=60)):
        price = max(1400.0, min(1600.0, price * (1 + draw.gauss(0, 0.002))))
        watched.tick(f"{round(price * 10) / 10:.2f}", draw.choice((1, 7, 25)), depth=draw.choice((3, 50, 5000)))
        come_to_rest(watched)
    assert watched.now < at("15:00:00")
    engine = assert_twins(watched)
    assert engine.account.signals
