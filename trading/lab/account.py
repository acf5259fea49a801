"""One account in memory: what it holds, has asked and waits for, as the rows of an account say it. Pure.

Its stages (``assessment``, ``execution``, ``following``) are the drains of the same names: each takes what waits, in
order, and says whether there was any.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Any

from alphapanda.core.timezone import IST, day_of
from instruments.domain.order_terms import takes_sl_m
from market.domain.staleness import Liveness
from portfolio.domain.costs import ChargeRates
from portfolio.domain.pnl import UNPRICED
from trading.exits.plans import ExitRequest, take_over
from trading.lab.facts import Board
from trading.lab.holdings import HoldingKey, MemoryHoldings
from trading.lab.values import MemoryDecision, MemoryFill, MemoryOrder, MemoryPlan, MemorySignal, MemoryTrade
from trading.orders.life_cycle import DeploymentState, OrderState, SignalState, Urgency, is_terminal
from trading.orders.rate_budget import Span
from trading.paper.exchange import Exchange
from trading.paper.orders import PaperRules
from trading.risk.account_state import AccountState
from trading.risk.inputs import RiskLimits
from trading.strategies.values import InstrumentSpec

ZERO = Decimal(0)


@dataclass(frozen=True)
class AccountTerms:
    """What an account begins with and is granted; see ``portfolio.models.Account`` and the settings of the same names.

    ``limits_of`` gives the limits of a deployment by name (None: by hand); ``salt`` is the installation's.
    """

    cash: Decimal
    rates_of: Callable[[str], ChargeRates]
    limits_of: Callable[[str | None], RiskLimits]
    salt: str
    latency: timedelta
    signal_life: timedelta
    intraday_multiple: Decimal = Decimal(5)
    derivative_margin_percent: Decimal | None = Decimal(20)


@dataclass
class Deployed:
    """A deployment as the account's stages ask for it."""

    name: str
    product: str
    entry_until: time | None
    flat_by: time | None
    run_number: int = 1
    state: DeploymentState = DeploymentState.RUNNING


@dataclass(frozen=True)
class RunNews:
    """What a run hears of at the next entry; see ``trading.models.RunInput``."""

    run: str
    kind: str
    payload: dict[str, Any]


