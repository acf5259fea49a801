"""The quoted depth of one instrument, and what our own fills have taken of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

Level = tuple[Decimal, int]  # price, quantity
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)  # before any order


@dataclass(frozen=True, slots=True)
class DepthQuote:
    """One snapshot of an instrument: up to five levels a side, best first, and the day's volume so far."""

    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    last_price: Decimal
    at: datetime
    volume: int = 0
    lower_band: Decimal | None = None
    upper_band: Decimal | None = None

    @property
    def has_depth(self) -> bool:
        return bool(self.bids or self.asks)


@dataclass(frozen=True, slots=True)
class Taken:
    """Quantity our own fills have taken from one level, while the level shows the same quantity."""

    is_bid: bool
    price: Decimal
    shown: int
    quantity: int


@dataclass(frozen=True, slots=True)
class Liquidity:
    """A snapshot less what our own fills have taken of it: depth by level, and traded volume."""

    quote: DepthQuote
    taken: tuple[Taken, ...] = ()
    volume_taken: int = 0

    def levels(self, is_bid: bool) -> tuple[Level, ...]:
        """Return what is left of one side, best first; Kite pads missing levels with zeros."""
        shown = self.quote.bids if is_bid else self.quote.asks
        return tuple((p, q - self._taken(is_bid, p)) for p, q in shown if p > 0 and q > 0)

    def shown_at(self, price: Decimal, is_bid: bool) -> int | None:
        """Return the quantity quoted at a price; None where the five levels do not reach."""
        shown = [(p, q) for p, q in (self.quote.bids if is_bid else self.quote.asks) if p > 0 and q > 0]
        at_price = dict(shown).get(price)
        if at_price is not None or len(shown) < 5:
            return at_price or 0
        worst = shown[-1][0]
        return 0 if (price > worst if is_bid else price < worst) else None

    def less(self, is_bid: bool, price: Decimal, quantity: int) -> Liquidity:
        """Return the liquidity left after one of our fills at a level."""
        shown = dict(self.quote.bids if is_bid else self.quote.asks)[price]
        others = tuple(t for t in self.taken if (t.is_bid, t.price) != (is_bid, price))
        taken = Taken(is_bid, price, shown, self._taken(is_bid, price) + quantity)
        return replace(self, taken=(*others, taken))

    def of_old(self) -> Liquidity:
        """Return it as good for bands and triggers only: no order may take from it any more."""
        return replace(self, quote=replace(self.quote, at=LONG_AGO))

    def less_volume(self, quantity: int) -> Liquidity:
        return replace(self, volume_taken=self.volume_taken + quantity)

    def followed_by(self, quote: DepthQuote) -> Liquidity:
        """Return the next snapshot's liquidity.

        A level that still shows the same quantity is the one we took from: the market
        does not know of our paper fills and would offer the same shares for ever.
        """
        shown = {(True, p): q for p, q in quote.bids} | {(False, p): q for p, q in quote.asks}
        same = (t for t in self.taken if shown.get((t.is_bid, t.price)) == t.shown)
        return Liquidity(quote, tuple(same))

    def _taken(self, is_bid: bool, price: Decimal) -> int:
        return sum(t.quantity for t in self.taken if t.is_bid == is_bid and t.price == price)


def save_liquidity(liquidity: Liquidity) -> dict[str, Any]:
    """Return the snapshot and what was taken of it as JSON values."""
    quote = liquidity.quote
    return {
        "quote": {field.name: plain_value(getattr(quote, field.name)) for field in fields(quote)},
        "taken": [[t.is_bid, str(t.price), t.shown, t.quantity] for t in liquidity.taken],
        "volume_taken": liquidity.volume_taken,
    }


def restore_liquidity(saved: dict[str, Any]) -> Liquidity:
    quote = dict(saved["quote"])
    for name in ("lower_band", "upper_band"):
        quote[name] = None if quote[name] is None else Decimal(quote[name])
    quote |= {"bids": _levels(quote["bids"]), "asks": _levels(quote["asks"])}
    quote |= {"last_price": Decimal(quote["last_price"]), "at": datetime.fromisoformat(quote["at"])}
    taken = tuple(Taken(is_bid, Decimal(price), *rest) for is_bid, price, *rest in saved["taken"])
    return Liquidity(DepthQuote(**quote), taken, saved["volume_taken"])


def _levels(rows: Iterable[tuple[str, int]]) -> tuple[Level, ...]:
    return tuple((Decimal(price), quantity) for price, quantity in rows)


def plain_value(value: Any) -> Any:
    """Return a value as JSON has it: prices and times as strings."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, tuple):
        return [plain_value(item) for item in value]
    return str(value) if isinstance(value, Decimal) else value
