"""A split of 1 to 5: no stop fires at a fifth of the price, and what is held goes on as before."""

from datetime import timedelta
from decimal import Decimal

import pytest

from alphapanda.core.clock.services import set_market_time
from instruments.models import CorporateAction
from market.candle_store import store_history
from market.models import Candle
from market.subscriptions import subscribe_instrument
from portfolio.booking import open_account
from portfolio.models import Position
from portfolio.rebuilding import rebuild_account
from tests.stories.pipeline import DAY, at
from trading import wakeups
from trading.brokers.adjusted_history import fetch_adjusted_history, wake_for_history
from trading.brokers.data_port import HistoricalCandle
from trading.exits.opening import exit_holding
from trading.models import BrokerSession, Deployment, ExitPlan, Order, RunInput, Signal
from trading.orders.corporate_actions import apply_corporate_actions
from trading.orders.life_cycle import Urgency
from trading.orders.requests import place_manual
from trading.run.deployments import pause_deployment
from trading.ticks import drain, sweeping

TERMS = {"product": "CNC", "flat_by": None}
WIDE = {"buy_at": "1500", "sell_at": "1600", "stop_percent": "1"}
EX_DATE = DAY + timedelta(days=2)  # Wed 25 Nov 2026
MORNING = at("09:20:00") + timedelta(days=2)


class Broker:
    """Has one adjusted candle of every share, and remembers what was asked."""

    def __init__(self) -> None:
        self.asked = []

    def fetch_history(self, token, interval, start, end):
        self.asked.append((token, interval))
        price = Decimal(300)
        return [HistoricalCandle(at("15:00:00"), price, price, price, price, 500)]


@pytest.fixture
def holding(pipeline):
    """A run holds 10 INFY for delivery, bought at 1,499, its stop 1 % below."""
    deployment = pipeline.deploy(parameters=WIDE, **TERMS)
    pipeline.start(deployment)
    pipeline.play("1505.00", "1499.00", "1500.00")
    assert Position.objects.get().quantity == 10
    return deployment


@pytest.fixture
def split(pipeline):
    return CorporateAction.objects.create(
        instrument=pipeline.infy, kind="split", ex_date=EX_DATE, held=1, becomes=5, source="NSE", credited_on=EX_DATE
    )


def go_to(pipeline, moment) -> None:
    pipeline.now = moment
    pipeline.epoch, pipeline.n = 2, 0
    set_market_time(moment, 0)


def host(pipeline):
    [run] = drain._memories[pipeline.shard.pk].runs.values()
    return run.host


def test_quantity_average_and_stop_follow_and_no_stop_fires_at_the_new_price(pipeline, holding, split):
    stop, average = host(pipeline).position_of("NSE:INFY").stop, Position.objects.get().average_price
    go_to(pipeline, MORNING)
    pipeline.play("300.00", "299.00")
    held = host(pipeline).position_of("NSE:INFY")
    position = Position.objects.get()
    assert (position.quantity, held.quantity) == (50, 50)
    assert (position.average_price, held.average_price) == (average / 5, average / 5)
    assert held.stop == Decimal("296.80") <= stop / 5
    assert not Signal.objects.filter(kind="exit").exists()
    assert rebuild_account(pipeline.account) == []


def test_its_stop_is_kept_while_its_history_is_fetched(pipeline, holding, split):
    go_to(pipeline, MORNING)
    pipeline.play("300.00", "296.00", "296.00", "296.00")
    assert [order.quantity for order in Order.objects.filter(side="SELL")] == [50]
    assert Position.objects.get().quantity == 0


def test_a_rebuild_adjusts_it_once_and_at_the_same_place(pipeline, holding, split):
    go_to(pipeline, MORNING)
    pipeline.play("300.00")
    before = host(pipeline).save()["positions"]["instruments"]["NSE:INFY"]
    pipeline.restart()
    pipeline.play("300.00")
    after = host(pipeline).save()["positions"]["instruments"]["NSE:INFY"]
    assert {name: after[name] for name in ("quantity", "average_price", "stop")} == {
        name: before[name] for name in ("quantity", "average_price", "stop")
    }


def test_the_desk_started_late_on_the_ex_date_adjusts_before_the_first_tick(pipeline, holding, split):
    pipeline.restart()
    go_to(pipeline, MORNING + timedelta(hours=2))
    pipeline.tick("300.00")
    pipeline.drain()
    assert host(pipeline).positions == {"NSE:INFY": 50}
    assert not Signal.objects.filter(kind="exit").exists()


def test_its_candles_of_before_are_dropped_and_fetched_anew_and_then_it_goes_on(pipeline, holding, split):
    prices = (Decimal(1500),) * 4
    store_history(pipeline.infy, 5, [(at("09:15:00"), *prices, 100), (MORNING, *(Decimal(300),) * 4, 100)])
    go_to(pipeline, MORNING)
    pipeline.play("300.00")
    assert set(Candle.objects.filter(interval=5).values_list("open", flat=True)) == {Decimal(300)}
    holding.refresh_from_db()
    assert (holding.state, "its history is fetched anew" in holding.state_reason) == ("paused", True)
    assert fetch_adjusted_history("practice", Broker(), pipeline.now) == 1
    assert fetch_adjusted_history("practice", Broker(), pipeline.now) == 0
    pipeline.play("300.00")
    holding.refresh_from_db()
    assert (holding.state, host(pipeline).exits_only) == ("running", False)


