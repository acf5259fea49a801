"""The seeded world: what every share's fair value does on every day, past or future, in any order.

A day's returns come from the seed and the date alone, and the path inside the day is a bridge to
them, so that any day can be drawn without drawing the days before it.
"""

import threading
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from kitesim.exchange.listing import SHARES
from kitesim.exchange.trading_days import hours_of, next_trading_day

BEAT = 2  # each instrument may tick once in two market seconds
MARKET_VOLATILITY, SECTOR_VOLATILITY, LARGEST_MOVE = 0.0075, 0.005, 0.075
_OVERNIGHT_SHARE = 0.3
_SECTORS = sorted({share.sector for share in SHARES})
_SECTOR_OF = np.array([_SECTORS.index(share.sector) for share in SHARES])
_BETA = np.array([share.beta for share in SHARES])
_OWN = np.array([share.volatility for share in SHARES])
BASE_PRICE = np.array([share.price for share in SHARES])
_IS_BANK = np.array([share.sector == "bank" for share in SHARES])
_WEIGHT = np.array([share.weight for share in SHARES])
INDEX_BASE = {"NIFTY 50": 25_980.0, "NIFTY BANK": 58_640.0, "SENSEX": 84_870.0}

Floats = NDArray[np.float64]
_MOST_DOWN, _MOST_UP = np.log(0.905), np.log(1.095)  # a day stays inside its bands of 10 %


@dataclass(frozen=True)
class Shock:
    """A share moves by ``size`` (log) after ``start``, a second of ``day``: at once, or evenly ``over`` seconds.

    Meanwhile its book may be thin: the best bid and ask stand ``thin`` percent away from where trades are made.
    """

    day: date
    share: int
    start: int
    size: float
    over: int
    thin: float = 0.0

    def at(self, seconds: Floats) -> Floats:
        """What it has added by each second of its day."""
        come: Floats = self.size * np.clip((seconds - self.start) / max(self.over, 1), 0.0, 1.0)
        return come


@dataclass(frozen=True)
class DayMove:
    """Log returns of each share: overnight, and from the open to the closing price."""

    gap: Floats
    intraday: Floats


def day_rng(seed: int, day: date, purpose: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=[seed & (2**63 - 1), day.toordinal() * 256 + purpose]))


def _loadings() -> NDArray[np.float32]:
    """(factors, shares): how each share follows the market, its sector and its own news."""
    sector = np.zeros((len(_SECTORS), len(SHARES)))
    sector[_SECTOR_OF, np.arange(len(SHARES))] = SECTOR_VOLATILITY
    return np.vstack([_BETA * MARKET_VOLATILITY, sector, np.diag(_OWN)]).astype(np.float32)


_LOADINGS = _loadings()


def _correlated(rng: np.random.Generator, steps: int) -> NDArray[np.float32]:
    """(steps, shares) of noise, each share at its daily volatility."""
    return rng.standard_normal((steps, len(_LOADINGS)), dtype=np.float32) @ _LOADINGS


def variance_profile(opens: int, closes: int, beat: int = BEAT) -> Floats:
    """How lively each beat of the day is: high at the open, low at noon, rising to the close."""
    x = (np.arange(0, closes - opens, beat) + 1) / (closes - opens)
    profile: Floats = 0.55 + 2.6 * np.exp(-x / 0.05) + 0.9 * np.exp(-x / 0.2) + 0.9 * np.exp(-(1 - x) / 0.07)
    return profile


