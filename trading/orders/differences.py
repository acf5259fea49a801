"""What a broker holds more or less than our books: D of exits.md 1. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from trading.orders.broker_port import BrokerPositionRow


class Key(NamedTuple):
    """What is held: an instrument by its broker's name, and a product."""

    exchange: str
    tradingsymbol: str
    product: str


class Compared(NamedTuple):
    """Signed units: what we have booked, what the broker has, and how much of that we cannot account for."""

    ours: int
    theirs: int
    difference: int


def compare_books(
    theirs: Iterable[BrokerPositionRow], booked: Iterable[tuple[Key, int]], unbooked: Iterable[tuple[Key, int]]
) -> dict[Key, Compared]:
    """Return every holding of either side, with D = B − H − U.

    ``unbooked`` are fills of our own orders the broker has told and we have not booked: they are no difference.
    Delivery comes in several rows, the demat account's and the day's: their sum is what is held.
    """
    held: Counter[Key] = Counter()
    for row in theirs:
        held[Key(row.exchange, row.tradingsymbol, row.product)] += row.quantity
    ours, under_way = _sums(booked), _sums(unbooked)
    keys = sorted({*held, *ours, *under_way})
    return {key: Compared(ours[key], held[key], held[key] - ours[key] - under_way[key]) for key in keys}


def _sums(rows: Iterable[tuple[Key, int]]) -> Counter[Key]:
    total: Counter[Key] = Counter()
    for key, quantity in rows:
        total[key] += quantity
    return total
