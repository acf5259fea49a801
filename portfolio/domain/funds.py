"""What an order needs and what an account has free: full cash, or a margin where the product allows it.

The model is simple and stated, not the exchange's SPAN: shares for delivery and bought options cost their full value;
intraday shares, long or short, cost value ÷ the account's intraday multiple; futures block the account's derivative
margin percent (20 unless set otherwise) of price × quantity, sold options the same percent of strike × quantity.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from instruments.domain.order_terms import Product, Side
from portfolio.domain.pnl import known_total, unrealised_profit

ZERO = Decimal(0)
HUNDRED = Decimal(100)


class NoMarginModel(Exception):
    """It cannot be said what such an order would block: no order may rest on a guess."""


class MarginTerms(Protocol):
    """What an account's broker grants."""

    @property
    def intraday_multiple(self) -> Decimal: ...
    @property
    def derivative_margin_percent(self) -> Decimal | None: ...


class Contract(Protocol):
    """What is traded; ``instrument_type`` is Kite's EQ, FUT, CE or PE, ``strike`` is in rupees."""

    @property
    def instrument_type(self) -> str: ...
    @property
    def strike(self) -> Decimal | None: ...


class Holding(Protocol):
    """An open position. ``open_value`` is what its lots cost (below zero when short)."""

    @property
    def instrument(self) -> Contract: ...
    @property
    def product(self) -> str: ...
    @property
    def quantity(self) -> int: ...
    @property
    def open_value(self) -> Decimal: ...


@dataclass(frozen=True, slots=True)
class Funds:
    """``cash`` is the ledger's. ``margined`` is what it paid (or got) for positions that only need a margin.

    ``available`` = cash + margined − blocked − losses: the ledger books every trade at its full value, so for
    margined positions that is put back, and the margin and what they lose are taken instead. An open gain is no
    money yet and offsets nothing. ``losses`` is None where the price of such a position is not known.
    """

    cash: Decimal
    margined: Decimal
    blocked: Decimal
    losses: Decimal | None

    @property
    def available(self) -> Decimal | None:
        return None if self.losses is None else self.cash + self.margined - self.blocked - self.losses


def required_funds(
    terms: MarginTerms, contract: Contract, product: str, side: Side, quantity: int, price: Decimal
) -> Decimal:
    """Rupees that ``quantity`` (unsigned) would block, before charges.

    A delivery sale needs nothing: it gives up shares that are held. Raises NoMarginModel where neither cash nor a
    configured margin answers.
    """
    kind = contract.instrument_type
    if kind == "EQ" and product == Product.CNC:
        return quantity * price if side == Side.BUY else ZERO
    if kind in ("CE", "PE") and side == Side.BUY and product != Product.CNC:
        return quantity * price
    return margin_for(terms, contract, product, quantity, quantity * price)


def margin_for(terms: MarginTerms, contract: Contract, product: str, quantity: int, value: Decimal) -> Decimal:
    """The margin of intraday shares, futures and sold options worth ``value`` rupees."""
    kind = contract.instrument_type
    if kind == "EQ" and product == Product.MIS:
        return value / terms.intraday_multiple
    if product == Product.CNC or kind not in ("FUT", "CE", "PE"):
        raise NoMarginModel(f"{kind} cannot be held as {product}")
    if terms.derivative_margin_percent is None:
        raise NoMarginModel(f"no margin is configured for {'futures' if kind == 'FUT' else 'sold options'}")
    return notional_value(contract, quantity, value) * terms.derivative_margin_percent / HUNDRED


def notional_value(contract: Contract, quantity: int, value: Decimal) -> Decimal:
    if contract.instrument_type == "FUT":
        return value
    if contract.strike is None:
        raise NoMarginModel("an option without a strike")
    return quantity * contract.strike


def funds_of(terms: MarginTerms, cash: Decimal, holdings: Iterable[tuple[Holding, Decimal | None]]) -> Funds:
    """Each holding comes with its last price, None where it is not known.

    Raises NoMarginModel if something is held whose margin cannot be told.
    """
    margined = blocked = ZERO
    losses: list[Decimal | None] = []
    for holding, mark in holdings:
        if not needs_margin(holding):
            continue
        size, value = abs(holding.quantity), abs(holding.open_value)
        blocked += margin_for(terms, holding.instrument, holding.product, size, value)
        margined += put_back(holding)
        losses.append(open_loss(holding, mark))
    return Funds(cash, margined, blocked, known_total(losses))


def open_loss(holding: Holding, mark: Decimal | None) -> Decimal | None:
    """What closing at ``mark`` would lose, not below zero; None if the price is not known."""
    profit = unrealised_profit(holding.quantity, holding.open_value, mark)
    return None if profit is None else max(-profit, ZERO)


def needs_margin(holding: Holding) -> bool:
    kind = holding.instrument.instrument_type
    if kind == "EQ":
        return holding.product == Product.MIS
    return kind == "FUT" or holding.quantity < 0


def put_back(holding: Holding) -> Decimal:
    """A sold option's premium stays in cash, as at the broker; a future's or intraday share's value never moved."""
    return ZERO if holding.instrument.instrument_type in ("CE", "PE") else holding.open_value
