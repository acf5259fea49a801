"""All ticks of one day for a group of instruments, drawn at once from the seed."""

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from kitesim.listing import (
    INDEX_TOKENS,
    SHARES,
    STRIKE_STEP,
    STRIKES_AROUND,
    Instrument,
    future_rows,
    index_rows,
    option_rows,
    share_row,
)
from kitesim.options import YEAR, black76
from kitesim.trading_days import Hours, hours_of, midnight, next_trading_day, weekly_expiry
from kitesim.world import BEAT, Floats, World, day_rng, variance_profile

Ints = NDArray[np.int64]
CASH, INDEX, FUTURES, OPTIONS = range(4)
CARRY = 0.06  # annual, of futures over the index
EXPIRES_AT = 15 * 3600 + 1800
OPTIONS_VOLUME = 90_000_000  # of the nearest week's contract at the money, a day


@dataclass
class Tape:
    """(beats, instruments) of one day; prices in paise. Instrument j's beat k is at ``opens + 2k + phase[j]``.

    ``auction`` is (epoch, prices, volumes) of the closing auction, or None.
    """

    instruments: list[Instrument]
    opens: int
    phase: NDArray[np.int64]
    bid: NDArray[np.int32]
    ask: NDArray[np.int32]
    last: NDArray[np.int32]
    traded: NDArray[np.bool_]
    changed: NDArray[np.bool_]
    volume: Ints
    turnover: Floats
    previous_close: Ints
    lower_band: Ints
    upper_band: Ints
    typical_size: Ints
    open_interest: Ints
    auction: tuple[int, Ints, Ints] | None = None

    def times(self) -> Ints:
        """Epoch seconds, (beats, instruments)."""
        beats: Ints = self.opens + np.arange(len(self.last))[:, None] * BEAT + self.phase
        return beats


def to_tick(paise: Floats, tick: Ints) -> Ints:
    nearest: Ints = (np.rint(paise / tick) * tick).astype(np.int64)
    return np.maximum(nearest, tick)