@dataclass
class MemoryAccount:
    """``new_signals``, ``live`` orders and ``open_plans`` are what still waits; ``news`` is what runs hear next.

    All that happened since the last ``forget_past`` is in ``signals``, ``decisions``, ``orders``, ``fills``,
    ``expiries`` and ``plans``, and in the trades and costs of ``holdings``.
    """

    terms: AccountTerms
    board: Board
    keeps_checks: bool = True  # with each decision; a year of them is gigabytes
    deployed: dict[str, Deployed] = field(default_factory=dict)
    signals: list[MemorySignal] = field(default_factory=list)
    decisions: list[MemoryDecision] = field(default_factory=list)
    orders: list[MemoryOrder] = field(default_factory=list)
    fills: list[MemoryFill] = field(default_factory=list)
    expiries: list[MemoryTrade] = field(default_factory=list)
    plans: list[MemoryPlan] = field(default_factory=list)
    news: list[RunNews] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.facts = self.board.facts
        self.holdings = MemoryHoldings(self.terms.cash, self.terms.rates_of)
        self.exchange = Exchange(self._rules_of)
        self.by_tag: dict[str, MemoryOrder] = {}
        self.new_signals: list[MemorySignal] = []
        self.live: dict[int, MemoryOrder] = {}
        self.open_plans: dict[int, MemoryPlan] = {}
        self.sent: dict[str, list[datetime]] = defaultdict(list)
        self.used: dict[Span, tuple[datetime, int]] = {}
        self.plans_opened = self.orders_made = 0

    @property
    def is_waiting(self) -> bool:
        """Whether anything is to be judged, sent, matched, heard or left."""
        return bool(self.new_signals or self.live or self.open_plans or self.news)

    def forget_past(self) -> None:
        """Forget what is over: a year of it is gigabytes. What still waits is kept, and numbers go on."""
        for past in (self.signals, self.decisions, self.orders, self.fills, self.expiries, self.plans):
            past.clear()
        self.holdings.forget_past()
        self.by_tag = {order.tag: order for order in self.live.values()}

    # What runs decide

    def add_signal(self, signal: MemorySignal) -> None:
        self.signals.append(signal)
        self.new_signals.append(signal)

    def open_exit(
        self, deployed: Deployed, spec: InstrumentSpec, token: int, side: str, request: ExitRequest, now: datetime
    ) -> None:
        """Open the exit of a holding, or let the open one take over what is more urgent in the request."""
        if (open_one := self._plan_of(deployed.name, token, deployed.product)) is not None:
            take_over(open_one, request, now)
            return
        self.plans_opened += 1
        plan = MemoryPlan(
            pk=self.plans_opened,
            key=request.key,
            portfolio_id=deployed.name,
            instrument=spec,
            instrument_id=token,
            product=deployed.product,
            side=side,
            urgency=request.urgency,
            reason=request.reason[:300],
            opened_at=now,
            look_at=now,
            run=deployed.name,
            quantity=request.quantity,
            limit=request.limit,
            numbers=dict(request.numbers),
            number=request.number,
            asked_by=request.asked_by,
            **request.seen,
        )
        self.plans.append(plan)
        self.open_plans[plan.pk] = plan

    def _plan_of(self, portfolio: str, token: int, product: str) -> MemoryPlan | None:
        key = (portfolio, token, product)
        open_ones = self.open_plans.values()
        return next((p for p in open_ones if (p.portfolio_id, p.instrument_id, p.product) == key), None)

    def is_leaving(self, holding: HoldingKey) -> bool:
        """Whether all of a holding is being left, as urgently as the clock asks it."""
        plan = self._plan_of(*holding)
        return plan is not None and plan.quantity is None and plan.urgency >= Urgency.NOW

    def cancel_entry(self, run: str, ordinal: int, reason: str, now: datetime) -> None:
        """Stop an entry from filling further: not judged yet, it is superseded; ordered, its cancellation is asked."""
        for signal in self.new_signals:
            if (signal.deployment_id, signal.ordinal) == (run, ordinal):
                self.end_signal(signal, SignalState.SUPERSEDED, reason)
                return
        for order in self.live.values():
            if (order.deployment_id, order.signal.ordinal) == (run, ordinal) and order.may_be_cancelled:
                order.cancel_requested_at = now

    # Signals

    def end_signal(self, signal: MemorySignal, state: SignalState, reason: str) -> None:
        signal.state, signal.state_reason = state, reason[:300]
        if state != SignalState.ORDERED and signal.plan is None:
            self.notify(signal, "ended", outcome=str(state), reason=reason)

    def notify(self, signal: MemorySignal, kind: str, **payload: Any) -> None:
        if signal.deployment is not None:
            told = {"instrument": signal.instrument.key, "number": signal.ordinal, **payload}
            self.news.append(RunNews(signal.deployment.name, kind, told))

    def state_before(self, signal: MemorySignal, now: datetime) -> AccountState:
        """The account as it stands before a signal is judged."""
        self.holdings.open_day(day_of(now))
        prices = self.board.prices(self.holdings.tokens_of_day(), now)
        limits = self.facts.age_limits(signal.instrument_id)
        price, at = signal.reference_price, signal.quote_at
        if price is not None and at is not None and limits.judge(now - at) != Liveness.DEAD:
            known = prices.get(signal.instrument_id, UNPRICED)
            prices[signal.instrument_id] = replace(known, last=price)
        live = [order for order in self.live.values() if order.signal is not signal]
        return AccountState(
            terms=self.terms,
            cash=self.holdings.cash,
            day=self.holdings.figures(),
            portfolios=self.holdings.portfolios,
            positions=self.holdings.held,
            orders=live,
            out_today=[order for order in live if day_of(order.market_time) >= day_of(now)],
            prices=prices,
            sent={name: _counted(times, now) for name, times in self.sent.items()},
            being_left=frozenset((p.portfolio_id, p.instrument_id, p.product) for p in self.open_plans.values()),
        )

    def books(self, out_today: list[MemoryOrder]) -> AccountState:
        """What is held and out, without prices: enough to say how much may be closed."""
        holdings = self.holdings
        return AccountState(self.terms, holdings.cash, holdings.figures(), positions=holdings.held, out_today=out_today)

    # Orders

    def out_today(self, now: datetime) -> list[MemoryOrder]:
        return [order for order in self.live.values() if day_of(order.market_time) >= day_of(now)]

    def move_order(self, order: MemoryOrder, state: OrderState, reason: str, now: datetime) -> None:
        order.state, order.state_reason = state, reason[:300]
        if not is_terminal(state):
            return
        order.reserved, order.over_at = ZERO, now
        if not order.out_quantity:
            self.live.pop(order.pk, None)
        self._notify_of_end(order, reason, now)

    def _notify_of_end(self, order: MemoryOrder, reason: str, now: datetime) -> None:
        if order.signal.plan is not None:
            order.signal.plan.look_at = now
            return
        states = [one.state for one in order.signal.orders]
        unfilled = [state for state in states if state != OrderState.FILLED]
        if unfilled and all(is_terminal(OrderState(state)) for state in states):
            outcome = order.state if order.state in unfilled else unfilled[-1]
            self.notify(order.signal, "ended", outcome=str(outcome), reason=reason)

    def _rules_of(self, token: int, now: datetime) -> PaperRules:
        spec, day = self.facts.spec_of(token), day_of(now)
        schedule = self.facts.schedule(token, day)
        phase = schedule.phase_at(now)
        return PaperRules(
            tick_size=spec.tick_size,
            lot_size=spec.lot_size,
            phase=phase.kind if phase else None,
            closes_at=schedule.closes_at,
            protection=self.facts.protection(token, day),
            freeze_quantity=self.facts.freeze(token, day),
            takes_sl_m=takes_sl_m(spec.exchange, spec.segment),
        )


def _counted(times: list[datetime], now: datetime) -> tuple[int, int]:
    """How many orders in the last minute, and today; forgets those of days before. Times only go on."""
    midnight = datetime.combine(day_of(now), time(), IST)
    del times[: bisect_left(times, midnight)]
    return len(times) - bisect_right(times, now - timedelta(minutes=1)), len(times)
