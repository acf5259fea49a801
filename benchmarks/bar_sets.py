"""Seeded walks of one-minute candles that ours and other engines play alike, and the answer they are compared by.

Numpy only: it runs in either environment. Prices are whole paise. A candle opens where the one before closed and the
market never closes, so that "at this close" and "at the next open" are one price and one moment.
"""

import hashlib
import time
from typing import NamedTuple

import numpy as np

CASH = 100_000_000 * 100
FEE = 20 * 100  # for each order
FIRST_PRICE, MOST_STEP, STEPS = 100_000, 10, 4
STARTS_AT = 1_735_669_800  # 2025-01-01 00:00 in India


class Walk(NamedTuple):
    start: np.ndarray
    open: np.ndarray
    high: np.ndarray
    low: np.ndarray
    close: np.ndarray
    volume: np.ndarray


def make_walk(seed, bars):
    steps = np.random.default_rng(seed).integers(-MOST_STEP, MOST_STEP + 1, (bars, STEPS))
    path = FIRST_PRICE + np.cumsum(steps.ravel()).reshape(bars, STEPS)
    opens = np.concatenate([[FIRST_PRICE], path[:-1, -1]])
    high, low = np.maximum(opens, path.max(axis=1)), np.minimum(opens, path.min(axis=1))
    return Walk(STARTS_AT + 60 * np.arange(bars), opens, high, low, path[:, -1], np.full(bars, 10_000))


def make_ticks(count):
    """Prices in paise, one a second from ``STARTS_AT`` on."""
    return FIRST_PRICE + np.cumsum(np.random.default_rng(0).integers(-MOST_STEP, MOST_STEP + 1, count))


def digest_of(fills_of_each):
    """How many fills (nth candle, paise, signed quantity) an engine made, and their digest."""
    lines = [
        f"{nth} {bar} {price} {quantity}" for nth, fills in enumerate(fills_of_each) for bar, price, quantity in fills
    ]
    return {"fills": len(lines), "digest": hashlib.sha256("\n".join(lines).encode()).hexdigest()}


def timed(work):
    """Return the processor's seconds it took, all threads of it, and what it returned."""
    begun = time.process_time()
    found = work()
    return time.process_time() - begun, found
