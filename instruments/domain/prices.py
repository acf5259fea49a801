"""Exact rounding of prices to an instrument's tick size."""

from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal


def floor_to_tick(price: Decimal, tick: Decimal) -> Decimal:
    """Return the highest price on the tick that is not above ``price``. Raises ValueError if tick ≤ 0."""
    return _to_tick(price, tick, ROUND_FLOOR)


def ceil_to_tick(price: Decimal, tick: Decimal) -> Decimal:
    """Return the lowest price on the tick that is not below ``price``. Raises ValueError if tick ≤ 0."""
    return _to_tick(price, tick, ROUND_CEILING)


def nearest_tick(price: Decimal, tick: Decimal) -> Decimal:
    """Return the price on the tick nearest to ``price``; halfway goes away from zero."""
    return _to_tick(price, tick, ROUND_HALF_UP)


def is_on_tick(price: Decimal, tick: Decimal) -> bool:
    """Whether the exchange would accept ``price`` for this tick size. Raises ValueError if tick ≤ 0."""
    return price % _checked(tick) == 0


def _to_tick(price: Decimal, tick: Decimal, rounding: str) -> Decimal:
    # The whole ticks and the rest are exact; dividing first would round at 28 digits and
    # could lift a price just below a tick onto it.
    whole, rest = divmod(price, _checked(tick))
    return (whole + (rest / tick).to_integral_value(rounding)) * tick


def _checked(tick: Decimal) -> Decimal:
    if not tick.is_finite() or tick <= 0:
        raise ValueError(f"a tick size must be above 0, not {tick}")
    return tick
