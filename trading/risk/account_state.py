"""All of an account that stands before an order, and what the rules ask of it. Pure.

``load_state`` (``trading.risk.exposure``) reads it under the account's lock; books kept in memory can make it too. Rows
and plain values alike are positions and orders here: nothing but what the Protocols name is asked of them.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol

from instruments.domain.order_terms import Side, side_of
from portfolio.domain.day_figures import DayFigures, Prices
from portfolio.domain.funds import Contract, Holding, MarginTerms, NoMarginModel, funds_of, required_funds
from portfolio.domain.pnl import UNPRICED, known_total
from trading.orders.closable import Holdings, gather_holdings
from trading.orders.life_cycle import OrderState
from trading.risk.inputs import Exposure, HeldAndWorking, Usage

ZERO = Decimal(0)
HoldingKey = tuple[Hashable, Hashable, str]  # portfolio, instrument, product


class HeldPosition(Holding, Protocol):
    """An open position; quantities are signed units."""

    @property
    def pk(self) -> Hashable: ...
    @property
    def portfolio_id(self) -> Hashable: ...
    @property
    def instrument_id(self) -> Hashable: ...


class OutOrder(Protocol):
    """An order that may still be booked. ``reserved`` is the value, in rupees, of what is still out of it."""

    @property
    def portfolio_id(self) -> Hashable: ...
    @property
    def deployment_id(self) -> Hashable: ...
    @property
    def instrument_id(self) -> Hashable: ...
    @property
    def instrument(self) -> Contract: ...
    @property
    def product(self) -> str: ...
    @property
    def side(self) -> str: ...
    @property
    def quantity(self) -> int: ...
    @property
    def order_type(self) -> str: ...
    @property
    def price(self) -> Decimal | None: ...
    @property
    def state(self) -> str: ...
    @property
    def is_exit(self) -> bool: ...
    @property
    def reserved(self) -> Decimal: ...
    @property
    def out_quantity(self) -> int: ...
    @property
    def signed_out(self) -> int: ...
    @property
    def signed_quantity(self) -> int: ...


class Candidate(Protocol):
    """What is to be judged: a signal, whoever made it. ``plan_id`` is the exit it is a step of, if it is one."""

    @property
    def deployment_id(self) -> Hashable: ...
    @property
    def plan_id(self) -> Hashable: ...
    @property
    def instrument_id(self) -> Hashable: ...
    @property
    def instrument(self) -> Contract: ...
    @property
    def product(self) -> str: ...
    @property
    def side(self) -> str: ...
    @property
    def quantity(self) -> int: ...
    @property
    def signed_quantity(self) -> int: ...
    @property
    def order_type(self) -> str: ...
    @property
    def price(self) -> Decimal | None: ...
    @property
    def reference_price(self) -> Decimal | None: ...


@dataclass(frozen=True)
class AccountState:
    """One account as it stands. ``prices`` are by instrument; one that is missing is unknown, never zero.

    ``orders`` are those that may still be booked, ``out_today`` those of them that the exchange still has: DAY and IOC
    orders of earlier days are out no more. ``sent`` counts orders by portfolio, in the last minute and today;
    ``receivable`` is by position what is not credited yet; ``being_left`` are the holdings with an exit under way;
    ``differences`` is D of exits.md 1 by (instrument, product): what the broker holds more or less than our books.
    """

    terms: MarginTerms
    cash: Decimal
    day: DayFigures
    portfolios: Sequence[Hashable] = ()
    positions: Sequence[HeldPosition] = ()
    orders: Sequence[OutOrder] = ()
    out_today: Sequence[OutOrder] = ()
    prices: Prices = field(default_factory=dict)
    sent: Mapping[Any, tuple[int, int]] = field(default_factory=dict)
    receivable: Mapping[Any, int] = field(default_factory=dict)
    being_left: frozenset[HoldingKey] = frozenset()
    differences: Mapping[Any, int] = field(default_factory=dict)

    def exposure(self, candidate: Candidate, portfolio: Hashable) -> Exposure:
        """Everything the rules ask of the account before an order for one of its portfolios."""
        same = [order for order in self.orders if _is_alike(order, candidate)]
        sign = 1 if candidate.side == Side.BUY else -1
        return Exposure(
            held=held_and_working(
                self._held(candidate, portfolio), [order for order in same if order.portfolio_id == portfolio]
            ),
            account_held=held_and_working(self._held(candidate), same),
            closable=self.holdings(candidate).closable(portfolio, sign),
            is_being_left=(portfolio, candidate.instrument_id, candidate.product) in self.being_left,
            account=self.usage(None),
            deployment=self.usage(portfolio) if candidate.deployment_id else None,
            available_funds=self.free_funds(),
            required_funds=self.required(candidate),
            identical_live_intents=identical(candidate, same),
        )

    def _held(self, candidate: Candidate, portfolio: Hashable = None) -> int:
        alike = (one for one in self.positions if _is_alike(one, candidate))
        return sum(one.quantity for one in alike if portfolio in (None, one.portfolio_id))

    def holdings(self, candidate: Candidate) -> Holdings:
        """What is held and out of the candidate's instrument and product, for the one rule of closing."""
        rows = [one for one in self.positions if _is_alike(one, candidate)]
        out = (order for order in self.out_today if _is_alike(order, candidate))
        return gather_holdings(
            ((one.portfolio_id, one.quantity) for one in rows),
            ((order.portfolio_id, order.signed_out) for order in out if order.signed_out),
            self.differences.get((candidate.instrument_id, candidate.product), 0),
            receivable=((one.portfolio_id, self.receivable.get(one.pk, 0)) for one in rows),
        )

    def usage(self, portfolio: Hashable) -> Usage:
        """What the account (None), or one portfolio, uses of its limits; one unknown price makes the sum unknown."""
        own = [order for order in self.orders if portfolio in (None, order.portfolio_id)]
        values = [self._value(one) for one in self.positions if portfolio in (None, one.portfolio_id)]
        entries = [order for order in own if not order.is_exit]
        minute, day = self._orders_sent(portfolio)
        return Usage(
            gross=known_total(None if value is None else abs(value) for value in values),
            net=known_total(values),
            reserved_buys=sum((one.reserved for one in entries if one.side == Side.BUY), ZERO),
            reserved_sells=sum((one.reserved for one in entries if one.side == Side.SELL), ZERO),
            open_orders=len(own),
            orders_this_minute=minute,
            orders_today=day,
            profit_today=self.profit_today(portfolio),
        )

    def _value(self, position: HeldPosition) -> Decimal | None:
        """Rupees at the last price, below zero when short; None if the price is not known."""
        price = self.prices.get(position.instrument_id, UNPRICED).last
        return None if price is None else price * position.quantity

    def _orders_sent(self, portfolio: Hashable) -> tuple[int, int]:
        of = self.sent.values() if portfolio is None else [self.sent.get(portfolio, (0, 0))]
        return sum(minute for minute, _ in of), sum(day for _, day in of)

    def profit_today(self, portfolio: Hashable) -> Decimal | None:
        """Net of the day after charges, booked and open; None where a part of it is unknown."""
        return self.day.sum_results(self.portfolios if portfolio is None else [portfolio], self.prices).net

    def free_funds(self) -> Decimal | None:
        """Available funds less what working orders may still block.

        None where no margin model can tell, or the price of a position that may be losing is not known.
        """
        marked = ((one, self.prices.get(one.instrument_id, UNPRICED).last) for one in self.positions)
        try:
            free = funds_of(self.terms, self.cash, marked).available
            reserved = sum((self._blocked_by(order) for order in self.orders if not order.is_exit), ZERO)
        except NoMarginModel:
            return None
        return None if free is None else free - reserved

    def _blocked_by(self, order: OutOrder) -> Decimal:
        left = order.out_quantity
        if not left:
            return ZERO
        side, price = side_of(order.signed_quantity), order.reserved / left
        return required_funds(self.terms, order.instrument, order.product, side, left, price)

    def required(self, candidate: Candidate) -> Decimal | None:
        """Rupees the candidate would block; None where its price or its margin is not known."""
        price = candidate.price or candidate.reference_price
        if price is None:
            return None
        side = side_of(candidate.signed_quantity)
        try:
            return required_funds(self.terms, candidate.instrument, candidate.product, side, candidate.quantity, price)
        except NoMarginModel:
            return None


def _is_alike(one: HeldPosition | OutOrder, candidate: Candidate) -> bool:
    return (one.instrument_id, one.product) == (candidate.instrument_id, candidate.product)


def held_and_working(position: int, orders: Iterable[OutOrder]) -> HeldAndWorking:
    """Count what is held and what is out, by side; unconfirmed apart, since it may have filled."""
    out = {(side, unconfirmed): 0 for side in Side for unconfirmed in (True, False)}
    for order in orders:
        out[Side(order.side), order.state == OrderState.UNCONFIRMED] += order.out_quantity
    return HeldAndWorking(
        position=position,
        working_buys=out[Side.BUY, False],
        working_sells=out[Side.SELL, False],
        unconfirmed_buys=out[Side.BUY, True],
        unconfirmed_sells=out[Side.SELL, True],
    )


def identical(candidate: Candidate, same: Iterable[OutOrder]) -> int:
    """How many orders like it are out already; an exit counts what it has out itself."""
    if candidate.plan_id is not None:
        return 0
    return sum(
        (o.side, o.quantity, o.order_type, o.price, o.deployment_id)
        == (
            candidate.side, candidate.quantity, candidate.order_type, candidate.price, candidate.deployment_id
        )
        for o in same
    )  # fmt: skip
