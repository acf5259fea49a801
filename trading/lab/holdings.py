"""An account's books in memory: trades, lots and money, by the same rules as the rows. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from portfolio.domain.charges import ChargeSegment, UnknownCharge, segment_of
from portfolio.domain.costs import ChargeRates, Cost, costs_of
from portfolio.domain.day_figures import Carried, DayFigures
from portfolio.domain.positions import FLAT, Position, Trade, fold_trade
from portfolio.domain.same_day import DeliveryDay, Step, sole_step
from trading.lab.values import MemoryTrade
from trading.strategies.values import InstrumentSpec

ZERO = Decimal(0)
HoldingKey = tuple[str, int, str]  # portfolio, token, product


@dataclass(frozen=True, slots=True)
class HeldInMemory:
    """An open position as the rules ask for it."""

    pk: HoldingKey
    instrument: InstrumentSpec
    quantity: int
    open_value: Decimal

    @property
    def portfolio_id(self) -> str:
        return self.pk[0]

    @property
    def instrument_id(self) -> int:
        return self.pk[1]

    @property
    def product(self) -> str:
        return self.pk[2]


@dataclass
class MemoryHoldings:
    """``rates_of`` gives an exchange's charge rates. Everything is of one account; portfolios are named."""

    cash: Decimal
    rates_of: Callable[[str], ChargeRates]
    portfolios: list[str] = field(default_factory=list)
    trades: list[MemoryTrade] = field(default_factory=list)
    costs: list[Cost] = field(default_factory=list)
    day: date | None = None
    booked: int = 0

    def __post_init__(self) -> None:
        self._instruments: dict[int, InstrumentSpec] = {}
        self._folds: dict[HoldingKey, Position] = {}
        self._open: dict[HoldingKey, HeldInMemory] = {}
        self._delivered: dict[str, DeliveryDay[MemoryTrade]] = defaultdict(DeliveryDay)
        self._executed: dict[str, Decimal] = defaultdict(Decimal)
        self._begin_day()

    @property
    def held(self) -> list[HeldInMemory]:
        return list(self._open.values())

    def fold_of(self, key: HoldingKey) -> Position:
        return self._folds.get(key, FLAT)

    def open_day(self, day: date) -> None:
        """Begin a day, if it is another: what is open is carried into it."""
        if day != self.day:
            self.day = day
            self._begin_day()

    def _begin_day(self) -> None:
        self._delivered.clear()
        self._executed.clear()
        self._realised: dict[str, Decimal] = defaultdict(Decimal)
        self._charges: dict[str, Decimal] = defaultdict(Decimal)
        self._uncharged: set[str] = set()
        self._carried: dict[str, list[Carried]] = defaultdict(list)
        for one in self._open.values():
            self._carried[one.portfolio_id].append(Carried(one.instrument_id, one.quantity, one.open_value))
        for key, fold in self._folds.items():
            # What was realised is in the trades; a long run would keep every piece of every lot.
            self._folds[key] = Position(fold.lots, fold.realised, opened_at=fold.opened_at)

    def forget_past(self) -> None:
        """Forget the trades and costs so far; what is held, and the figures of the day, stay."""
        self.trades.clear()
        self.costs.clear()

    def book_trade(self, trade: MemoryTrade) -> None:
        """Book an execution: money, charges by the dated rates, lots first in, first out."""
        self.open_day(trade.day)
        self.booked += 1
        self.trades.append(trade)
        self._instruments[trade.instrument_id] = trade.instrument
        trade.charges = self._charge(trade)
        self.cash += trade.value
        self._fold(trade)

    def _charge(self, trade: MemoryTrade) -> Decimal | None:
        try:
            charges, costs = costs_of(self.rates_of(trade.exchange), trade, self._step_of(trade))
        except UnknownCharge:
            self._uncharged.add(trade.portfolio_id)
            return None
        for cost in costs:
            self._charges[cost.trade.portfolio_id] += cost.amount
            self.cash -= cost.amount
        self.costs += costs
        return charges

    def _step_of(self, trade: MemoryTrade) -> Step[MemoryTrade]:
        segment = segment_of(trade.instrument.instrument_type, trade.product, at_expiry=trade.is_expiry)
        if segment == ChargeSegment.DELIVERY:
            return self._delivered[trade.instrument.tradingsymbol].add_trade(trade)
        before = self._executed[trade.broker_order_id]
        self._executed[trade.broker_order_id] += abs(trade.value)
        return sole_step(trade, segment, before)

    def _fold(self, trade: MemoryTrade) -> None:
        key = (trade.portfolio_id, trade.instrument_id, trade.product)
        before = self.fold_of(key)
        value = Trade(trade.signed_quantity, trade.price, trade.sequence, trade.traded_at)
        after = self._folds[key] = fold_trade(before, value)
        self._realised[trade.portfolio_id] += after.realised - before.realised
        if after.quantity:
            self._open[key] = HeldInMemory(key, trade.instrument, after.quantity, after.open_value)
        else:
            self._open.pop(key, None)

    def figures(self) -> DayFigures:
        """What the books say of the day so far."""
        held: dict[str, list[HeldInMemory]] = defaultdict(list)
        for one in self._open.values():
            held[one.portfolio_id].append(one)
        return DayFigures(
            realised=self._realised,
            charges=self._charges,
            uncharged=frozenset(self._uncharged),
            carried=self._carried,
            open_positions=held,
        )

    def tokens_of_day(self) -> set[int]:
        """The instruments held now, or carried into the day: all that its profit depends on."""
        carried = {one.instrument for parts in self._carried.values() for one in parts}
        return {one.instrument_id for one in self._open.values()} | carried  # type: ignore[operator]
