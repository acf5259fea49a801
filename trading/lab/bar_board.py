"""Where instruments stand in a play of candles: wire prices, which become money when somebody asks. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from market.domain.ticks import to_price
from trading.lab.bar_path import FillTerms
from trading.lab.candles import moment
from trading.lab.facts import Board, Seen
from trading.strategies.values import Tick

MOST_SIDES = 50_000  # prices kept as money


@dataclass
class Shown:
    """Where an instrument stands: a wire price, when, and the day's volume so far; ``offered`` units a side."""

    price: int
    at: int  # seconds since 1970
    volume: int = 0
    offered: int = 0
    previous_close: int = 0


@dataclass
class BarBoard(Board):
    """``terms`` say what stands around a price."""

    terms: FillTerms = field(default_factory=FillTerms)
    shown: dict[int, Shown] = field(default_factory=dict)
    now: datetime | None = None
    catch_up: Callable[[int], None] | None = None  # for one that nobody has looked at for long

    def __post_init__(self) -> None:
        self._sides: dict[tuple[int, int], tuple[Decimal, Decimal, Decimal]] = {}
        self._known: dict[int, tuple[Shown, datetime | None, Seen]] = {}  # what was answered last, by token

    def get(self, token: int) -> Seen | None:
        one = self._standing(token)
        if one is None:
            return None
        known = self._known.get(token)
        if known is None or known[0] is not one or known[1] is not self.now:
            known = self._known[token] = one, self.now, self._seen_of(token, one)
        return known[2]

    def _seen_of(self, token: int, one: Shown) -> Seen:
        last, bid, ask = self._around(token, one.price)
        bids, asks = (((bid, one.offered),), ((ask, one.offered),)) if one.offered else ((), ())
        at = moment(one.at)
        close = to_price(one.previous_close, token) or None
        return Seen(last, bids, asks, one.volume, close, at, self.now or at)

    def tick(self, token: int, key: str) -> Tick | None:
        """What ``get`` gives, as a strategy sees it."""
        one = self._standing(token)
        if one is None:
            return None
        last, bid, ask = self._around(token, one.price)
        has_sides = bool(one.offered)
        return Tick(key, last, bid if has_sides else None, ask if has_sides else None, one.volume, moment(one.at))

    def _standing(self, token: int) -> Shown | None:
        if self.catch_up is not None:
            self.catch_up(token)
        return self.shown.get(token)

    def _around(self, token: int, price: int) -> tuple[Decimal, Decimal, Decimal]:
        """A price with its bid and ask, as money. The same ones come again and again."""
        known = self._sides.get((token, price))
        if known is None:
            if len(self._sides) >= MOST_SIDES:
                self._sides.clear()
            last = to_price(price, token)
            known = self._sides[token, price] = (last, *self.terms.sides(last, self.facts.spec_of(token).tick_size))
        return known
