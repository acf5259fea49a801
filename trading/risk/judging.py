"""One judgement: what a signal asks, every rule's answer to it, and the orders that come of it. Pure.

The same for rows (``assessment``), for a day judged again and for a backtest.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Hashable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from alphapanda.core.figures import clock_time
from instruments.domain.contracts import slice_quantity
from instruments.domain.order_terms import TAKES_MARKET
from instruments.domain.price_protection import Protection
from trading.orders.life_cycle import DeploymentState, SignalState
from trading.risk.account_state import AccountState, Candidate
from trading.risk.assess import assess
from trading.risk.inputs import AUTOMATIC_PROTECTION, MarketView, ProposedOrder, RiskLimits
from trading.risk.verdicts import Assessment, Case

RESERVED_STEP = Decimal("0.0001")


class NamedContract(Protocol):
    @property
    def key(self) -> str: ...
    @property
    def exchange(self) -> str: ...
    @property
    def segment(self) -> str: ...


class Asked(Protocol):
    """A signal: what is asked, and the quote and the market time it was decided on."""

    @property
    def instrument(self) -> NamedContract: ...
    @property
    def kind(self) -> str: ...
    @property
    def signed_quantity(self) -> int: ...
    @property
    def product(self) -> str: ...
    @property
    def order_type(self) -> str: ...
    @property
    def validity(self) -> str: ...
    @property
    def price(self) -> Decimal | None: ...
    @property
    def trigger_price(self) -> Decimal | None: ...
    @property
    def reference_price(self) -> Decimal | None: ...
    @property
    def bid(self) -> Decimal | None: ...
    @property
    def ask(self) -> Decimal | None: ...
    @property
    def quote_at(self) -> datetime | None: ...
    @property
    def market_time(self) -> datetime: ...
    @property
    def send_by(self) -> datetime: ...


class Signalled(Asked, Candidate, Protocol):  # type: ignore[misc]  # two views of one instrument
    """A signal as the whole gate sees it."""


@dataclass(frozen=True, slots=True)
class Slice:
    """One order of a signal: at most what the exchange takes at once, and its share of what the whole reserves."""

    number: int
    quantity: int
    reserved: Decimal


@dataclass(frozen=True, slots=True)
class Judgement:
    case: Case
    assessment: Assessment
    slices: tuple[Slice, ...]


def why_not_judged(signal: Asked, deployment: DeploymentState | None, now: datetime) -> tuple[SignalState, str] | None:
    """Return how a signal ends unjudged, and why; None if it is to be judged. An exit is never too old.

    ``deployment`` is its deployment's state now: a pause reaches the entries that are on their way.
    """
    if signal.kind != "exit" and now > signal.send_by:
        return SignalState.EXPIRED, f"not judged before it expired at {clock_time(signal.send_by)}"
    if signal.kind == "enter" and deployment not in (None, DeploymentState.RUNNING):
        return SignalState.SUPERSEDED, f"its deployment is {deployment}"
    return None


def judge(
    signal: Signalled, portfolio: Hashable, state: AccountState, limits: RiskLimits, market: MarketView, now: datetime
) -> Judgement:
    """Ask every rule of one signal; approved, its slices are the orders to make."""
    proposed = proposed_order(signal, market.protection)
    case = Case(proposed, state.exposure(signal, portfolio), limits, market, now)
    cut = slice_quantity(proposed.quantity, market.lot_size or 1, market.freeze_quantity)
    value = proposed.value or Decimal(0)
    shares = ((value * quantity / proposed.quantity).quantize(RESERVED_STEP) for quantity in cut)
    slices = (Slice(number, *pair) for number, pair in enumerate(zip(cut, shares, strict=True), start=1))
    return Judgement(case, assess(case), tuple(slices))


def proposed_order(signal: Asked, protection: Protection) -> ProposedOrder:
    return ProposedOrder(
        instrument=signal.instrument.key,
        exchange=signal.instrument.exchange,
        segment=signal.instrument.segment,
        signed_quantity=signal.signed_quantity,
        product=signal.product,
        order_type=signal.order_type,
        price=signal.price,
        trigger_price=signal.trigger_price,
        validity=signal.validity,
        reference_price=signal.reference_price,
        quote_at=signal.quote_at,
        bid=signal.bid,
        ask=signal.ask,
        signal_at=signal.market_time,
        expires_at=signal.send_by,
        is_exit=signal.kind == "exit",
        market_protection=protection_of(signal.order_type),
        protection=protection,
    )


def protection_of(order_type: str) -> Decimal | None:
    return AUTOMATIC_PROTECTION if order_type in TAKES_MARKET else None


def tag_of(salt: str, key: str, slice_number: int = 1) -> str:
    """ "AP" and 14 characters from the installation's salt, the signal's key and the slice: the same in any replay."""
    name = key if slice_number == 1 else f"{key}|{slice_number}"
    digest = hashlib.sha256(f"{salt}|{name}".encode()).digest()
    return "AP" + base64.b32encode(digest).decode()[:14]