def fill_forward(values: NDArray[np.int32], known: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Each beat without a trade repeats the last one; the first beat must be known."""
    beats = np.where(known, np.arange(len(values))[:, None], 0)
    return np.take_along_axis(values, np.maximum.accumulate(beats, axis=0), axis=0)


@dataclass(frozen=True)
class Liquidity:
    """How a group trades: chance of a trade per beat, size of a day, spread in ticks; one number each."""

    chance: Floats
    day_volume: Floats
    spread: Ints
    depth_only: float = 0.0


def draw_tape(
    rng: np.random.Generator,
    instruments: list[Instrument],
    opens: int,
    fair: Floats,
    previous_close: Ints,
    liquidity: Liquidity,
) -> Tape:
    """Trades around fair values (in paise) at the bid or the ask."""
    shape = fair.shape
    tick = np.array([item.tick for item in instruments], np.int64)
    lot = np.array([item.lot for item in instruments], np.int64)
    spread = liquidity.spread * tick
    bid = np.maximum(np.floor((fair - spread / 2) / tick) * tick, tick).astype(np.int32)
    ask = (bid + spread).astype(np.int32)
    chance = rng.random(shape, dtype=np.float32)
    traded = chance < liquidity.chance
    changed = chance < liquidity.chance + liquidity.depth_only
    traded[0] = changed[0] = True
    last = fill_forward(np.where(rng.integers(0, 2, shape, dtype=np.uint8), bid, ask), traded)
    profile = variance_profile(0, shape[0] * BEAT)[:, None] ** 0.7
    mean = profile / profile.sum() * liquidity.day_volume / np.maximum(liquidity.chance, 0.01)
    drawn = rng.standard_exponential(shape, dtype=np.float32) * (mean / lot).astype(np.float32)
    size = np.ceil(drawn).astype(np.int64) * lot * traded
    return Tape(
        instruments, opens, np.arange(shape[1]) % BEAT, bid, ask, last, traded, changed,
        volume=np.cumsum(size, axis=0),
        turnover=np.cumsum(size * last, axis=0, dtype=np.float64),
        previous_close=previous_close,
        lower_band=_lower_band(instruments, previous_close, tick),
        upper_band=_upper_band(instruments, previous_close, tick),
        typical_size=np.maximum(liquidity.day_volume / shape[0] / lot, 3).astype(np.int64) * lot,
        open_interest=_open_interest(rng, liquidity, lot) * instruments[0].is_derivative,
    )  # fmt: skip


def _lower_band(instruments: list[Instrument], close: Ints, tick: Ints) -> Ints:
    """10 % below the previous close; an option may fall to one tick."""
    return np.where(_options(instruments), tick, -(-close * 9 // 10 // tick) * tick)


def _upper_band(instruments: list[Instrument], close: Ints, tick: Ints) -> Ints:
    """10 % above the previous close; an option may rise twentyfold."""
    return np.where(_options(instruments), np.maximum(close * 20, 100_000), close * 11 // 10 // tick * tick)


def _options(instruments: list[Instrument]) -> NDArray[np.bool_]:
    return np.array([item.is_option for item in instruments], bool)


def _open_interest(rng: np.random.Generator, liquidity: Liquidity, lot: Ints) -> Ints:
    share = rng.uniform(0.3, 0.9, len(lot))
    interest: Ints = (liquidity.day_volume * share / lot).astype(np.int64) * lot
    return interest


def cash_tape(world: World, day: date, path: Floats) -> Tape:
    hours = hours_of(day)
    beats = (hours.cash_closes - hours.opens) // BEAT
    instruments = [share_row(share) for share in SHARES]
    tick = np.array([item.tick for item in instruments], np.int64)
    rng = day_rng(world.seed, day, 2)
    volume = np.array([share.volume for share in SHARES]) * np.exp(rng.normal(0, 0.3, len(SHARES)))
    spread = np.maximum(1, rng.integers(1, 3, len(SHARES)))
    liquidity = Liquidity(np.full(len(SHARES), 0.94), volume, spread)
    closes = to_tick(np.exp(world.previous_close(day)) * 100, tick)
    tape = draw_tape(rng, instruments, midnight(day) + hours.opens, path[:beats] * 100, closes, liquidity)
    if hours.auction:
        prices = to_tick(np.exp(world.previous_close(next_trading_day(day))) * 100, tick)
        tape.auction = (midnight(day) + hours.auction, prices, (volume * 0.04).astype(np.int64))
    return tape


def index_values(world: World, prices: Floats) -> Ints:
    """Published index levels in paise, (…, indices), from share prices in rupees."""
    levels = np.stack([world.index_level(name, prices) for name in INDEX_TOKENS], axis=-1)
    return to_tick(levels * 100, np.int64(5))


def index_tape(world: World, day: date, cash: Tape) -> Tape:
    """Indices at even seconds from the shares' last prices up to then."""
    late = np.vstack([cash.last[:1], cash.last[:-1]])
    prices = np.where(cash.phase == 0, cash.last, late) / 100
    last = index_values(world, prices).astype(np.int32)
    count, nothing = last.shape[1], np.zeros(last.shape[1], np.int64)
    always = np.ones(last.shape, bool)
    auction = None
    if cash.auction:
        auction = (cash.auction[0], index_values(world, cash.auction[1] / 100), nothing)
    closes = index_values(world, cash.previous_close / 100)
    zeros = np.zeros(last.shape)
    return Tape(
        index_rows(), cash.opens, np.zeros(count, np.int64), np.zeros_like(last), np.zeros_like(last), last, always,
        always, zeros.astype(np.int64), zeros, closes, nothing, nothing, nothing, nothing, auction,
    )  # fmt: skip


def _carry(day: date, seconds: Floats | float, expiry: date) -> Floats:
    """Forward over spot at ``seconds`` of ``day``."""
    years = (midnight(expiry) + EXPIRES_AT - midnight(day) - np.asarray(seconds)) / YEAR
    factor: Floats = np.exp(CARRY * np.maximum(years, 0))
    return factor


def beat_seconds(hours: Hours, beat: int = BEAT) -> Floats:
    return np.arange(hours.opens, hours.derivatives_close, beat, dtype=np.float64)


def _spots(world: World, values: Floats) -> Floats:
    """(…, 1 + shares): the NIFTY and each share, in rupees, in the order of the futures."""
    return np.concatenate([world.index_level("NIFTY 50", values)[..., None], values], axis=-1)


def futures_listed(world: World, day: date) -> list[Instrument]:
    level = float(world.index_level("NIFTY 50", np.exp(world.previous_close(world.anchor))))
    return future_rows(day, level)


def futures_fair(world: World, day: date, path: Floats, seconds: Floats) -> Floats:
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


def futures_tape(world: World, day: date, path: Floats) -> Tape:
    hours, rows = hours_of(day), futures_listed(world, day)
    fair = futures_fair(world, day, path, beat_seconds(hours)) * 100
    closes = _at_last_close(world, day, rows)
    rng = day_rng(world.seed, day, 3)
    chance = np.repeat([0.6, 0.15], len(rows) // 2)
    liquidity = Liquidity(chance, futures_volume(len(rows)), rng.integers(1, 4, len(rows)))
    return draw_tape(rng, rows, midnight(day) + hours.opens, fair, closes, liquidity)


def _at_last_close(world: World, day: date, rows: list[Instrument]) -> Ints:
    """What today's derivatives were worth at the last close, in paise."""
    before = next_trading_day(day, -1)
    values, seconds = np.exp(world.previous_close(day))[None, :], closing_seconds(before)
    tick = np.array([row.tick for row in rows], np.int64)
    if rows[0].is_option:
        return to_tick(premiums(before, seconds, world.index_level("NIFTY 50", values), rows)[0] * 100, tick)
    spots = _spots(world, values)
    expiries = sorted({row.expiry for row in rows if row.expiry})
    worth = np.concatenate([spots * _carry(before, seconds[:, None], expiry) for expiry in expiries], axis=1)
    return to_tick(worth[0] * 100, tick)


def strikes_listed(world: World, day: date, expiry: date) -> set[int]:
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


def options_listed(world: World, day: date) -> list[Instrument]:
    return [row for expiry in weekly_expiries(day) for row in option_rows(expiry, strikes_listed(world, day, expiry))]


def premiums(day: date, seconds: Floats, spot: Floats, rows: list[Instrument]) -> Floats:
    """(times, rows) in rupees."""
    by_expiry = []
    for expiry in sorted({row.expiry for row in rows if row.expiry}):
        chain = [row for row in rows if row.expiry == expiry]
        forward = (spot * _carry(day, seconds, expiry))[:, None]
        years = ((midnight(expiry) + EXPIRES_AT - midnight(day) - seconds) / YEAR)[:, None]
        strikes = np.array([row.strike / 100 for row in chain])
        by_expiry.append(black76(forward, strikes, years, np.array([row.instrument_type == "CE" for row in chain])))
    return np.concatenate(by_expiry, axis=1)


def nearness(rows: list[Instrument], spot: float) -> Floats:
    """1 at the money and in the nearest week, falling with distance: what trading and open interest follow."""
    far = np.abs(np.array([row.strike / 100 for row in rows]) - spot) / STRIKE_STEP
    nearest = np.array([row.expiry == rows[0].expiry for row in rows])
    interest: Floats = np.exp(-far / 5) * np.where(nearest, 1.0, 0.25)
    return interest


def options_tape(world: World, day: date, path: Floats) -> Tape:
    hours, rows = hours_of(day), options_listed(world, day)
    spot = world.index_level("NIFTY 50", path)
    fair = premiums(day, beat_seconds(hours), spot, rows) * 100
    closes = _at_last_close(world, day, rows)
    interest = nearness(rows, float(spot[0]))
    spread = np.maximum(1, (closes * 0.004 / 5).astype(np.int64))
    liquidity = Liquidity(0.15 + 0.7 * interest, OPTIONS_VOLUME * interest, spread, depth_only=0.1)
    rng = day_rng(world.seed, day, 4)
    return draw_tape(rng, rows, midnight(day) + hours.opens, fair, closes, liquidity)


def day_tapes(world: World, day: date) -> list[Tape]:
    """Tapes of the day in board order: shares, indices, futures, options."""
    path = world.path(day)
    cash = cash_tape(world, day, path)
    return [cash, index_tape(world, day, cash), futures_tape(world, day, path), options_tape(world, day, path)]
