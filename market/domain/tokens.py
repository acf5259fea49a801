"""Instrument tokens to places in arrays, for whole columns at once."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Places = NDArray[np.intp]


class TokenTable:
    """Gives each token a place, 0, 1, 2 … in the order they came, and keeps it."""

    def __init__(self, tokens: list[int] | None = None) -> None:
        self.tokens = np.array(tokens or [], np.int64)
        self._sort()

    def __len__(self) -> int:
        return len(self.tokens)

    def _sort(self) -> None:
        self._order = np.argsort(self.tokens, kind="stable")
        self._sorted = self.tokens[self._order]

    def find(self, tokens: NDArray) -> Places:
        """Return the place of each token, -1 for those without one."""
        if not len(self.tokens):
            return np.full(len(tokens), -1, np.intp)
        at = np.searchsorted(self._sorted, tokens)
        at[at == len(self._sorted)] = 0
        return np.where(self._sorted[at] == tokens, self._order[at], -1)

    def place(self, tokens: NDArray) -> Places:
        """Return the place of each token, giving new ones theirs."""
        places = self.find(tokens)
        if (places < 0).any():
            self.tokens = np.concatenate([self.tokens, np.unique(tokens[places < 0]).astype(np.int64)])
            self._sort()
            places = self.find(tokens)
        return places


def split_rounds(places: NDArray) -> Iterator[Places]:
    """Split positions into runs in which no place occurs twice, keeping each place's own order.

    Column arithmetic on such a run does what a loop over single rows would. A frame is nearly always one run.
    """
    order = np.argsort(places, kind="stable")
    arranged = places[order]
    begins = np.flatnonzero(np.concatenate([[True], arranged[1:] != arranged[:-1]]))
    if len(begins) == len(places):
        yield np.arange(len(places))
        return
    repeats = np.diff(np.append(begins, len(places)))
    occurrence = np.arange(len(places)) - np.repeat(begins, repeats)
    for nth in range(int(repeats.max(initial=0))):
        yield np.sort(order[occurrence == nth])


def grow_array(array: NDArray, size: int, fill: int = 0) -> NDArray:
    """Return ``array`` with its last axis at least ``size`` long, doubled where it was too short."""
    short = size - array.shape[-1]
    if short <= 0:
        return array
    room = max(short, array.shape[-1])
    widths = [(0, 0)] * (array.ndim - 1) + [(0, room)]
    return np.pad(array, widths, constant_values=fill)
