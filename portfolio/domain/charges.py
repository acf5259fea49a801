"""What a trade costs beside its price, from dated rates; unknown is an error and never nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from operator import attrgetter
from typing import Protocol

from instruments.domain.order_terms import Product, Side

PAISA = Decimal("0.01")
ZERO = Decimal(0)


class ChargeKind(StrEnum):
    """Kite's names of the charges on an order, and the depository's on a delivery."""

    BROKERAGE = "brokerage"
    TRANSACTION_TAX = "transaction_tax"  # STT; CTT on commodities
    EXCHANGE = "exchange_turnover_charge"
    SEBI = "sebi_turnover_charge"
    STAMP_DUTY = "stamp_duty"
    GST = "gst"
    # NSE's fund: a charge of its own, and without GST, until it became part of the exchange's in October 2024.
    INVESTOR_PROTECTION = "investor_protection_fee"
    DP = "dp_charge"


CHARGE_KINDS = tuple(kind.value for kind in ChargeKind)


class ChargeSegment(StrEnum):
    DELIVERY = "delivery"
    INTRADAY = "intraday"
    FUTURES = "futures"
    OPTIONS = "options"
    FUTURES_EXPIRY = "futures_expiry"
    OPTIONS_EXPIRY = "options_expiry"


class UnknownCharge(Exception):
    """No rate is known for this kind of trade on this day. It is not zero."""


class DatedRate(Protocol):
    """A row of rates. Rates are fractions of the turnover; cap and flat are rupees for an executed order."""

    @property
    def kind(self) -> str: ...
    @property
    def exchange(self) -> str: ...
    @property
    def segment(self) -> str: ...
    @property
    def effective_from(self) -> date: ...
    @property
    def buy_rate(self) -> Decimal: ...
    @property
    def sell_rate(self) -> Decimal: ...
    @property
    def cap(self) -> Decimal | None: ...
    @property
    def flat(self) -> Decimal | None: ...


@dataclass(frozen=True, slots=True)
class Charges:
    """Rupees of one order or fill; a correction may be below zero."""

    brokerage: Decimal = ZERO
    transaction_tax: Decimal = ZERO
    exchange_turnover_charge: Decimal = ZERO
    sebi_turnover_charge: Decimal = ZERO
    stamp_duty: Decimal = ZERO
    gst: Decimal = ZERO
    investor_protection_fee: Decimal = ZERO

    @property
    def total(self) -> Decimal:
        return sum(_each(self), ZERO)

    def __add__(self, other: Charges) -> Charges:
        return Charges(*(mine + theirs for mine, theirs in zip(_each(self), _each(other), strict=True)))

    def __sub__(self, other: Charges) -> Charges:
        return Charges(*(mine - theirs for mine, theirs in zip(_each(self), _each(other), strict=True)))

    def to_paisa(self) -> Charges:
        """Each charge rounded half up to the paisa: the only rounding in the books."""
        return Charges(*(amount.quantize(PAISA, ROUND_HALF_UP) for amount in _each(self)))

    def amounts(self) -> dict[ChargeKind, Decimal]:
        return dict(zip(ORDER_KINDS, _each(self), strict=True))


_each: Callable[[Charges], tuple[Decimal, ...]] = attrgetter(*(one.name for one in fields(Charges)))
# In the order of the fields of Charges.
ORDER_KINDS = (
    ChargeKind.BROKERAGE,
    ChargeKind.TRANSACTION_TAX,
    ChargeKind.EXCHANGE,
    ChargeKind.SEBI,
    ChargeKind.STAMP_DUTY,
    ChargeKind.GST,
    ChargeKind.INVESTOR_PROTECTION,
)

# Zerodha: securities transaction tax and stamp duty are rounded to the rupee on each contract note (kite.md 5.4).
WHOLE_RUPEE_KINDS = (ChargeKind.TRANSACTION_TAX, ChargeKind.STAMP_DUTY)


class NoteSegment(StrEnum):
    SHARES = "shares"
    DERIVATIVES = "derivatives"


def note_segment(instrument_type: str) -> NoteSegment:
    """The contract note that a trade stands on; ``instrument_type`` is Kite's EQ, FUT, CE or PE."""
    return NoteSegment.SHARES if instrument_type == "EQ" else NoteSegment.DERIVATIVES


def whole_rupees(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal(1), ROUND_HALF_UP)


def segment_of(instrument_type: str, product: str, at_expiry: bool = False) -> ChargeSegment:
    """Which rates a trade falls under; ``instrument_type`` is Kite's EQ, FUT, CE or PE.

    Shares bought and sold on one day as CNC are delivery only until they are squared off (``same_day``);
    exchange-traded funds are charged as shares. A contract settled at expiry is charged by its value then: an option
    by what it is in the money.
    """
    if instrument_type == "FUT":
        return ChargeSegment.FUTURES_EXPIRY if at_expiry else ChargeSegment.FUTURES
    if instrument_type in ("CE", "PE"):
        return ChargeSegment.OPTIONS_EXPIRY if at_expiry else ChargeSegment.OPTIONS
    if instrument_type == "EQ" and product in (Product.CNC, Product.MIS):
        return ChargeSegment.DELIVERY if product == Product.CNC else ChargeSegment.INTRADAY
    raise UnknownCharge(f"no charges are known for {instrument_type} as {product}")


def rate_in_force(
    rates: Iterable[DatedRate], kind: ChargeKind, exchange: str, segment: ChargeSegment, day: date
) -> DatedRate:
    """The newest rate that had begun on ``day``; UnknownCharge where there is none."""
    begun = [
        rate
        for rate in rates
        if (rate.kind, rate.exchange, rate.segment) == (kind, exchange, segment) and rate.effective_from <= day
    ]
    if not begun:
        raise UnknownCharge(f"no {kind} rate is known for {segment} on {exchange} at {day:%d %b %Y}")
    return max(begun, key=lambda rate: rate.effective_from)


@dataclass(frozen=True, slots=True)
class RateCard:
    """The rates in force for one exchange, segment and day, by kind."""

    rates: tuple[DatedRate, ...]

    @classmethod
    def of(cls, rates: Iterable[DatedRate], exchange: str, segment: ChargeSegment, day: date) -> RateCard:
        known = tuple(rates)
        return cls(tuple(rate_in_force(known, kind, exchange, segment, day) for kind in ORDER_KINDS))

    def order_charges(self, side: Side, turnover: Decimal) -> Charges:
        """Exact charges of an order executed for ``turnover`` rupees (for options: of premium) so far.

        As Zerodha's charge list says: GST on brokerage, exchange and SEBI charges. Not rounded.
        """
        brokerage, tax, exchange, sebi, stamp = (charge_for(rate, side, turnover) for rate in self.rates[:5])
        gst = charge_for(self.rates[5], side, brokerage + exchange + sebi)
        return Charges(brokerage, tax, exchange, sebi, stamp, gst, charge_for(self.rates[6], side, turnover))


def charge_for(rate: DatedRate, side: Side, turnover: Decimal) -> Decimal:
    """Flat + rate × turnover, at most the cap; nothing for an order nothing of which was executed."""
    if not turnover:
        return ZERO
    share = rate.buy_rate if side == Side.BUY else rate.sell_rate
    amount = (rate.flat or ZERO) + share * turnover
    return amount if rate.cap is None else min(amount, rate.cap)


def dp_charge(rates: Iterable[DatedRate], exchange: str, day: date) -> Decimal:
    """What the depository takes for a share sold from delivery on a day, whatever the quantity; with GST."""
    return rate_in_force(rates, ChargeKind.DP, exchange, ChargeSegment.DELIVERY, day).flat or ZERO
