"""Indicators agree with TA-Lib, and ties are decided exactly."""

import json
from collections import deque
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
import talib
from hypothesis import given, settings
from hypothesis import strategies as st

from trading.strategies.indicators import (
    Bars,
    BollingerBands,
    ExponentialAverage,
    RelativeStrength,
    SimpleAverage,
    atr,
    bollinger,
    rate_of_change,
    rsi,
    sign,
    sma,
)
from trading.tests.strategies.market_day import MINUTE, D, at, candle

price = st.integers(100, 2_000_000).map(lambda paise: Decimal(paise) / 100)
closes = st.lists(price, min_size=40, max_size=80)


def exponential(values, period):
    return fed(ExponentialAverage(period), values)


def simple(values, period):
    return fed(SimpleAverage(period), values)


def fed(average, values):
    for nth, value in enumerate(values):
        average.add(candle(value, at("09:15") + nth * MINUTE))
    return average


def as_floats(values):
    return np.array([float(value) for value in values])


@given(closes, st.integers(2, 20))
@settings(max_examples=100)
def test_averages_and_bands_are_talibs(values, period):
    series = as_floats(values)
    assert float(sma(deque(values), period)) == pytest.approx(talib.SMA(series, period)[-1])
    assert simple(values, period).value == sma(deque(values), period)
    assert float(exponential(values, period).value) == pytest.approx(talib.EMA(series, period)[-1])
    upper, middle, lower = (band[-1] for band in talib.BBANDS(series, period, 2, 2))
    bands = bollinger(deque(values), period, D(2))
    found = [float(bands.upper), float(bands.middle), float(bands.lower)]
    assert found == pytest.approx([upper, middle, lower], rel=1e-6, abs=0.05)


@given(closes, st.integers(2, 10), st.integers(11, 30))
@settings(max_examples=100)
def test_which_average_is_above_is_decided_exactly(values, fast, slow):
    def mean(period):
        return sum(map(Fraction, values[-period:])) / period

    exact = (mean(fast) > mean(slow)) - (mean(fast) < mean(slow))
    assert sign(simple(values, fast).value - simple(values, slow).value) == exact


def test_equal_averages_are_a_tie_however_they_are_written():
    values = list(map(D, ("0.1", "0.2", "0.3", "0.2")))
    assert simple(values, 1).value == simple(values, 4).value
    thirds = [D(1), D(1), D("1.01"), D(1), D(1), D("1.01")]  # a mean that no decimal writes
    assert simple(thirds, 3).value == simple(thirds, 6).value
    assert exponential([D("33.33")] * 50, 9).value == D("33.33")


@given(closes, st.integers(2, 20), st.sampled_from(["1", "1.5", "2"]))
@settings(max_examples=100)
def test_bands_that_go_on_are_those_of_the_window_to_the_last_digit(values, period, width):
    going_on = BollingerBands(period, D(width))
    for nth in range(len(values)):
        fed(going_on, values[nth : nth + 1])
        if nth + 1 >= period:
            assert going_on.bands == bollinger(deque(values[: nth + 1]), period, D(width))


@given(closes, st.integers(2, 14))
@settings(max_examples=100)
def test_an_rsi_that_goes_on_is_talibs_of_all_since_it_began(values, period):
    expected = talib.RSI(as_floats(values), timeperiod=period)[-1]
    moved = len(set(values)) > 1
    assert fed(RelativeStrength(period), values).value == pytest.approx(expected if moved else 50.0, abs=2e-6)


def test_an_rsi_of_a_price_that_never_moved_is_neutral_and_says_when_it_began():
    going_on = fed(RelativeStrength(14), [D("100.05")] * 60)
    assert (going_on.value, going_on.since) == (50.0, at("09:15"))


@given(closes, st.integers(2, 14), st.integers(0, 39))
@settings(max_examples=50)
def test_bands_and_rsi_kept_and_taken_back_anywhere_go_on_as_they_were(values, period, cut):
    for new in (lambda: BollingerBands(period, D(2)), lambda: RelativeStrength(period)):
        before, after = fed(new(), values[:cut]), new()
        after.restore(json.loads(json.dumps(before.save())))
        assert vars(fed(after, values[cut:])) == vars(fed(new(), values))


def test_bands_and_rsi_of_too_few_closes_are_none():
    with pytest.raises(ValueError, match="2 of 3 closes heard"):
        _ = fed(BollingerBands(3, D(2)), [D(1), D(2)]).bands
    with pytest.raises(ValueError, match="1 of 2 changes heard"):
        _ = fed(RelativeStrength(2), [D(1), D(2)]).value


@given(closes, st.integers(2, 20), st.integers(0, 39))
@settings(max_examples=50)
def test_a_plain_average_kept_and_taken_back_anywhere_goes_on_as_it_was(values, period, cut):
    before, after = simple(values[:cut], period), SimpleAverage(period)
    after.restore(json.loads(json.dumps(before.save())))
    assert fed(after, values[cut:]).value == simple(values, period).value


@given(closes, st.integers(2, 20), st.integers(0, 39))
@settings(max_examples=50)
def test_an_exponential_average_kept_and_taken_back_anywhere_goes_on_as_it_was(values, period, cut):
    whole, before, after = exponential(values, period), exponential(values[:cut], period), ExponentialAverage(period)
    after.restore(json.loads(json.dumps(before.save())))
    for nth, value in enumerate(values[cut:]):
        after.add(candle(value, at("09:15") + (cut + nth) * MINUTE))
    assert (after.value, after.count) == (whole.value, whole.count)
    assert after.since == whole.since == at("09:15")


@pytest.mark.parametrize("average_of", [simple, exponential])
def test_an_average_of_too_few_closes_is_none(average_of):
    with pytest.raises(ValueError, match="2 of 3 closes heard"):
        _ = average_of([D(1), D(2)], 3).value


@given(closes, st.integers(2, 20), st.sampled_from(["1", "1.5", "2"]))
@settings(max_examples=100)
def test_outside_the_bands_is_decided_exactly(values, period, width):
    bands = bollinger(deque(values), period, D(width))
    newest = [Fraction(value) for value in values[-period:]]
    mean = sum(newest) / period
    variance = sum((value - mean) ** 2 for value in newest) / period
    beyond = newest[-1] - mean
    outside = beyond**2 > Fraction(width) ** 2 * variance
    assert bands.side == (0 if not outside else 1 if beyond > 0 else -1)


def test_a_price_that_never_moves_is_inside_its_bands_with_a_neutral_rsi():
    still = deque([D("100.05")] * 60)
    assert (bollinger(still, 20, D(2)).side, rsi(still, 14)) == (0, 50.0)


def test_rsi_and_true_range_are_wilders():
    bars = Bars(60)
    for number in range(60):
        bars.add(candle(str(100 + number % 7), at("10:00"), high=str(101 + number % 7), low="99"))
    series = as_floats(bars.closes)
    assert rsi(bars.closes, 14) == round(talib.RSI(series, 14)[-1], 6)
    assert float(atr(bars, 14)) == pytest.approx(
        talib.ATR(as_floats(bars.highs), as_floats(bars.lows), series, 14)[-1], abs=1e-4
    )


def test_bars_are_bounded_and_come_back_as_they_were():
    bars, again = Bars(3), Bars(3)
    for close in ("1.10", "2", "3", "4.05"):
        bars.add(candle(close, at("10:00")))
    again.restore(bars.save())
    assert list(again.closes) == [D(2), D(3), D("4.05")] == list(bars.closes)


def test_a_change_from_nothing_is_no_change():
    assert (rate_of_change(D(101), D(100)), rate_of_change(D(5), D(0))) == (1, 0)
