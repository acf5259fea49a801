"""All ticks of one day for a group of instruments, drawn at once from the seed."""

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from kitesim.exchange.fair_values import BEAT, FairValues, Floats, day_rng, variance_profile
from kitesim.exchange.listing import INDEX_TOKENS, SHARES, Instrument, index_rows, share_row
from kitesim.exchange.trading_days import hours_of, midnight_of, next_trading_day

Ints = NDArray[np.int64]
CASH, INDEX, FUTURES, OPTIONS = range(4)


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


def to_tick(paise: Floats, tick: Ints | int) -> Ints:
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
    tick = np.array([item.tick for item in instruments], np.int64)
    lot = np.array([item.lot for item in instruments], np.int64)
    spread = liquidity.spread * tick
    bid = np.maximum(np.floor((fair - spread / 2) / tick) * tick, tick).astype(np.int32)
    ask = (bid + spread).astype(np.int32)
    chance = rng.random(fair.shape, dtype=np.float32)
    traded = chance < liquidity.chance
    changed = chance < liquidity.chance + liquidity.depth_only
    traded[0] = changed[0] = True
    last = fill_forward(np.where(rng.integers(0, 2, fair.shape, dtype=np.uint8), bid, ask), traded)
    size = _draw_sizes(rng, liquidity, lot, fair.shape) * traded
    return Tape(
        instruments, opens, np.arange(fair.shape[1]) % BEAT, bid, ask, last, traded, changed,
        volume=np.cumsum(size, axis=0),
        turnover=np.cumsum(size * last, axis=0, dtype=np.float64),
        previous_close=previous_close,
        lower_band=_lower_band(instruments, previous_close, tick),
        upper_band=_upper_band(instruments, previous_close, tick),
        typical_size=np.maximum(liquidity.day_volume / len(fair) / lot, 3).astype(np.int64) * lot,
        open_interest=_open_interest(rng, liquidity, lot) * instruments[0].is_derivative,
    )  # fmt: skip


def _draw_sizes(rng: np.random.Generator, liquidity: Liquidity, lot: Ints, shape: tuple[int, ...]) -> Ints:
    """A quantity for every instant, in whole lots, larger where the day is busier."""
    profile = variance_profile(0, shape[0] * BEAT)[:, None] ** 0.7
    mean = profile / profile.sum() * liquidity.day_volume / np.maximum(liquidity.chance, 0.01)
    drawn = rng.standard_exponential(shape, dtype=np.float32) * (mean / lot).astype(np.float32)
    return np.ceil(drawn).astype(np.int64) * lot


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


def cash_tape(world: FairValues, day: date, path: Floats) -> Tape:
    hours = hours_of(day)
    beats = (hours.cash_closes - hours.opens) // BEAT
    instruments = [share_row(share) for share in SHARES]
    tick = np.array([item.tick for item in instruments], np.int64)
    rng = day_rng(world.seed, day, 2)
    volume = np.array([share.volume for share in SHARES]) * np.exp(rng.normal(0, 0.3, len(SHARES)))
    spread = np.maximum(1, rng.integers(1, 3, len(SHARES)))
    liquidity = Liquidity(np.full(len(SHARES), 0.94), volume, spread)
    closes = to_tick(np.exp(world.previous_close(day)) * 100, tick)
    tape = draw_tape(rng, instruments, midnight_of(day) + hours.opens, path[:beats] * 100, closes, liquidity)
    _stand_off(tape, world.thinness(day, hours.opens + np.arange(beats, dtype=np.float64) * BEAT), tick)
    if hours.auction:
        prices = to_tick(np.exp(world.previous_close(next_trading_day(day))) * 100, tick)
        tape.auction = (midnight_of(day) + hours.auction, prices, (volume * 0.04).astype(np.int64))
    return tape


def _stand_off(tape: Tape, off: Floats, tick: Ints) -> None:
    """Where the book is thin its best prices stand away from where trades are made."""
    beats, columns = np.nonzero(off)
    by = to_tick(tape.last[beats, columns] * off[beats, columns], tick[columns]).astype(np.int32)
    tape.bid[beats, columns] -= by
    tape.ask[beats, columns] += by


def index_values(world: FairValues, prices: Floats) -> Ints:
    """Published index levels in paise, (…, indices), from share prices in rupees."""
    levels = np.stack([world.index_level(name, prices) for name in INDEX_TOKENS], axis=-1)
    return to_tick(levels * 100, 5)


def index_tape(world: FairValues, day: date, cash: Tape) -> Tape:
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
