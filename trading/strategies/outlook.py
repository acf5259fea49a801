"""At which moments of a play of candles a strategy could answer anything but a wait, told for whole columns at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

if TYPE_CHECKING:
    from trading.strategies.values import CandleColumns, Held

NEVER = -(2**62)


@dataclass(frozen=True)
class Moments:
    """When a strategy is asked about one instrument, oldest first, and all it hears of it; prices as in the candles.

    It is asked at the end of each of its ``candles`` or, where it wants ticks, of each minute: ``at`` is when, in
    seconds since 1970, ``price`` the last one then, and ``heard`` how many of the candles it has heard by then.
    ``opened`` is when the session of each candle began; of the columns' whole numbers ``unit`` make a rupee.
    """

    candles: CandleColumns
    opened: NDArray[Any]
    at: NDArray[Any]
    price: NDArray[Any]
    heard: NDArray[Any]
    unit: int


class Outlook(Protocol):
    """What a strategy could do about one instrument, as far as candles decide it."""

    def may_act(self, held: Held | None, ahead: slice) -> NDArray[np.bool_]:
        """Return for each of these moments, all of one day, whether it could answer anything but a wait.

        ``held`` is what it holds now, and goes on holding. To say "it could" where it then waits only costs time; to
        say "it could not" where it does not wait loses that answer. It may look at what the strategy remembers by now.
        """
        ...


@dataclass(frozen=True)
class FixedOutlook:
    """Where a rule could act that goes by candles alone: holding nothing, long, and short."""

    flat: NDArray[np.bool_]
    long: NDArray[np.bool_]
    short: NDArray[np.bool_]

    def may_act(self, held: Held | None, ahead: slice) -> NDArray[np.bool_]:
        if held is None:
            return self.flat[ahead]
        return (self.long if held.quantity > 0 else self.short)[ahead]


def side_outlook(sides: NDArray[Any], enters_within: int) -> FixedOutlook:
    """Return that of a rule that enters within so many candles of a turn, and leaves what is held against its side.

    ``sides`` are what ``signals`` answers: +1, −1, or 0 as before.
    """
    places = np.arange(len(sides))
    newest = np.maximum.accumulate(np.where(sides != 0, places, -1))
    wanted = np.where(newest >= 0, sides[newest], 0)
    turned = np.maximum.accumulate(np.where(np.diff(wanted, prepend=0) != 0, places, NEVER))
    return FixedOutlook(places - turned <= enters_within, wanted < 0, wanted > 0)


def rolling_highs(prices: NDArray[Any], count: int) -> NDArray[Any]:
    """Return the highest of each price and the ``count - 1`` before it, as far as there are so many."""
    before = np.full(count - 1, np.iinfo(prices.dtype).min, prices.dtype)
    highs: NDArray[Any] = sliding_window_view(np.concatenate([before, prices]), count).max(axis=1)
    return highs


def rolling_lows(prices: NDArray[Any], count: int) -> NDArray[Any]:
    return -rolling_highs(-prices, count)


def rolling_sums(values: NDArray[Any], count: int) -> NDArray[Any]:
    """Return the sum of each value and the ``count - 1`` before it, as far as there are so many."""
    sums = np.cumsum(values)
    sums[count:] -= sums[:-count].copy()
    return sums
