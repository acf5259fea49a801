"""What an index option is worth: Black's 1976 formula with a smile."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
YEAR = 365 * 86_400.0


def normal_cdf(x: Floats) -> Floats:
    """Abramowitz and Stegun 26.2.17; error below 1e-7."""
    t = 1 / (1 + 0.2316419 * np.abs(x))
    poly = t * (0.319381530 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))))
    tail = np.exp(-x * x / 2) * 0.3989422804014327 * poly
    return np.where(x >= 0, 1 - tail, tail)


def volatility_smile(forward: Floats, strike: Floats, years: Floats) -> Floats:
    """Annual volatility: a skew to the downside that steepens as expiry nears."""
    distance = np.log(strike / forward) / np.sqrt(np.maximum(years, 1 / 365))
    return np.clip(0.118 - 0.055 * distance + 0.10 * distance**2, 0.08, 0.45)


def black76(forward: Floats, strike: Floats, years: Floats, is_call: NDArray[np.bool_]) -> Floats:
    """Undiscounted premium; arrays broadcast together. ``years`` at or below zero: what it is worth exercised."""
    deviation = np.maximum(volatility_smile(forward, strike, years) * np.sqrt(np.maximum(years, 0)), 1e-9)
    d1 = np.log(forward / strike) / deviation + deviation / 2
    call = forward * normal_cdf(d1) - strike * normal_cdf(d1 - deviation)
    return np.maximum(np.where(is_call, call, call - forward + strike), 0.0)