class FairValues:
    """Fair values of the shares in rupees; ``anchor`` is the day whose previous close is the base price."""

    def __init__(self, seed: int, anchor: date) -> None:
        self.seed, self.anchor = seed, anchor
        self._moves = lru_cache(maxsize=4096)(self._draw_move)
        self._walking = threading.Lock()  # history and the next day are drawn in threads
        self._closes: dict[date, Floats] = {anchor: np.log(BASE_PRICE)}
        self.shocks: list[Shock] = []

    def add_shock(self, shock: Shock) -> None:
        """Let prices move on a day that is not over: from its start on, and every later day begins from there."""
        with self._walking:
            self.shocks.append(shock)
            self._closes = {day: close for day, close in self._closes.items() if day <= max(shock.day, self.anchor)}

    def _shocked(self, day: date, seconds: Floats) -> Floats:
        """(seconds, shares) in log: what the shocks of a day have added by each of its seconds."""
        added = np.zeros((len(seconds), len(SHARES)))
        for shock in self.shocks:
            if shock.day == day:
                added[:, shock.share] += shock.at(seconds)
        return added

    def thinness(self, day: date, seconds: Floats) -> Floats:
        """(seconds, shares): how far, as a fraction, bids and asks stand off because of the day's shocks."""
        off = np.zeros((len(seconds), len(SHARES)))
        for shock in self.shocks:
            if shock.day == day:
                is_on = (seconds > shock.start) & (seconds <= shock.start + shock.over)
                off[:, shock.share] = np.where(is_on, shock.thin / 100, off[:, shock.share])
        return off

    def _close_of(self, day: date, before: Floats) -> Floats:
        """Log closing values of a day that follows the close ``before``."""
        move, shocked = self._moves(day), self._shocked(day, np.array([np.inf]))[0]
        close: Floats = np.clip(before + move.gap + move.intraday + shocked, before + _MOST_DOWN, before + _MOST_UP)
        return close

    def _draw_move(self, day: date) -> DayMove:
        rng = day_rng(self.seed, day, 0)
        temper = float(np.exp(rng.normal(0, 0.25)))
        total = _correlated(rng, 2) * temper
        gap = np.clip(total[0] * np.sqrt(_OVERNIGHT_SHARE), -0.03, 0.03)
        intraday = np.clip(
            total[1] * np.sqrt(1 - _OVERNIGHT_SHARE), -LARGEST_MOVE - gap.clip(max=0), LARGEST_MOVE - gap.clip(min=0)
        )
        return DayMove(gap, intraday)

    def previous_close(self, day: date) -> Floats:
        """Log closing values of the trading day before ``day``."""
        with self._walking:
            if day not in self._closes:
                self._walk_to(day)
            return self._closes[day]

    def _walk_to(self, day: date) -> None:
        forward = day > self.anchor
        at = max(self._closes) if forward else min(self._closes)
        while at != day:
            if forward:
                value = self._close_of(at, self._closes[at])
                at = next_trading_day(at)
                self._closes[at] = value
            else:
                value, at = self._closes[at], next_trading_day(at, -1)
                move = self._moves(at)
                self._closes[at] = value - move.gap - move.intraday

    def path(self, day: date, beat: int = BEAT) -> Floats:
        """Fair values in rupees, (beats, shares), from the open to the derivatives' close."""
        hours, move = hours_of(day), self._moves(day)
        profile = variance_profile(hours.opens, hours.derivatives_close, beat)
        steps = len(profile)
        closing_beat = min((hours.auction or hours.cash_closes) - hours.opens, steps * beat) // beat - 1
        rng = day_rng(self.seed, day, 1)
        half_hour = 1800 // beat
        mood = np.repeat(np.exp(rng.normal(0, 0.35, steps // half_hour + 1)), half_hour)[:steps]
        variance = profile * mood
        spent = np.cumsum(variance)
        scale = np.sqrt(variance / spent[-1] * (1 - _OVERNIGHT_SHARE))
        noise = np.cumsum(_correlated(rng, steps) * scale[:, None].astype(np.float32), axis=0)
        share_of_day = np.minimum(spent / spent[closing_beat], 1.0)[:, None]
        bridge = noise + share_of_day * (move.intraday - noise[closing_beat])
        bridge += self._shocked(day, hours.opens + np.arange(steps, dtype=np.float64) * beat)
        before = self.previous_close(day)
        within = np.clip(before + move.gap + bridge, before + _MOST_DOWN, before + _MOST_UP)
        values: Floats = np.exp(within)
        return values

    def index_level(self, name: str, values: Floats) -> Floats:
        """Index levels from shares' values (…, shares) in rupees."""
        weight = _WEIGHT * _IS_BANK if name == "NIFTY BANK" else _WEIGHT
        level: Floats = values @ (weight / weight.sum() / BASE_PRICE) * INDEX_BASE[name]
        return level
