"""Measures how long each call of a strategy takes, by what it was called for."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from statistics import median
from typing import Any, TypeVar

from trading.run.host import Guard

T = TypeVar("T")


class StopWatch:
    """A guard around another; ``occasion`` is what the calls from now on are for."""

    def __init__(self, guard: Guard[Any]) -> None:
        self.occasion = ""
        self._guard = guard
        self._spent: dict[str, list[float]] = defaultdict(list)

    def __call__(self, call: Callable[[], T]) -> T:
        began = time.perf_counter()
        try:
            answer: T = self._guard(call)
            return answer
        finally:
            self._spent[self.occasion].append(time.perf_counter() - began)

    @property
    def seconds(self) -> dict[str, list[float]]:
        """How long each call took, by occasion."""
        return dict(self._spent)


def milliseconds(watches: Iterable[StopWatch]) -> dict[str, dict[str, float]]:
    """Return by occasion how long a call takes: the median, and the longest, of the play in which that was shortest.

    Whoever else runs on the machine holds one play up, and seldom every one.
    """
    plays = [watch.seconds for watch in watches]
    found = {}
    for occasion in dict.fromkeys(name for play in plays for name in play):
        of_each = [play[occasion] for play in plays if occasion in play]
        middle, longest = min(map(median, of_each)), min(map(max, of_each))
        found[occasion] = {"median": round(middle * 1000, 3), "longest": round(longest * 1000, 3)}
    return found