def test_a_candle_of_before_that_closes_late_is_kept_by_nobody_and_touches_no_target(pipeline, holding, split):
    host(pipeline).position_of("NSE:INFY").target = Decimal(1550)
    assert not Candle.objects.exists()  # that of Monday, 10:00 is being made still
    go_to(pipeline, MORNING)
    pipeline.play("300.00", "300.00")
    assert not Candle.objects.filter(start__lt=split.at).exists()
    assert not Signal.objects.filter(kind="exit").exists()


def test_a_deployment_paused_by_a_person_stays_paused(pipeline, holding, split):
    pause_deployment(holding, by="mehta")
    go_to(pipeline, MORNING)
    pipeline.play("300.00")
    fetch_adjusted_history("practice", Broker(), pipeline.now)
    pipeline.play("300.00")
    assert Deployment.objects.get().state_reason == "paused by mehta"
    assert host(pipeline).positions == {"NSE:INFY": 50}


def test_one_paused_since_by_a_person_is_not_resumed(pipeline, holding, split):
    go_to(pipeline, MORNING)
    pipeline.play("300.00")
    Deployment.objects.update(version=99)
    fetch_adjusted_history("practice", Broker(), pipeline.now)
    pipeline.play("300.00")
    assert Deployment.objects.get().state == "paused"


def test_a_run_begun_on_the_ex_date_is_told_nothing(pipeline, split):
    go_to(pipeline, MORNING)
    deployment = pipeline.deploy(parameters={"buy_at": "300", "sell_at": "400", "stop_percent": "1"}, **TERMS)
    pipeline.start(deployment)
    pipeline.play("301.00", "299.00", "300.00")
    assert Position.objects.get().quantity == 10
    assert not RunInput.objects.filter(kind="adjusted").exists()


def sell(pipeline, quantity: int) -> Signal:
    return place_manual(
        pipeline.account, pipeline.infy, side="SELL", quantity=quantity, order_type="MARKET", product="CNC", by="tests"
    )


def test_of_shares_held_by_hand_only_what_is_credited_can_be_sold(pipeline, split):
    subscribe_instrument(pipeline.feed, pipeline.infy, "full", ref="watchlist")
    pipeline.play("1500.00")
    place_manual(
        pipeline.account, pipeline.infy, side="BUY", quantity=10, order_type="MARKET", product="CNC", by="tests"
    )
    pipeline.play("1500.00", "1500.00", "1500.00")
    CorporateAction.objects.update(credited_on=None)
    go_to(pipeline, MORNING)
    pipeline.play("300.00")
    position = Position.objects.get()
    assert (position.quantity, Position.objects.receivable(EX_DATE)) == (50, {position.pk: 40})
    many = sell(pipeline, 11)
    pipeline.quiesce()
    many.refresh_from_db()
    assert (many.state, many.decision.refusal_codes) == ("denied", ["PRODUCT"])
    few = sell(pipeline, 10)
    pipeline.play("300.00", "300.00", "300.00")
    few.refresh_from_db()
    assert (few.state, Position.objects.get().quantity) == ("ordered", 40)
    CorporateAction.objects.update(credited_on=EX_DATE)
    rest = sell(pipeline, 40)
    pipeline.play("300.00", "300.00", "300.00")
    rest.refresh_from_db()
    assert (rest.state, Position.objects.get().quantity) == ("ordered", 0)


@pytest.mark.parametrize("filled", [0, 2])
def test_an_exit_by_hand_asks_for_as_many_new_shares_at_their_price(pipeline, holding, split, filled):
    """4 of the 10 held were to be sold at 1,553.30: 20 of 50 at 310.70 then; what was sold before stays sold."""
    exit_part(pipeline, 4, Decimal("1553.30"))
    pipeline.play("1500.00")
    Order.objects.filter(is_exit=True).update(filled_quantity=filled)
    go_to(pipeline, MORNING)
    pipeline.play("300.00", "300.00")
    plan = ExitPlan.objects.get()
    assert (plan.quantity - filled, plan.limit) == ((4 - filled) * 5, Decimal("310.70"))
    asked = Order.objects.filter(is_exit=True).latest("id")
    assert (asked.quantity, asked.price) == ((4 - filled) * 5, Decimal("310.70"))


def exit_part(pipeline, quantity: int, limit: Decimal) -> None:
    exit_holding(Position.objects.get(), Urgency.HAND_LIMIT, "by hand", "tests", quantity=quantity, limit=limit)
    pipeline.quiesce()


def test_the_sweeper_has_it_taken_in_and_its_history_fetched(pipeline, holding, split, monkeypatch):
    woken = []
    monkeypatch.setattr(wakeups, "wake_stage", lambda *what: woken.append(what))
    data = open_account("practice", "live", "zerodha", Decimal(0))
    BrokerSession.objects.create(account=data, state=BrokerSession.State.LIVE)
    sweeping.sweep_partitions()
    assert (wakeups.ACTIONS, "all", "housekeeping") not in woken
    monkeypatch.setattr(sweeping, "market_now", lambda: MORNING)
    sweeping.sweep_partitions()
    assert (wakeups.ACTIONS, "all", "housekeeping") in woken
    apply_corporate_actions(MORNING)
    woken.clear()
    sweeping.sweep_partitions()
    assert (wakeups.ACTIONS, "all", "housekeeping") not in woken
    assert (wakeups.HISTORY, "practice", "broker.practice") in woken
    assert Position.objects.get().quantity == 50


def test_no_history_is_asked_for_once_the_run_has_learnt_or_ended(pipeline, holding, split):
    apply_corporate_actions(MORNING)
    assert wake_for_history() == 1
    fetch_adjusted_history("practice", Broker(), MORNING)
    assert wake_for_history() == 0
