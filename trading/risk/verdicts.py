"""What a risk rule answers: passed or refused, with the number, the limit and a sentence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import partial
from typing import Any, NamedTuple

import msgspec

from alphapanda.core import figures
from instruments.domain.contracts import slice_quantity
from trading.risk.inputs import Exposure, Limits, MarketView, ProposedOrder, RiskLimits, Usage, only_shrinks


class Code(StrEnum):
    GATE = "GATE"  # halted by a person, the flag file or an alarm
    REDUCE_ONLY = "REDUCE_ONLY"  # the gate lets only shrinking orders through
    BOOKS = "BOOKS"  # our books and the broker's differ, or have not been compared
    BROKER = "BROKER"  # a live account's broker takes no new orders now
    ARMED = "ARMED"  # nobody has armed the live account for the day
    SESSION = "SESSION"  # the instrument is not in continuous trading
    DAY_KNOWN = "DAY_KNOWN"  # the calendar does not know this day
    TRADABLE = "TRADABLE"  # an index, or no longer listed
    PRODUCT = "PRODUCT"  # the product does not fit: delivery cannot be sold short
    ORDER_TYPE = "ORDER_TYPE"  # prices or validity do not fit the order type
    LOT = "LOT"  # not whole lots
    TICK = "TICK"  # a price off the tick size
    FREEZE = "FREEZE"  # above the exchange's freeze quantity
    CIRCUIT_BAND = "CIRCUIT_BAND"  # outside the day's price band
    LIMIT_RANGE = "LIMIT_RANGE"  # a limit the exchange's price protection rejects
    DUPLICATE = "DUPLICATE"  # the same intent is live already
    PRICE_COLLAR = "PRICE_COLLAR"  # too far from the signal's own quote
    QUOTE_AGE = "QUOTE_AGE"  # decided on a quote that is too old
    FEED = "FEED"  # the price feed is not live
    SIGNAL_AGE = "SIGNAL_AGE"  # the signal has run out of time
    MIS_CUTOFF = "MIS_CUTOFF"  # too late for a fresh intraday position
    ENTRY = "ENTRY"  # after the deployment's entry window
    BEING_LEFT = "BEING_LEFT"  # an exit of this holding is under way
    ORDER_VALUE = "ORDER_VALUE"
    MAX_QTY = "MAX_QTY"
    POSITION = "POSITION"
    MAX_GROSS = "MAX_GROSS"
    MAX_NET = "MAX_NET"
    OPEN_ORDERS = "OPEN_ORDERS"
    ORDERS_MIN = "ORDERS_MIN"
    ORDERS_DAY = "ORDERS_DAY"
    LOSS_DEPLOYMENT = "LOSS_DEPLOYMENT"
    LOSS_ACCOUNT = "LOSS_ACCOUNT"
    BUYING_POWER = "BUYING_POWER"


@dataclass(frozen=True, slots=True)
class Case:
    """One order to be judged and all that is known."""

    proposed: ProposedOrder
    exposure: Exposure
    limits: RiskLimits
    market: MarketView
    now: datetime
    scope: str = "account"

    @property
    def usage(self) -> Usage:
        """What the scope uses; a rule asked of no deployment answers before it looks at this."""
        if self.scope == "account":
            return self.exposure.account
        return self.exposure.deployment or Usage()

    @property
    def own_limits(self) -> Limits:
        return self.limits.account if self.scope == "account" else self.limits.deployment

    @property
    def shrinks(self) -> bool:
        return only_shrinks(self.proposed, self.exposure)

    @property
    def slices(self) -> tuple[int, ...]:
        """The orders it would be sent as."""
        return slice_quantity(self.proposed.quantity, self.market.lot_size or 1, self.market.freeze_quantity)

    def within(self, scope: str) -> Case:
        return replace(self, scope=scope)


class Said(NamedTuple):
    """A verdict in words: the number, its limit and a sentence."""

    value: str
    limit: str
    words: str


class Verdict(msgspec.Struct, frozen=True):
    """A rule's answer in numbers; it is put in words when somebody reads it."""

    passed: bool
    say: Callable[[], Said]
    value_number: Decimal | None = None
    limit_number: Decimal | None = None
    skipped: str = ""  # why the rule did not apply
    is_unknown: bool = False


