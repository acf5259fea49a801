"""One account in memory: judged, sent, matched, booked and left by the same functions as the rows. Pure.

Each stage is one of the drains of the same name: it takes what waits, in order, and says whether there was any.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from alphapanda.core.timezone import IST
from instruments.domain.order_terms import Product, Validity, takes_sl_m
from market.domain.staleness import Liveness
from portfolio.domain.costs import ChargeRates
from portfolio.domain.pnl import UNPRICED
from portfolio.domain.settlement import leave_at
from trading.exits.plan_state import Around, plan_state, refused_in_a_row
from trading.exits.plans import ExitRequest, keep_denial, keep_step, signal_columns, take_over
from trading.exits.step import Act, Budget, Hours, Place, Reprice, next_step
from trading.lab.facts import Board
from trading.lab.holdings import MemoryHoldings
from trading.lab.values import (
    MemoryDecision,
    MemoryFill,
    MemoryOrder,
    MemoryPlan,
    MemorySignal,
    MemoryTrade,
    Named,
    Numbered,
    stored,
)
from trading.orders import progress
from trading.orders.claim import closes_too_much, why_not_sent
from trading.orders.life_cycle import AT_THE_EXCHANGE, DeploymentState, GateState, OrderState, SignalState, is_terminal
from trading.orders.rate_budget import (
    EXIT_PLACES_DAY,
    EXIT_REQUESTS_MINUTE,
    EXIT_REQUESTS_SECOND,
    Span,
    window_start,
)
from trading.paper.exchange import Exchange, Request, RequestKind, Standing
from trading.paper.orders import PaperOrder, PaperRules
from trading.risk.account_state import AccountState
from trading.risk.cut_offs import entries_until, mis_cutoff
from trading.risk.inputs import MarketView, RiskLimits
from trading.risk.judging import Judgement, Slice, judge, protection_of, tag_of, why_not_judged
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
    terms: AccountTerms
    board: Board
    deployed: dict[str, Deployed] = field(default_factory=dict)
    signals: list[MemorySignal] = field(default_factory=list)
    decisions: list[MemoryDecision] = field(default_factory=list)
    orders: list[MemoryOrder] = field(default_factory=list)
    fills: list[MemoryFill] = field(default_factory=list)
    plans: list[MemoryPlan] = field(default_factory=list)
    news: list[RunNews] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.facts = self.board.facts
        self.holdings = MemoryHoldings(self.terms.cash, self.terms.rates_of)
        self.exchange = Exchange(self._rules_of)
        self._by_tag: dict[str, MemoryOrder] = {}
        self._new_signals: list[MemorySignal] = []
        self._live: dict[int, MemoryOrder] = {}
        self._open_plans: dict[int, MemoryPlan] = {}
        self._sent: dict[str, list[datetime]] = defaultdict(list)
        self._used: dict[Span, tuple[datetime, int]] = {}

    @property
    def is_waiting(self) -> bool:
        """Whether anything is to be judged, sent, matched, heard or left."""
        return bool(self._new_signals or self._live or self._open_plans or self.news)

    # What runs decide

    def add_signal(self, signal: MemorySignal) -> None:
        self.signals.append(signal)
        self._new_signals.append(signal)

    def open_exit(
        self, deployed: Deployed, spec: InstrumentSpec, token: int, side: str, request: ExitRequest, now: datetime
    ) -> None:
        """Open the exit of a holding, or let the open one take over what is more urgent in the request."""
        open_one = self._plan_of(deployed.name, token, deployed.product)
        if open_one is not None:
            take_over(open_one, request, now)
            return
        plan = MemoryPlan(
            pk=len(self.plans) + 1,
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
        self._open_plans[plan.pk] = plan

    def _plan_of(self, portfolio: str, token: int, product: str) -> MemoryPlan | None:
        key = (portfolio, token, product)
        open_ones = self._open_plans.values()
        return next((p for p in open_ones if (p.portfolio_id, p.instrument_id, p.product) == key), None)

    def cancel_entry(self, run: str, ordinal: int, reason: str, now: datetime) -> None:
        """Stop an entry from filling further: not judged yet, it is superseded; ordered, its cancellation is asked."""
        for signal in self._new_signals:
            if (signal.deployment_id, signal.ordinal) == (run, ordinal):
                self._end_signal(signal, SignalState.SUPERSEDED, reason)
                return
        for order in self._live.values():
            if (order.deployment_id, order.signal.ordinal) == (run, ordinal) and order.may_be_cancelled:
                order.cancel_requested_at = now

    # The gate

    def assess_signals(self, now: datetime) -> bool:
        """Judge what runs have asked, in the order they asked it."""
        waiting = [signal for signal in self._new_signals if signal.state == SignalState.NEW]
        for signal in waiting:
            self._judge(signal, now)
        self._new_signals.clear()
        return bool(waiting)

    def _judge(self, signal: MemorySignal, now: datetime) -> None:
        deployed = self.deployed.get(signal.portfolio_id)
        if ending := why_not_judged(signal, deployed.state if deployed else None, now):
            self._end_signal(signal, *ending)
            return
        limits = self.terms.limits_of(signal.deployment_id)
        judgement = judge(
            signal, signal.portfolio_id, self.state_before(signal, now), limits, self._market(signal, now), now
        )
        decision = self._keep_decision(signal, judgement, now)
        if judgement.assessment.approved:
            for part in judgement.slices:
                self._make_order(signal, decision, part, now)
            self._end_signal(signal, SignalState.ORDERED, "approved")
        else:
            first = judgement.assessment.refusals[0]
            self._end_signal(signal, SignalState.DENIED, f"{first.code}: {first.words}")

    def _keep_decision(self, signal: MemorySignal, judgement: Judgement, now: datetime) -> MemoryDecision:
        assessment = judgement.assessment
        decision = MemoryDecision(
            signal=signal,
            approved=assessment.approved,
            refusal_codes=list(assessment.codes),
            assessment=assessment,
            only_shrinks=assessment.only_shrinks,
            side=signal.side,
            quantity=signal.quantity,
            slices=[part.quantity for part in judgement.slices],
            price=signal.price,
            market_time=now,
        )
        self.decisions.append(decision)
        return decision

    def _make_order(self, signal: MemorySignal, decision: MemoryDecision, part: Slice, now: datetime) -> None:
        schedule = self.facts.schedule(signal.instrument_id, _day(signal.market_time))
        order = MemoryOrder(
            pk=len(self.orders) + 1,
            tag=tag_of(self.terms.salt, signal.key, part.number),
            signal=signal,
            decision=decision,
            slice=part.number,
            quantity=part.quantity,
            is_exit=decision.only_shrinks,
            reserved=part.reserved,
            expires_at=schedule.ends_at if signal.validity == Validity.DAY else None,
            market_protection=protection_of(signal.order_type),
        )
        self.orders.append(order)
        signal.orders.append(order)
        if signal.plan is not None:
            signal.plan.orders.append(order)
        self._by_tag[order.tag] = self._live[order.pk] = order
        self._sent[order.portfolio_id].append(order.market_time)

    def _end_signal(self, signal: MemorySignal, state: SignalState, reason: str) -> None:
        signal.state, signal.state_reason = state, reason[:300]
        if state != SignalState.ORDERED and signal.plan is None:
            self._notify(signal, "ended", outcome=str(state), reason=reason)

    def _notify(self, signal: MemorySignal, kind: str, **payload: Any) -> None:
        if signal.deployment is not None:
            told = {"instrument": signal.instrument.key, "number": signal.ordinal, **payload}
            self.news.append(RunNews(signal.deployment.name, kind, told))

    def state_before(self, signal: MemorySignal, now: datetime) -> AccountState:
        """The account as it stands before a signal is judged."""
        self.holdings.open_day(_day(now))
        prices = self.board.prices(self.holdings.tokens_of_day(), now)
        limits = self.facts.age_limits(signal.instrument_id)
        price, at = signal.reference_price, signal.quote_at
        if price is not None and at is not None and limits.judge(now - at) != Liveness.DEAD:
            known = prices.get(signal.instrument_id, UNPRICED)
            prices[signal.instrument_id] = replace(known, last=price)
        live = [order for order in self._live.values() if order.signal is not signal]
        return AccountState(
            terms=self.terms,
            cash=self.holdings.cash,
            day=self.holdings.figures(),
            portfolios=self.holdings.portfolios,
            positions=self.holdings.held,
            orders=live,
            out_today=[order for order in live if _day(order.market_time) >= _day(now)],
            prices=prices,
            sent={name: _counted(times, now) for name, times in self._sent.items()},
            being_left=frozenset((p.portfolio_id, p.instrument_id, p.product) for p in self._open_plans.values()),
        )

    def _market(self, signal: MemorySignal, now: datetime) -> MarketView:
        token, spec, day = signal.instrument_id, signal.instrument, _day(now)
        schedule, deployed = self.facts.schedule(token, day), self.deployed.get(signal.portfolio_id)
        phase, state = schedule.phase_at(now), self.board.state(token, now)
        low, high = self.facts.band(token, day) or (None, None)
        flat_by = deployed.flat_by if deployed else None
        window = deployed.entry_until if deployed and signal.kind == "enter" else None
        left_at = leave_at(spec.expiry, self.facts.leave_by(token, day), flat_by, schedule)
        return MarketView(
            phase=phase.kind if phase else None,
            day_known=schedule.known,
            tradable=not spec.is_index,
            tick_size=spec.tick_size,
            lot_size=spec.lot_size,
            freeze_quantity=self.facts.freeze(token, day),
            band_low=low,
            band_high=high,
            feed_state=Liveness.LIVE if state is not None else None,
            quote_state=state,
            global_gate=GateState.ACTIVE,
            account_gate=GateState.ACTIVE,
            books_frozen=False,
            mis_cutoff_at=mis_cutoff(schedule, flat_by),
            entries_until=entries_until(schedule, window, left_at),
            protection=self.facts.protection(token, day),
        )

    # Orders

    def execute_orders(self, now: datetime) -> bool:
        """Send what is approved, exits first; then ask for changes of price, then for cancellations."""
        live = list(self._live.values())
        new = [order for order in live if order.state == OrderState.CREATED]
        for order in sorted(new, key=lambda one: (not one.is_exit, one.pk)):
            self._send(order, now)
        asked = [self._ask_to_modify(order, now) for order in live]
        asked += [self._ask_to_cancel(order, now) for order in live]
        return bool(new) or any(asked)

    def _send(self, order: MemoryOrder, now: datetime) -> None:
        deployed = self.deployed.get(order.portfolio_id)
        state = deployed.state if deployed else None
        problem = why_not_sent(order, order.decision, GateState.ACTIVE, state, now)
        if problem is None and order.is_exit:
            account = self.state_before(order.signal, now)
            without = replace(account, out_today=[one for one in self._out_today(now) if one is not order])
            if words := closes_too_much(order, without.holdings(order.signal)):
                problem = OrderState.NOT_PLACED, words
        if problem:
            self._move_order(order, *problem, now)
            return
        order.state, order.state_reason = OrderState.SUBMITTED, "accepted"
        at, token = order.market_time + self.terms.latency, order.instrument_id
        self.exchange.add_request(
            Request(order.pk, RequestKind.PLACE, order.tag, token, at, order=_at_exchange(order, at))
        )

    def _out_today(self, now: datetime) -> list[MemoryOrder]:
        return [order for order in self._live.values() if _day(order.market_time) >= _day(now)]

    def _ask_to_modify(self, order: MemoryOrder, now: datetime) -> bool:
        if order.is_modify_sent or not order.modify_pending or order.state not in AT_THE_EXCHANGE or order.ended_as:
            return False
        order.is_modify_sent = True
        self._ask(order, RequestKind.MODIFY, now, price=order.modify_price, number=order.modify_number)
        return True

    def _ask_to_cancel(self, order: MemoryOrder, now: datetime) -> bool:
        if order.is_cancel_sent or order.cancel_requested_at is None or not order.may_still_fill:
            return False
        order.is_cancel_sent = True
        self._ask(order, RequestKind.CANCEL, now)
        return True

    def _ask(self, order: MemoryOrder, kind: RequestKind, now: datetime, **asked: Any) -> None:
        at = now + self.terms.latency
        self.exchange.add_request(Request(order.pk, kind, order.tag, order.instrument_id, at, **asked))

    def _move_order(self, order: MemoryOrder, state: OrderState, reason: str, now: datetime) -> None:
        order.state, order.state_reason = state, reason[:300]
        if not is_terminal(state):
            return
        order.reserved, order.over_at = ZERO, now
        if not order.out_quantity:
            self._live.pop(order.pk, None)
        self._notify_of_end(order, reason, now)

    def _notify_of_end(self, order: MemoryOrder, reason: str, now: datetime) -> None:
        if order.signal.plan is not None:
            order.signal.plan.look_at = now
            return
        states = [one.state for one in order.signal.orders]
        unfilled = [state for state in states if state != OrderState.FILLED]
        if unfilled and all(is_terminal(OrderState(state)) for state in states):
            outcome = order.state if order.state in unfilled else unfilled[-1]
            self._notify(order.signal, "ended", outcome=str(outcome), reason=reason)

    def _rules_of(self, token: int, now: datetime) -> PaperRules:
        spec, day = self.facts.spec_of(token), _day(now)
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

    # Trades and reports

    def book_trades(self, now: datetime) -> bool:
        """Book what traded, then take what the exchange reports: a report never overtakes its fills."""
        trades, self.exchange.trades = self.exchange.trades, []
        changed, self.exchange.changed = self.exchange.changed, {}
        self.exchange.done.clear()
        for fill in trades:
            order = self._by_tag[fill.tag]
            self._book(order, fill.trade_id, fill.signed_quantity, fill.price, fill.at, now)
        for standing in changed.values():
            self._take_report(self._by_tag[standing.order.tag], standing, now)
        return bool(trades or changed)

    def _book(
        self, order: MemoryOrder, trade_id: str, signed_quantity: int, price: Decimal, at: datetime, now: datetime
    ) -> None:
        trade = MemoryTrade(
            sequence=len(self.holdings.trades) + 1,
            portfolio_id=order.portfolio_id,
            instrument=order.instrument,
            instrument_id=order.instrument_id,
            exchange=order.instrument.exchange,
            day=_day(at),
            product=order.product,
            trade_id=trade_id,
            broker_order_id=f"P{order.tag}",
            signed_quantity=signed_quantity,
            price=price,
            traded_at=at,
        )
        self.holdings.book_trade(trade)
        self.fills.append(MemoryFill(order, trade, at, signed_quantity, price))
        progress.count_fill(order, signed_quantity, price)
        self._notify_of_fill(order, trade, now)
        if proven := progress.proven_by_trades(order):
            self._move_order(order, *proven, now)

    def _notify_of_fill(self, order: MemoryOrder, trade: MemoryTrade, now: datetime) -> None:
        signal = order.signal
        if signal.plan is not None:
            signal.plan.look_at = now
        self._notify(
            signal,
            "closed_by_hand" if signal.plan is not None and not signal.ordinal else "fill",
            signed_quantity=trade.signed_quantity,
            price=str(trade.price),
            at=trade.traded_at.isoformat(),
            stop=None if signal.stop is None else str(signal.stop),
            target=None if signal.target is None else str(signal.target),
        )

    def _take_report(self, order: MemoryOrder, standing: Standing, now: datetime) -> None:
        reported = standing.order
        new, filled = OrderState(reported.state), reported.filled
        if progress.awaits_trades(order, new, filled):
            progress.keep_end(order, new, filled, order.out_quantity, now)
        elif progress.is_news(order, new):
            self._move_order(order, new, reported.words, now)
        order.working_price = reported.limit if reported.limit is not None else order.working_price
        if standing.modify_number and standing.modify_number == order.modify_number and order.modify_pending:
            order.modify_pending = False
            order.modifies_refused += bool(standing.modify_refusal)

    # Exits

    def follow_exits(self, now: datetime) -> bool:
        """Take one step of every exit that is due, most urgent first."""
        due = [plan for plan in self._open_plans.values() if plan.look_at <= now]
        due.sort(key=lambda plan: (-plan.urgency, plan.opened_at, plan.pk))
        for plan in due:
            self._follow(plan, len(due), now)
        return bool(due)

    def _follow(self, plan: MemoryPlan, plans: int, now: datetime) -> None:
        token, day = plan.instrument_id, _day(now)
        schedule = self.facts.schedule(token, day)
        plan.deadline = schedule.closes_at if plan.product == Product.MIS else None
        quote = self.board.exit_quote(token, now)
        made = next_step(
            plan_state(plan, plan.orders, self._around(plan, now), now),
            quote,
            self._hours(token, now),
            Budget(*self._exit_room(now), plans=plans),
            now,
        )
        keep_step(plan, made)
        for act in made.acts:
            self._do(plan, act, now)
        if made.is_finished:
            self._finish(plan, now)

    def _around(self, plan: MemoryPlan, now: datetime) -> Around:
        refused = refused_in_a_row(plan.orders)
        entries = (
            order
            for order in self._live.values()
            if (order.portfolio_id, order.instrument_id, order.product, order.cancel_requested_at is not None)
            == (plan.portfolio_id, plan.instrument_id, plan.product, True)
            and order.may_still_fill
            and order.side != plan.side
        )
        state = AccountState(
            self.terms,
            self.holdings.cash,
            self.holdings.figures(),
            positions=self.holdings.held,
            out_today=self._out_today(now),
        )
        return Around(
            holdings=state.holdings(plan),  # type: ignore[arg-type]  # asked for instrument and product only
            lot_size=plan.instrument.lot_size,
            freeze=self.facts.freeze(plan.instrument_id, _day(now)),
            entries_ending=sum(order.out_quantity for order in entries),
            refused_at=refused[-1].over_at if refused else None,
        )

    def _hours(self, token: int, now: datetime) -> Hours:
        """A day the calendar does not know is not known to be closed: the exchange decides."""
        schedule = self.facts.schedule(token, _day(now))
        if schedule.is_continuous(now) or not schedule.known:
            return Hours(True)
        if schedule.opens_at is not None and now < schedule.opens_at:
            return Hours(False, schedule.opens_at)
        return Hours(False, self.facts.next_open(token, _day(now)))

    def _do(self, plan: MemoryPlan, act: Act, now: datetime) -> None:
        self._count_exit(now, is_place=isinstance(act, Place))
        if isinstance(act, Place):
            self._place_exit(plan, act, now)
            return
        order = self.orders[act.order - 1]  # type: ignore[operator]  # named by their numbers
        if isinstance(act, Reprice):
            if not order.modify_pending and not order.cancel_requested_at:
                order.modify_number, order.modify_price = order.modify_number + 1, act.price
                order.modify_pending, order.is_modify_sent = True, False
        elif order.may_be_cancelled:
            order.cancel_requested_at = now

    def _place_exit(self, plan: MemoryPlan, act: Place, now: datetime) -> None:
        columns = signal_columns(plan, act, self.board.exit_quote(plan.instrument_id, now), now)
        deployed = self.deployed.get(plan.portfolio_id)
        for name in ("price", "reference_price", "bid", "ask"):
            columns[name] = stored(columns[name])
        signal = MemorySignal(
            portfolio_id=plan.portfolio_id,
            instrument=plan.instrument,
            instrument_id=plan.instrument_id,
            deployment=Named(plan.portfolio_id) if deployed else None,
            run=Numbered(deployed.run_number) if deployed else None,
            plan=plan,
            **columns,
        )
        self.signals.append(signal)
        self._judge(signal, now)
        plan.placed += 1
        if signal.state != SignalState.ORDERED:
            keep_denial(plan, signal.state_reason, now)

    def _finish(self, plan: MemoryPlan, now: datetime) -> None:
        plan.finished_at, plan.needs_person = now, False
        del self._open_plans[plan.pk]
        if plan.run is not None and plan.number is not None:
            told = {"instrument": plan.instrument.key, "number": plan.number, "outcome": "flat"}
            self.news.append(RunNews(plan.run, "ended", told))

    def _exit_room(self, now: datetime) -> tuple[int, int]:
        used = {span: count for span, (at, count) in self._used.items() if at == window_start(span, now)}
        second, minute, day = (used.get(span, 0) for span in (Span.SECOND, Span.MINUTE, Span.DAY))
        requests = min(EXIT_REQUESTS_SECOND - second, EXIT_REQUESTS_MINUTE - minute)
        return max(0, requests), max(0, min(requests, EXIT_PLACES_DAY - day))

    def _count_exit(self, now: datetime, *, is_place: bool) -> None:
        for span in Span:
            if is_place or span is not Span.DAY:
                start = window_start(span, now)
                at, count = self._used.get(span, (start, 0))
                self._used[span] = start, (count if at == start else 0) + 1


def _at_exchange(order: MemoryOrder, arrives_at: datetime) -> PaperOrder:
    return PaperOrder(
        tag=order.tag,
        signed_quantity=order.signed_quantity,
        order_type=order.order_type,
        arrives_at=arrives_at,
        price=order.price,
        trigger_price=order.trigger_price,
        validity=order.validity,
        market_protection=order.market_protection,
    )


def _counted(times: list[datetime], now: datetime) -> tuple[int, int]:
    """How many orders in the last minute, and today; forgets those of days before."""
    today = _day(now)
    times[:] = [at for at in times if _day(at) == today]
    return sum(at > now - timedelta(minutes=1) for at in times), len(times)


def _day(moment: datetime) -> date:
    return moment.astimezone(IST).date()
