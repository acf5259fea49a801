"""How one candle is walked through, and what stands in the book on the way. Pure.

The path is open, worse side, better side, close, as seen by who holds; between two of them prices pass every level that
is watched, so that a stop or a target acts at its own price, and a gap through it at the open.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from instruments.domain.prices import ceil_to_tick, floor_to_tick

POINTS = 4
MOST_TICKS = 1000
UNBOUNDED = 10**9  # units: more than any order


class BadFillTerms(ValueError):
    """What is wrong with them, in words."""


@dataclass(frozen=True)
class FillTerms:
    """What a synthetic book shows: one level a side.

    Its prices stand off from the candle's by ``slippage_ticks`` or ``slippage_bps`` of the price, whichever is more. It
    offers ``volume_share`` of the candle's volume, a quarter of it at each of the four points; None: any quantity.
    """

    slippage_ticks: Decimal = Decimal(1)
    slippage_bps: Decimal = Decimal(0)
    volume_share: Decimal | None = Decimal("0.10")

    def __post_init__(self) -> None:
        if self.slippage_ticks < 0 or self.slippage_bps < 0:
            raise BadFillTerms("slippage is not below zero: nobody is paid for it")
        if self.slippage_ticks > MOST_TICKS:
            raise BadFillTerms(f"slippage of more than {MOST_TICKS} ticks is no slippage")
        if self.slippage_bps >= 1000:
            raise BadFillTerms(f"slippage of {self.slippage_bps} basis points is 10 % of the price or more")
        if self.volume_share is not None and not 0 < self.volume_share <= 1:
            raise BadFillTerms(f"a share of the volume lies above 0 and up to 1, not {self.volume_share}")

    def words(self) -> str:
        percent = None if self.volume_share is None else f"{(self.volume_share * 100).normalize():f} %"
        share = "any quantity" if percent is None else f"{percent} of a candle's volume"
        ticks, bps = (f"{one.normalize():f}" for one in (self.slippage_ticks, self.slippage_bps))
        off = [f"{ticks} tick{'' if ticks == '1' else 's'}"] if self.slippage_ticks else []
        off += [f"{bps} bps"] if self.slippage_bps else []
        return f"{share}, {' or '.join(off) or 'nothing'} off the price"

    def offered(self, volume: int, lot_size: int) -> int:
        """Units a side at each point of a candle of this volume, in whole lots."""
        if self.volume_share is None:
            return UNBOUNDED
        return int(volume * self.volume_share / POINTS) // lot_size * lot_size

    def sides(self, price: Decimal, tick_size: Decimal) -> tuple[Decimal, Decimal]:
        """Return the bid and the ask around a price."""
        off = max(self.slippage_ticks * tick_size, price * self.slippage_bps / 10_000)
        bid = max(floor_to_tick(price - off, tick_size), tick_size)
        return bid, ceil_to_tick(price + off, tick_size)


def turns(high: int, low: int, close: int, side: int, *, worse_first: bool) -> tuple[int, int, int]:
    """Return the prices after the open, in the order they are reached, for who holds on ``side`` (+1 long, −1)."""
    worse, better = (low, high) if side >= 0 else (high, low)
    return (worse, better, close) if worse_first else (better, worse, close)


def stretch(from_price: int, to_price: int, levels: Iterable[int]) -> list[int]:
    """Return the watched levels strictly between two prices, in the order they are passed, and the end itself."""
    low, high = min(from_price, to_price), max(from_price, to_price)
    passed = sorted({level for level in levels if low < level < high}, reverse=to_price < from_price)
    return [*passed, to_price]
