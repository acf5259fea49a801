"""signals(bars): no later candle counts, no more earlier ones than needs(), and the callbacks want the same."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading.strategies.api import ema_sides, sma_sides
from trading.strategies.indicators import _exact_sides
from trading.strategies.momentum import Momentum
from trading.strategies.moving_average_crossover import MovingAverageCrossover
from trading.testing import StrategyTest, vector_problems
from trading.testing.market import share
from trading.testing.vector_form import Columns, made_up_candles
from trading.tests.strategies.market_day import at, series

SHORT = {"interval": 1, "fast": 3, "slow": 8}
walks = st.lists(st.integers(-40, 40), min_size=60, max_size=150).map(lambda steps: np.cumsum([150_000, *steps]) * 5)
still = st.lists(st.sampled_from([0, 0, 0, 5]), min_size=60, max_size=150).map(lambda steps: 10_000 + np.cumsum(steps))


@pytest.mark.parametrize("kind", ["EMA", "SMA"])
@pytest.mark.parametrize("changes", [{}, SHORT, SHORT | {"long_only": True}, {"interval": 15, "fast": 2, "slow": 3}])
def test_the_shipped_averages_look_at_nothing_later_and_want_what_their_callbacks_do(kind, changes):
    assert vector_problems(MovingAverageCrossover, changes | {"kind": kind}) == []


@pytest.mark.parametrize("kind", ["EMA", "SMA"])
@given(closes=st.one_of(walks, still), fast=st.integers(2, 6), more=st.integers(1, 9))
@settings(max_examples=60)
def test_on_any_walk_both_forms_stand_on_the_same_side_at_every_candle(kind, closes, fast, more):
    run = StrategyTest(MovingAverageCrossover, {"interval": 1, "kind": kind, "fast": fast, "slow": fast + more})
    strategy, candles = run.host.strategy, series([close / 100 for close in closes.tolist()], at("15:00"))
    sides, stands = [], 0
    for candle in candles:
        strategy.learn(None, candle)
        sides.append(strategy.track(run.key).side)
    for signal, side in zip(strategy.signals(Columns.of(candles)).tolist(), sides, strict=True):
        stands = signal or stands
        assert stands == side


@given(closes=st.one_of(walks, still), fast=st.integers(2, 6), more=st.integers(1, 9))
@settings(max_examples=60)
def test_exponential_averages_in_floats_are_compared_as_in_decimals(closes, fast, more):
    assert ema_sides(closes, fast, fast + more).tolist() == list(_exact_sides(closes.tolist(), fast, fast + more))


@pytest.mark.parametrize("sides_of", [sma_sides, ema_sides])
def test_too_few_closes_have_no_side(sides_of):
    assert sides_of(np.array([1, 2, 3]), 2, 4).tolist() == [0, 0, 0]
    assert sides_of(np.array([], np.int64), 2, 4).tolist() == []
    assert sides_of(np.array([1, 2, 3, 9]), 2, 4).tolist() == [0, 0, 0, 1]


def test_wire_prices_of_32_bits_do_not_overflow():
    closes = np.full(300, 2_000_000_000, np.int32)
    closes[-1] += 100_000_000
    assert sma_sides(closes, 2, 200)[-2:].tolist() == [0, 1]


class Peeks(MovingAverageCrossover):
    def signals(self, bars):
        return np.roll(super().signals(bars), -1)


class ScalesByTheHighest(MovingAverageCrossover):
    """A figure of all candles, as of a normalised series, comes from the future too."""

    def signals(self, bars):
        return np.where(bars.close > (bars.close.max() + bars.close.min()) // 2, 1, -1)


class NeedsMore(MovingAverageCrossover):
    def needs(self):
        return self.parameters.slow - 1


class Remembers(MovingAverageCrossover):
    asked = 0

    def signals(self, bars):
        self.asked += 1
        return super().signals(bars) * (1 if self.asked == 1 else -1)


@pytest.mark.parametrize("planted", [Peeks, ScalesByTheHighest, NeedsMore, Remembers])
def test_one_that_looks_ahead_back_too_far_or_remembers_is_found(planted):
    found = vector_problems(planted, SHORT | {"kind": "SMA"})
    assert found[0].startswith("it looks ahead, or back too far: at candle ")


class Contrary(MovingAverageCrossover):
    def signals(self, bars):
        return -super().signals(bars)


class NeverLeaves(MovingAverageCrossover):
    def _manage(self, ctx, held, key, close):
        return iter(())


@pytest.mark.parametrize(
    ("planted", "words"), [(Contrary, "it enters to BUY, and signals() wants short"), (NeverLeaves, "goes on holding")]
)
def test_callbacks_that_want_something_else_are_found(planted, words):
    [found] = vector_problems(planted, SHORT | {"kind": "SMA"})
    assert words in found
    assert int(found.split()[2]) < 60  # the first day is played as well


class Floats(MovingAverageCrossover):
    def signals(self, bars):
        return super().signals(bars) * 0.5


class TooShort(MovingAverageCrossover):
    def signals(self, bars):
        return super().signals(bars)[1:]


@pytest.mark.parametrize(
    ("planted", "words"),
    [
        (Floats, "signals() may hold 1, -1 and 0, not -0.5"),
        (TooShort, "an array of 300 sides, one a candle"),
        (Momentum, "it has no vector form: signals() answers None"),
    ],
)
def test_what_is_no_vector_of_sides_is_said_in_words(planted, words):
    [found] = vector_problems(planted)
    assert words in found


def test_an_authors_own_candles_are_taken():
    flat = series([100] * 30, at("10:00"))
    assert vector_problems(MovingAverageCrossover, SHORT, flat) == []
    assert len(made_up_candles(60)) == 28
    assert {candle.instrument for candle in made_up_candles(5)} == {share().key}