class Check(msgspec.Struct, frozen=True):
    """One rule's verdict as it is stored and shown."""

    code: Code
    title: str
    scope: str  # order, account or deployment
    passed: bool
    say: Callable[[], Said]
    value_number: Decimal | None = None
    limit_number: Decimal | None = None
    skipped: str = ""
    failure: str = ""  # the exception, where the rule itself broke

    @property
    def value(self) -> str:
        return self.say().value

    @property
    def limit(self) -> str:
        return self.say().limit

    @property
    def words(self) -> str:
        return self.say().words

    @property
    def used(self) -> Decimal | None:
        """How much of the limit; 1 is full. None where there are no two numbers to compare."""
        if self.value_number is None or self.limit_number is None:
            return None
        return share_of_limit(self.value_number, self.limit_number)

    def as_dict(self) -> dict[str, Any]:
        """Return JSON values; numbers as strings, written the same however many zeros a column keeps."""
        return {
            "code": str(self.code),
            "title": self.title,
            "scope": self.scope,
            "passed": self.passed,
            **self.say()._asdict(),
            "value_number": _written(self.value_number),
            "limit_number": _written(self.limit_number),
            "used": _written(self.used),
            "skipped": self.skipped,
            "failure": self.failure,
        }


@dataclass(frozen=True, slots=True)
class Assessment:
    checks: tuple[Check, ...]
    only_shrinks: bool

    @property
    def refusals(self) -> tuple[Check, ...]:
        return tuple(check for check in self.checks if not check.passed)

    @property
    def approved(self) -> bool:
        return bool(self.checks) and not self.refusals

    @property
    def codes(self) -> tuple[str, ...]:
        """Return each refusing code once, in the order of the rules."""
        return tuple(dict.fromkeys(check.code.value for check in self.refusals))


def _written(number: Decimal | None) -> str | None:
    return None if number is None else f"{number.normalize():f}"


def verdict_of(passed: bool, value: str, limit: str, words: str) -> Verdict:
    return Verdict(passed, partial(Said, value, limit, words))


def not_asked(reason: str, value: str = "—", limit: str = "—") -> Verdict:
    return Verdict(True, partial(Said, value, limit, reason), skipped=reason)


def unknown_verdict(what: str, limit: str = "—") -> Verdict:
    """Refuse because something is not known: unknown is not zero."""
    return Verdict(False, partial(Said, "unknown", limit, f"{what} is unknown"), is_unknown=True)


def bounded_span(what: str, span: timedelta, allowed: timedelta) -> Verdict:
    number, limit = (Decimal(int(t / timedelta(milliseconds=1))) / 1000 for t in (span, allowed))
    return Verdict(span <= allowed, partial(_say_bounded, what, span, allowed, figures.age_of), number, limit)


def bounded_by(
    what: str,
    value: Decimal | int | None,
    limit: Decimal | int | None,
    show: Callable[[Any], str] = figures.whole,
) -> Verdict:
    """Pass while ``value`` does not exceed ``limit``; no limit asks nothing, an unknown value refuses."""
    if limit is None:
        return NO_LIMIT if value is None else Verdict(True, partial(_say_no_limit, value, show), skipped=NO_LIMIT_SET)
    if value is None:
        return unknown_verdict(what, show(limit))
    number, bound = Decimal(value), Decimal(limit)
    return Verdict(number <= bound, partial(_say_bounded, what, value, limit, show), number, bound)


def _say_bounded(what: str, value: Any, limit: Any, show: Callable[[Any], str]) -> Said:
    shown, bound = show(value), show(limit)
    return Said(shown, bound, f"{what} {shown}; {bound} allowed")


def _say_no_limit(value: Any, show: Callable[[Any], str]) -> Said:
    return Said(show(value), "—", NO_LIMIT_SET)


NO_LIMIT_SET = "no limit set"
NO_LIMIT = not_asked(NO_LIMIT_SET)


def share_of_limit(value: Decimal, limit: Decimal) -> Decimal:
    """Return how much of the limit is used; 1 is full, and nothing is below zero."""
    if limit <= 0:
        return Decimal(int(value > limit))
    return max(Decimal(0), value / limit).quantize(Decimal("0.0001"))


def known_sum(*parts: Decimal | int | None) -> Decimal | None:
    """Add up; one unknown part makes the sum unknown."""
    if any(part is None for part in parts):
        return None
    return sum((Decimal(part) for part in parts if part is not None), Decimal(0))
