"""History is fetched in pieces, what is kept is not fetched again, and how far it is stands in words."""

from datetime import timedelta
from decimal import Decimal

import pytest

from market.models import Candle, KeptHistory
from tests.stories.pipeline import make_instrument
from tests.strategies.one_lot import GoesWrong, OneLot
from trading.brokers import warm_up
from trading.brokers.data_port import HistoricalCandle
from trading.models import Deployment, RunInput
from trading.orders.broker_port import BrokerUnreachable
from trading.run.deployments import start_deployment, stop_deployment

SHARES = 100
A_PIECE = 15  # what five seconds of three requests a second come to


class Broker:
    """Tells one candle a minute, and takes a third of a second of its own clock for each answer."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, int]] = []
        self.spans: list[timedelta] = []
        self.seconds = 0.0
        self.is_away = False

    def monotonic(self) -> float:
        return self.seconds

    def fetch_history(self, token, interval, start, end):
        self.seconds += 1 / 3
        if self.is_away:
            raise BrokerUnreachable("read timed out")
        self.asked.append((token, interval))
        self.spans.append(end - start)
        first = end.replace(second=0) - timedelta(minutes=3)
        return [
            HistoricalCandle(first + timedelta(minutes=n), *[Decimal(1500)] * 4, 100)
            for n in range(4)
            if first + timedelta(minutes=n) >= start
        ]

    def fetch_bands(self, _keys):
        return {}


@pytest.fixture
def broker(pipeline, monkeypatch) -> Broker:
    broker = Broker()
    monkeypatch.setattr(OneLot, "warmup", lambda _strategy: {1: 50})
    monkeypatch.setattr(warm_up, "market_data_of", lambda _account: broker)
    monkeypatch.setattr(warm_up.time, "monotonic", broker.monotonic)
    return broker


@pytest.fixture
def hundred(pipeline) -> Deployment:
    deployment = pipeline.deploy()
    shares = [make_instrument(token=(1000 + n) * 256 + 1, symbol=f"SHARE{n}") for n in range(SHARES - 1)]
    deployment.instruments.add(*shares)
    return deployment


def state_of(deployment: Deployment) -> tuple[str, str]:
    deployment.refresh_from_db()
    return deployment.state, deployment.state_reason


def has_begun() -> bool:
    return RunInput.objects.filter(kind="begin").exists()


def test_a_hundred_series_are_fetched_in_pieces_of_five_seconds_each_once(pipeline, broker, hundred):
    run = start_deployment(hundred, by="tests")
    pieces = 0
    while not has_begun():
        before = len(broker.asked)
        warm_up.warm_up(run.pk)
        pieces += 1
        assert len(broker.asked) - before <= A_PIECE + 1
        if not has_begun():
            words = f"fetching history: {len(broker.asked)} of {SHARES} series of candles"
            assert state_of(hundred) == ("warming", words)
    assert pieces == 7
    assert len(broker.asked) == len(set(broker.asked)) == SHARES
    pipeline.play("1505.00")
    assert state_of(hundred)[0] == "running"


def test_what_was_fetched_a_moment_ago_is_not_fetched_for_the_next_run(pipeline, broker):
    first, second = pipeline.deploy(), pipeline.deploy()
    warm_up.warm_up(start_deployment(first, by="tests").pk)
    warm_up.warm_up(start_deployment(second, by="tests").pk)
    assert len(broker.asked) == 1
    assert RunInput.objects.filter(kind="begin").count() == 2


def test_a_later_run_asks_only_for_what_has_ended_since(pipeline, broker):
    deployment = pipeline.deploy()
    warm_up.warm_up(start_deployment(deployment, by="tests").pk)
    deployment.refresh_from_db()
    stop_deployment(deployment, by="tests")
    pipeline.watermark(after=600)
    deployment.refresh_from_db()
    warm_up.warm_up(start_deployment(deployment, by="tests").pk)
    assert broker.spans[0] > timedelta(days=1)
    assert broker.spans[1] == timedelta(minutes=11)
    assert KeptHistory.objects.get().until == pipeline.now


def test_the_candle_that_is_forming_is_not_kept(pipeline, broker):
    warm_up.warm_up(start_deployment(pipeline.deploy(), by="tests").pk)
    assert Candle.objects.count() == 3
    assert max(Candle.objects.values_list("start", flat=True)) + timedelta(minutes=1) <= pipeline.now


def test_a_broker_that_is_away_is_said_and_what_was_fetched_stays(pipeline, broker, hundred):
    run = start_deployment(hundred, by="tests")
    warm_up.warm_up(run.pk)
    fetched, broker.is_away = len(broker.asked), True
    warm_up.warm_up(run.pk)
    assert state_of(hundred) == ("warming", "waits for history: the broker says read timed out; asked again")
    broker.is_away = False
    warm_up.warm_up(run.pk)
    assert len(broker.asked) == len(set(broker.asked)) > fetched


def test_a_strategy_that_cannot_say_what_it_wants_is_paused_with_its_line(pipeline, broker, monkeypatch):
    monkeypatch.setattr(GoesWrong, "how", "warmed")
    deployment = pipeline.deploy("test-goes-wrong")
    warm_up.warm_up(start_deployment(deployment, by="tests").pk)
    state, reason = state_of(deployment)
    assert state == "paused"
    assert reason.startswith("it cannot warm up: LookupError: no table for this instrument, at one_lot.py, line ")
