"""What the paper exchange knows: the quoted book, the rules of the day, orders, and what becomes of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from trading.orders.life_cycle import OrderState, is_terminal

Level = tuple[Decimal, int]  # price, quantity


@dataclass(frozen=True, slots=True)
class BookQuote:
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

    quote: BookQuote
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

    def less_volume(self, quantity: int) -> Liquidity:
        return replace(self, volume_taken=self.volume_taken + quantity)

    def followed_by(self, quote: BookQuote) -> Liquidity:
        """Return the next snapshot's liquidity.

        A level that still shows the same quantity is the one we took from: the market
        does not know of our paper fills and would offer the same shares for ever.
        """
        shown = {(True, p): q for p, q in quote.bids} | {(False, p): q for p, q in quote.asks}
        same = (t for t in self.taken if shown.get((t.is_bid, t.price)) == t.shown)
        return Liquidity(quote, tuple(same))

    def _taken(self, is_bid: bool, price: Decimal) -> int:
        return sum(t.quantity for t in self.taken if t.is_bid == is_bid and t.price == price)


@dataclass(frozen=True, slots=True)
class PaperRules:
    """What holds for one instrument on one day, at the moment of matching."""

    tick_size: Decimal
    lot_size: int
    phase: str | None  # kind of session phase now; None is closed
    closes_at: datetime | None  # the end of the instrument's continuous session
    protection_percent: Decimal = Decimal(2)  # what "automatic" market protection means
    freeze_quantity: int | None = None
    takes_sl_m: bool = True

    @property
    def is_continuous(self) -> bool:
        return self.phase == "continuous"


@dataclass(frozen=True, slots=True)
class PaperOrder:
    """An order at the paper exchange. ``limit`` is the price it works at, once it has one."""

    tag: str
    signed_quantity: int
    order_type: str  # MARKET, LIMIT, SL, SL-M
    arrives_at: datetime  # signal time and latency; no book from before is used
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    validity: str = "DAY"
    market_protection: Decimal | None = Decimal(-1)
    state: OrderState = OrderState.SUBMITTED
    limit: Decimal | None = None
    awaits_book: bool = True  # it takes from the first book seen after it arrives, then rests
    filled: int = 0
    trade_count: int = 0
    queue_ahead: int | None = None  # quantity quoted before ours; None: the book does not reach
    seen_volume: int | None = None
    words: str = ""

    @property
    def is_buy(self) -> bool:
        return self.signed_quantity > 0

    @property
    def sign(self) -> int:
        return 1 if self.signed_quantity > 0 else -1

    @property
    def quantity(self) -> int:
        return abs(self.signed_quantity)

    @property
    def remaining(self) -> int:
        return self.quantity - self.filled

    @property
    def is_done(self) -> bool:
        return is_terminal(self.state)

    def accepts(self, price: Decimal) -> bool:
        """Whether a price is at the limit or better."""
        return self.limit is not None and (self.limit - price) * self.sign >= 0


@dataclass(frozen=True, slots=True)
class PaperFill:
    """One trade; its id derives from tag and ordinal, so a replay makes the same."""

    tag: str
    ordinal: int
    signed_quantity: int
    price: Decimal
    at: datetime

    @property
    def trade_id(self) -> str:
        return f"{self.tag}-{self.ordinal}"


@dataclass(frozen=True, slots=True)
class Happening:
    """What the exchange did with an order: accepted, triggered, rejected, modified, filled, cancelled…"""

    kind: str
    words: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Outcome:
    order: PaperOrder
    liquidity: Liquidity | None
    trades: tuple[PaperFill, ...] = ()
    events: tuple[Happening, ...] = ()

    def then(self, later: Outcome) -> Outcome:
        return replace(later, trades=self.trades + later.trades, events=self.events + later.events)

    def with_liquidity(self, liquidity: Liquidity | None) -> Outcome:
        return replace(self, liquidity=liquidity)

    def told(self, kind: str, words: str, at: datetime, **changes: Any) -> Outcome:
        """Return the outcome with the order changed and the change told."""
        order = replace(self.order, words=words, **changes)
        return replace(self, order=order, events=(*self.events, Happening(kind, words, at)))


def save_order(order: PaperOrder) -> dict[str, Any]:
    """Return the order as JSON values; prices and times as strings."""
    return {field.name: _plain(getattr(order, field.name)) for field in fields(order)}


def restore_order(saved: dict[str, Any]) -> PaperOrder:
    values = dict(saved)
    for name in ("price", "trigger_price", "market_protection", "limit"):
        values[name] = None if values.get(name) is None else Decimal(values[name])
    values["arrives_at"] = datetime.fromisoformat(values["arrives_at"])
    values["state"] = OrderState(values["state"])
    return PaperOrder(**values)


def save_liquidity(liquidity: Liquidity) -> dict[str, Any]:
    """Return the snapshot and what was taken of it as JSON values."""
    quote = liquidity.quote
    return {
        "quote": {field.name: _plain(getattr(quote, field.name)) for field in fields(quote)},
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
    return Liquidity(BookQuote(**quote), taken, saved["volume_taken"])


def _levels(rows: Iterable[tuple[str, int]]) -> tuple[Level, ...]:
    return tuple((Decimal(price), quantity) for price, quantity in rows)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, OrderState):
        return value.value
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Decimal) else value
