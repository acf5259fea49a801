"""Whose holding a trade closes that nobody here asked for: exits.md 2, the part from outside. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class OpenHolding:
    """What a portfolio holds of the instrument and product (signed), since when, and whether an exit of it is out."""

    portfolio: UUID
    held: int
    opened_at: datetime
    has_exit_out: bool = False


def allocate(signed_quantity: int, holdings: Iterable[OpenHolding], by_hand: UUID) -> list[tuple[UUID, int]]:
    """Return portfolios, each once, with the signed quantities a trade moves them by; they sum to the trade.

    It closes what is held by hand first, then holdings without an exit out, oldest first, then those with one, whose
    exits are cut down afterwards. What closes nothing is the hand's.
    """
    d = 1 if signed_quantity < 0 else -1
    left, moved = abs(signed_quantity), dict[UUID, int]()
    opposite = (one for one in holdings if d * one.held > 0)
    for one in sorted(opposite, key=lambda one: (one.portfolio != by_hand, one.has_exit_out, one.opened_at)):
        closed = min(left, d * one.held)
        if closed:
            moved[one.portfolio] = -d * closed
            left -= closed
    if left:
        moved[by_hand] = moved.get(by_hand, 0) - d * left
    return list(moved.items())
