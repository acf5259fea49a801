"""What one run holds, protects and has asked for in one instrument, as heard from its fills."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from alphapanda.core.timezone import IST
from instruments.domain.prices import nearest_tick
from portfolio.domain.positions import adjusted_quantity
from trading.run.stops import on_tick_away
from trading.strategies.values import Fill, Held, InstrumentSpec, Reason, Side

JSONObject = dict[str, Any]


class Levels(NamedTuple):
    """Where a position would be left."""

    stop: Decimal | None
    target: Decimal | None


@dataclass
class AskedDecision:
    """A decision that has neither filled nor ended."""

    number: int
    signed_quantity: int
    asked_at: datetime
    filled: int = 0
    is_cancelling: bool = False

    @property
    def is_filled(self) -> bool:
        return abs(self.filled) >= abs(self.signed_quantity)

    def to_json(self) -> JSONObject:
        return {
            "number": self.number,
            "signed_quantity": self.signed_quantity,
            "asked_at": self.asked_at.isoformat(),
            "filled": self.filled,
            "is_cancelling": self.is_cancelling,
        }

    @classmethod
    def from_json(cls, saved: JSONObject) -> AskedDecision:
        return cls(**{**saved, "asked_at": datetime.fromisoformat(saved["asked_at"])})


@dataclass
class RunPosition:
    """Net quantity (signed) at its average price, its stop and target, and what is in flight.

    An entry and an exit may be in flight together: getting out does not wait for an entry to end.
    ``leaving`` is why the position must go; it stands until flat, so an exit that ended unfilled is
    asked again after ``retry_at``. ``entry_barred_until`` holds back entries after a refused one.
    """

    quantity: int = 0
    average_price: Decimal = Decimal(0)
    since: datetime | None = None
    planned: int = 0  # the side (+1, -1) the last entry asked for
    stop: Decimal | None = None
    target: Decimal | None = None
    entry: AskedDecision | None = None
    exit: AskedDecision | None = None
    leaving: Reason | None = None
    attempts: int = 0
    retry_at: datetime | None = None
    refused_entries: int = 0
    entry_barred_until: datetime | None = None
    last_price: Decimal | None = None
    last_at: datetime | None = None
    sampled_minute: int = 0
    sampled: list[str] = field(default_factory=list)  # kinds of wait kept in that minute

    @property
    def in_flight(self) -> bool:
        return self.entry is not None or self.exit is not None

    @property
    def is_engaged(self) -> bool:
        """Whether anything is held or asked for."""
        return bool(self.quantity) or self.in_flight

    def held(self) -> Held | None:
        if not self.quantity or self.since is None:
            return None
        return Held(self.quantity, self.average_price, self.stop, self.target, self.since)

    def is_backwards(self) -> bool:
        """Whether late fills turned the position against what was asked."""
        return bool(self.quantity) and self.quantity * self.planned < 0

    def apply_fill(self, fill: Fill) -> None:
        """Count a fill into the position and against what asked for it."""
        self._count_fill(fill)
        self._book_fill(fill)
        self.clear_if_flat()

    def book_unasked(self, fill: Fill) -> None:
        """Count a fill of something the run did not ask for."""
        self._book_fill(fill)
        self.clear_if_flat()

    def _count_fill(self, fill: Fill) -> None:
        asked = self._find_asker(fill)
        if asked is None:
            return
        asked.filled += fill.signed_quantity
        if asked is self.entry:
            self.refused_entries, self.entry_barred_until = 0, None
        if asked.is_filled:
            self.drop_asked(asked)

    def _find_asker(self, fill: Fill) -> AskedDecision | None:
        """Exits first: with both in flight the numbers, or else the sides, tell them apart."""
        for asked in (self.exit, self.entry):
            if asked is None:
                continue
            same_side = asked.signed_quantity * fill.signed_quantity > 0
            if asked.number == fill.number if fill.number is not None else same_side:
                return asked
        return None

    def drop_asked(self, asked: AskedDecision) -> None:
        if asked is self.entry:
            self.entry = None
        elif asked is self.exit:
            self.exit = None

    def _book_fill(self, fill: Fill) -> None:
        before, after = self.quantity, self.quantity + fill.signed_quantity
        if before * fill.signed_quantity > 0:
            cost = self.average_price * abs(before) + fill.price * abs(fill.signed_quantity)
            self.average_price = cost / abs(after)
        elif before * after <= 0:  # opened, closed or turned round
            self.average_price, self.since = fill.price, fill.at
        self.quantity = after

    def clear_if_flat(self) -> None:
        """Forget the position once flat; the wish to leave stays while an entry may still fill."""
        if self.quantity:
            return
        self.average_price, self.since = Decimal(0), None
        if self.entry is None or not self.entry.is_cancelling:
            self.leaving, self.attempts, self.retry_at = None, 0, None

    def expire(self) -> None:
        """Hold and want nothing any more: the contract is over, and so is every order in it."""
        self.quantity, self.entry, self.exit = 0, None, None
        self.stop, self.target = None, None
        self.clear_if_flat()

    def adjust(self, held: int, becomes: int, spec: InstrumentSpec) -> None:
        """Count what a split or a bonus issue made of it: more units at what they cost, the levels moved along."""
        before, self.quantity = self.quantity, adjusted_quantity(self.quantity, held, becomes)
        if self.quantity:
            self.average_price = self.average_price * before / self.quantity
        ratio = Decimal(held), Decimal(becomes)
        self.stop = None if self.stop is None else on_tick_away(_scaled(self.stop, *ratio), before >= 0, spec)
        self.target = None if self.target is None else nearest_tick(_scaled(self.target, *ratio), spec.tick_size)
        self.last_price = None if self.last_price is None else _scaled(self.last_price, *ratio)

    def price_seen(self, price: Decimal, at: datetime) -> None:
        self.last_price, self.last_at = price, at

    @property
    def exit_side(self) -> Side:
        return "SELL" if self.quantity > 0 else "BUY"

    def entered_before(self, day: date) -> bool:
        return self.since is not None and self.since.astimezone(IST).date() < day

    def keeps_wait(self, code: str, minute: int) -> bool:
        """Keep one wait of a kind per minute, so that neither a quiet hour nor a flutter fills the journal."""
        return self.sampled_minute != minute or code not in self.sampled

    def note_wait(self, code: str, minute: int) -> None:
        if self.sampled_minute != minute:
            self.sampled_minute, self.sampled = minute, []
        self.sampled.append(code)

    def to_json(self) -> JSONObject:
        return {entry.name: WRITE.get(entry.name, copy_value)(getattr(self, entry.name)) for entry in fields(self)}

    @classmethod
    def from_json(cls, saved: JSONObject) -> RunPosition:
        return cls(**{name: READ.get(name, copy_value)(value) for name, value in saved.items()})


def _scaled(price: Decimal, held: Decimal, becomes: Decimal) -> Decimal:
    return price * held / becomes


def copy_value(value: Any) -> Any:
    return list(value) if isinstance(value, list) else value


def when_given(convert: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value is None else convert(value)


def reason_to_json(reason: Reason) -> JSONObject:
    return {"text": reason.text, "numbers": dict(reason.numbers), "code": reason.code}


DECIMALS = ("average_price", "stop", "target", "last_price")
MOMENTS = ("since", "retry_at", "entry_barred_until", "last_at")
WRITE: dict[str, Callable[[Any], Any]] = (
    {name: when_given(str) for name in DECIMALS}
    | {name: when_given(datetime.isoformat) for name in MOMENTS}
    | {name: when_given(AskedDecision.to_json) for name in ("entry", "exit")}
    | {"leaving": when_given(reason_to_json)}
)
READ: dict[str, Callable[[Any], Any]] = (
    {name: when_given(Decimal) for name in DECIMALS}
    | {name: when_given(datetime.fromisoformat) for name in MOMENTS}
    | {name: when_given(AskedDecision.from_json) for name in ("entry", "exit")}
    | {"leaving": when_given(lambda saved: Reason(**saved))}
)
