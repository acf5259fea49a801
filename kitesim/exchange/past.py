"""Days before the market began: minute bars drawn directly, because no tick of them was ever sent."""

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from kitesim.exchange.candles import Bars, day_bar
from kitesim.exchange.derivatives import (
    OPTIONS_VOLUME,
    beat_seconds,
    futures_fair,
    futures_listed,
    futures_volume,
    money_nearness,
    option_premiums,
    options_listed,
)
from kitesim.exchange.fair_values import FairValues, Floats, day_rng, variance_profile
from kitesim.exchange.listing import SHARES, Instrument, index_rows, share_row
from kitesim.exchange.tape import Ints, index_values, to_tick
from kitesim.exchange.trading_days import hours_of, midnight_of, next_trading_day

_POINT = 10  # seconds between two looks at a price
_POINTS = 60 // _POINT


@dataclass(frozen=True)
class PastDay:
    """Minute bars of a group; arrays are (minutes, instruments), prices in paise."""

    day: date
    column_of: dict[int, int]
    points: NDArray[np.int32]
    volume: Ints
    closes: Ints

    def bars(self, token: int) -> tuple[Bars, Bars] | None:
        """Minutes and the whole day, or None if the instrument was not listed."""
        column = self.column_of.get(token)
        if column is None:
            return None
        points, opens = self.points[:, :, column].astype(np.int64), midnight_of(self.day) + hours_of(self.day).opens
        start = opens + np.arange(len(points)) * 60
        minutes = Bars(
            start, points[:, 0], points.max(axis=1), points.min(axis=1), points[:, -1], self.volume[:, column],
            np.zeros_like(start),
        )  # fmt: skip
        return minutes, day_bar(minutes, midnight_of(self.day), (int(self.closes[column]), 0))


def past_cash(world: FairValues, day: date) -> PastDay:
    """Shares and indices."""
    hours, rows = hours_of(day), [share_row(share) for share in SHARES]
    tick = np.array([row.tick for row in rows], np.int64)
    values = world.path(day, _POINT)[: (hours.cash_closes - hours.opens) // _POINT]
    prices = _prices(world, day, values, tick, purpose=5)
    closes = to_tick(np.exp(world.previous_close(next_trading_day(day))) * 100, tick)
    if not hours.auction:
        prices[-1] = closes
    every = [*rows, *index_rows()]
    prices = np.hstack([prices, index_values(world, prices / 100)])
    closes = np.hstack([closes, index_values(world, closes / 100)])
    volume = np.array([*(share.volume for share in SHARES), *(0 for _ in index_rows())], np.float64)
    return _past_day(world, day, every, prices, volume, closes)


def past_futures(world: FairValues, day: date) -> PastDay:
    rows = futures_listed(world, day)
    fair = futures_fair(world, day, world.path(day, _POINT), beat_seconds(hours_of(day), _POINT))
    prices = _prices(world, day, fair, np.array([row.tick for row in rows], np.int64), purpose=6)
    return _past_day(world, day, rows, prices, futures_volume(len(rows)), prices[-1])


def past_options(world: FairValues, day: date) -> PastDay:
    rows, spot = options_listed(world, day), world.index_level("NIFTY 50", world.path(day, _POINT))
    fair = option_premiums(day, beat_seconds(hours_of(day), _POINT), spot, rows)
    prices = _prices(world, day, fair, np.array([row.tick for row in rows], np.int64), purpose=7)
    return _past_day(world, day, rows, prices, OPTIONS_VOLUME * money_nearness(rows, float(spot[0])), prices[-1])


def _prices(world: FairValues, day: date, fair: Floats, tick: Ints, purpose: int) -> Ints:
    """Trades half a tick to either side of the fair value, in paise."""
    side = day_rng(world.seed, day, purpose).integers(0, 2, fair.shape, dtype=np.int8) - 0.5
    return to_tick(fair * 100 + side * tick, tick)


def _past_day(
    world: FairValues, day: date, rows: list[Instrument], prices: Ints, volume: Floats, closes: Ints
) -> PastDay:
    """``volume`` is a whole day's."""
    minutes, count = len(prices) // _POINTS, len(rows)
    profile = variance_profile(0, minutes * 60, 60)[:, None] ** 0.7
    drawn = day_rng(world.seed, day, 8).gamma(4.0, 0.25, (minutes, count)) * profile / profile.sum() * volume
    lot = np.array([row.lot for row in rows], np.int64)
    points = prices[: minutes * _POINTS].reshape(minutes, _POINTS, count).astype(np.int32)
    columns = {row.token: column for column, row in enumerate(rows)}
    return PastDay(day, columns, points, np.ceil(drawn / lot).astype(np.int64) * lot, closes)
