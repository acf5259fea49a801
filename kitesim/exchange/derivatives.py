"""Futures and weekly options, priced off the shares' and the index's fair values."""

from datetime import date

import numpy as np

from kitesim.exchange.fair_values import BEAT, FairValues, Floats, day_rng
from kitesim.exchange.listing import SHARES, STRIKE_STEP, STRIKES_AROUND, Instrument, future_rows, option_rows
from kitesim.exchange.options import YEAR, black76
from kitesim.exchange.tape import Ints, Liquidity, Tape, cash_tape, draw_tape, index_tape, to_tick
from kitesim.exchange.trading_days import Hours, hours_of, midnight_of, next_trading_day, weekly_expiry

CARRY = 0.06  # annual, of futures over the index
EXPIRES_AT = 15 * 3600 + 1800
OPTIONS_VOLUME = 90_000_000  # of the nearest week's contract at the money, a day


def _carry(day: date, seconds: Floats | float, expiry: date) -> Floats:
    """Forward over spot at ``seconds`` of ``day``."""
    years = (midnight_of(expiry) + EXPIRES_AT - midnight_of(day) - np.asarray(seconds)) / YEAR
    factor: Floats = np.exp(CARRY * np.maximum(years, 0))
    return factor


def beat_seconds(hours: Hours, beat: int = BEAT) -> Floats:
    return np.arange(hours.opens, hours.derivatives_close, beat, dtype=np.float64)


def _spots(world: FairValues, values: Floats) -> Floats:
    """(…, 1 + shares): the NIFTY and each share, in rupees, in the order of the futures."""
    return np.concatenate([world.index_level("NIFTY 50", values)[..., None], values], axis=-1)


def futures_listed(world: FairValues, day: date) -> list[Instrument]:
    level = float(world.index_level("NIFTY 50", np.exp(world.previous_close(world.anchor))))
    return future_rows(day, level)


def futures_fair(world: FairValues, day: date, path: Floats, seconds: Floats) -> Floats:
    """Fair values in rupees, (beats, futures), in the order of the listing."""
    expiries = sorted({row.expiry for row in futures_listed(world, day) if row.expiry})
    spots = _spots(world, path)
    return np.concatenate([spots * _carry(day, seconds[:, None], expiry) for expiry in expiries], axis=1)


def futures_volume(count: int) -> Floats:
    """What a day trades of each future; the second month a quarter of the first."""
    near = np.repeat([1.0, 0.25], count // 2)
    volume: Floats = np.tile([4_500_000.0, *(share.volume * 0.6 for share in SHARES)], 2) * near
    return volume


def closing_seconds(day: date) -> Floats:
    return np.array([float(hours_of(day).cash_closes)])


def futures_tape(world: FairValues, day: date, path: Floats) -> Tape:
    hours, rows = hours_of(day), futures_listed(world, day)
    fair = futures_fair(world, day, path, beat_seconds(hours)) * 100
    closes = _at_last_close(world, day, rows)
    rng = day_rng(world.seed, day, 3)
    chance = np.repeat([0.6, 0.15], len(rows) // 2)
    liquidity = Liquidity(chance, futures_volume(len(rows)), rng.integers(1, 4, len(rows)))
    return draw_tape(rng, rows, midnight_of(day) + hours.opens, fair, closes, liquidity)


def _at_last_close(world: FairValues, day: date, rows: list[Instrument]) -> Ints:
    """What today's derivatives were worth at the last close, in paise."""
    before = next_trading_day(day, -1)
    values, seconds = np.exp(world.previous_close(day))[None, :], closing_seconds(before)
    tick = np.array([row.tick for row in rows], np.int64)
    if rows[0].is_option:
        return to_tick(option_premiums(before, seconds, world.index_level("NIFTY 50", values), rows)[0] * 100, tick)
    spots = _spots(world, values)
    expiries = sorted({row.expiry for row in rows if row.expiry})
    worth = np.concatenate([spots * _carry(before, seconds[:, None], expiry) for expiry in expiries], axis=1)
    return to_tick(worth[0] * 100, tick)


def strikes_listed(world: FairValues, day: date, expiry: date) -> set[int]:
    """All strikes within reach of the index on any morning since the contract week was listed."""
    strikes: set[int] = set()
    listed = next_trading_day(weekly_expiry(_weeks_before(expiry, 2)))
    while listed <= day:
        level = float(world.index_level("NIFTY 50", np.exp(world.previous_close(listed))))
        middle = round(level / STRIKE_STEP)
        strikes |= {(middle + n) * STRIKE_STEP for n in range(-STRIKES_AROUND, STRIKES_AROUND + 1)}
        listed = next_trading_day(listed)
    return strikes


def _weeks_before(expiry: date, weeks: int) -> date:
    return date.fromordinal(expiry.toordinal() - 7 * weeks)


def weekly_expiries(day: date) -> list[date]:
    nearest = weekly_expiry(day)
    return [nearest, weekly_expiry(next_trading_day(nearest))]


def options_listed(world: FairValues, day: date) -> list[Instrument]:
    return [row for expiry in weekly_expiries(day) for row in option_rows(expiry, strikes_listed(world, day, expiry))]


def option_premiums(day: date, seconds: Floats, spot: Floats, rows: list[Instrument]) -> Floats:
    """(times, rows) in rupees."""
    by_expiry = []
    for expiry in sorted({row.expiry for row in rows if row.expiry}):
        chain = [row for row in rows if row.expiry == expiry]
        forward = (spot * _carry(day, seconds, expiry))[:, None]
        years = ((midnight_of(expiry) + EXPIRES_AT - midnight_of(day) - seconds) / YEAR)[:, None]
        strikes = np.array([row.strike / 100 for row in chain])
        by_expiry.append(black76(forward, strikes, years, np.array([row.instrument_type == "CE" for row in chain])))
    return np.concatenate(by_expiry, axis=1)


def money_nearness(rows: list[Instrument], spot: float) -> Floats:
    """1 at the money and in the nearest week, falling with distance: what trading and open interest follow."""
    far = np.abs(np.array([row.strike / 100 for row in rows]) - spot) / STRIKE_STEP
    nearest = np.array([row.expiry == rows[0].expiry for row in rows])
    interest: Floats = np.exp(-far / 5) * np.where(nearest, 1.0, 0.25)
    return interest


def options_tape(world: FairValues, day: date, path: Floats) -> Tape:
    hours, rows = hours_of(day), options_listed(world, day)
    spot = world.index_level("NIFTY 50", path)
    fair = option_premiums(day, beat_seconds(hours), spot, rows) * 100
    closes = _at_last_close(world, day, rows)
    interest = money_nearness(rows, float(spot[0]))
    spread = np.maximum(1, (closes * 0.004 / 5).astype(np.int64))
    liquidity = Liquidity(0.15 + 0.7 * interest, OPTIONS_VOLUME * interest, spread, depth_only=0.1)
    rng = day_rng(world.seed, day, 4)
    return draw_tape(rng, rows, midnight_of(day) + hours.opens, fair, closes, liquidity)


def day_tapes(world: FairValues, day: date) -> list[Tape]:
    """Tapes of the day in board order: shares, indices, futures, options."""
    path = world.path(day)
    cash = cash_tape(world, day, path)
    return [cash, index_tape(world, day, cash), futures_tape(world, day, path), options_tape(world, day, path)]
