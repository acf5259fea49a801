from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instruments.domain.prices import ceil_to_tick, floor_to_tick, is_on_tick, nearest_tick

D = Decimal

# The tick sizes NSE, BSE and the currency segment use.
ticks = st.sampled_from([D("0.0025"), D("0.01"), D("0.05"), D("0.1"), D("0.2"), D("0.5"), D(1), D(5)])
prices = st.decimals("-100000", "100000", places=4)


@pytest.mark.parametrize(
    ("price", "tick", "below", "nearest", "above"),
    [
        ("100.03", "0.05", "100.00", "100.05", "100.05"),
        ("100.05", "0.05", "100.05", "100.05", "100.05"),
        ("100.025", "0.05", "100.00", "100.05", "100.05"),
        ("19999.4", "0.5", "19999.0", "19999.5", "19999.5"),
        ("-0.03", "0.05", "-0.05", "-0.05", "0"),
        ("0.02", "0.05", "0", "0", "0.05"),
    ],
)
def test_rounds_to_the_tick_below_nearest_and_above(price, tick, below, nearest, above):
    rounded = [rule(D(price), D(tick)) for rule in (floor_to_tick, nearest_tick, ceil_to_tick)]
    assert rounded == [D(below), D(nearest), D(above)]


@settings(max_examples=200)
@given(prices, ticks)
def test_the_rounded_prices_enclose_the_price_within_one_tick(price, tick):
    below, above = floor_to_tick(price, tick), ceil_to_tick(price, tick)
    assert below <= price <= above
    assert above - below == (0 if is_on_tick(price, tick) else tick)


@settings(max_examples=200)
@given(prices, ticks)
def test_the_nearest_tick_is_at_most_half_a_tick_away(price, tick):
    nearest = nearest_tick(price, tick)
    assert is_on_tick(nearest, tick)
    assert abs(nearest - price) * 2 <= tick


@settings(max_examples=200)
@given(prices, ticks)
def test_a_price_on_the_tick_stays_where_it_is(price, tick):
    on_tick = floor_to_tick(price, tick)
    assert floor_to_tick(on_tick, tick) == nearest_tick(on_tick, tick) == ceil_to_tick(on_tick, tick) == on_tick


@pytest.mark.parametrize("tick", [D(0), D("-0.05"), D("NaN"), D("Infinity")])
def test_refuses_a_tick_size_that_is_none(tick):
    with pytest.raises(ValueError, match="above 0"):
        floor_to_tick(D(100), tick)
