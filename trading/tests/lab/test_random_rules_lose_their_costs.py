"""Null calibration: a thousand rules that enter and leave at random on a fair walk lose, on average, what they pay."""

import random
from decimal import Decimal
from statistics import fmean, stdev

import numpy as np

from trading.lab.bar_path import FillTerms
from trading.lab.candles import Bars
from trading.lab.round_trips import round_trips
from trading.tests.lab.plays import play, scripted
from trading.tests.strategies.market_day import at, spec

RULES, MINUTES, TRADES, TICK = 1000, 40, 3, 10
ONE_TICK_OFF = FillTerms(Decimal(1), volume_share=None)


def fair_walk(dice: random.Random) -> Bars:
    """Minutes whose every step is as likely up as down, in paise on the tick."""
    closes = 100_000 + TICK * np.cumsum([dice.choice((-3, -2, -1, 1, 2, 3)) for _ in range(MINUTES)])
    opens = np.concatenate([[100_000], closes[:-1]])
    starts = int(at("09:15").timestamp()) + 60 * np.arange(MINUTES)
    high, low = np.maximum(opens, closes), np.minimum(opens, closes)
    prices = (column.astype(np.int32) for column in (opens, high, low, closes))
    return Bars(starts, *prices, np.full(MINUTES, 100_000))


def random_rule(dice: random.Random) -> dict[str, tuple[str, ...]]:
    """Three trades in the half hour after 9:20, each on either side, its stop out of reach."""
    moments = sorted(dice.sample(range(20, 53), 2 * TRADES))
    said: dict[str, tuple[str, ...]] = {}
    for enters, leaves in zip(moments[::2], moments[1::2], strict=True):
        said[f"09:{enters}"] = dice.choice((("BUY", "900"), ("SELL", "1100")))
        said[f"09:{leaves}"] = ("EXIT",)
    return said


def test_random_rules_lose_on_average_exactly_their_costs():
    """Within three standard errors of the mean, and what they pay is ten of them: an error in it would show."""
    nets, costs = [], []
    for seed in range(RULES):
        dice = random.Random(seed)
        played = play(fair_walk(dice), scripted(random_rule(dice)), ONE_TICK_OFF)
        trips = round_trips(played.engine.account.fills)
        assert [trip.net for trip in trips] == [trip.gross - trip.charges for trip in trips]
        nets.append(float(sum(trip.net for trip in trips)))
        slipped = sum(abs(fill.signed_quantity) for fill in played.engine.account.fills) * spec().tick_size
        costs.append(float(sum(trip.charges for trip in trips) + slipped))
        assert len(trips) >= TRADES - 1
    error = stdev(nets) / RULES**0.5
    assert abs(fmean(nets) + fmean(costs)) < 3 * error
    assert fmean(costs) > 10 * error
