"""Judge what an account's runs ask and make the orders of it: ``trading.risk.assessment`` in memory. Pure."""

from __future__ import annotations

from datetime import datetime

from alphapanda.core.timezone import day_of
from instruments.domain.order_terms import Validity
from market.domain.staleness import Liveness
from portfolio.domain.settlement import leave_at
from trading.lab.account import MemoryAccount
from trading.lab.values import MemoryDecision, MemoryOrder, MemorySignal
from trading.orders.life_cycle import GateState, SignalState
from trading.risk.cut_offs import entries_until, mis_cutoff
from trading.risk.inputs import MarketView
from trading.risk.judging import Judgement, Slice, judge, protection_of, tag_of, why_not_judged


def assess_signals(account: MemoryAccount, now: datetime) -> bool:
    """Judge what runs have asked, in the order they asked it."""
    waiting = [signal for signal in account.new_signals if signal.state == SignalState.NEW]
    for signal in waiting:
        judge_signal(account, signal, now)
    account.new_signals.clear()
    return bool(waiting)


def judge_signal(account: MemoryAccount, signal: MemorySignal, now: datetime) -> None:
    deployed = account.deployed.get(signal.portfolio_id)
    if ending := why_not_judged(signal, deployed.state if deployed else None, now):
        account.end_signal(signal, *ending)
        return
    limits = account.terms.limits_of(signal.deployment_id)
    judgement = judge(
        signal, signal.portfolio_id, account.state_before(signal, now), limits, _market(account, signal, now), now
    )
    decision = _keep_decision(account, signal, judgement, now)
    if judgement.assessment.approved:
        for part in judgement.slices:
            _make_order(account, signal, decision, part)
        account.end_signal(signal, SignalState.ORDERED, "approved")
    else:
        first = judgement.assessment.refusals[0]
        account.end_signal(signal, SignalState.DENIED, f"{first.code}: {first.words}")


def _keep_decision(account: MemoryAccount, signal: MemorySignal, judgement: Judgement, now: datetime) -> MemoryDecision:
    assessment = judgement.assessment
    decision = MemoryDecision(
        signal=signal,
        approved=assessment.approved,
        refusal_codes=list(assessment.codes),
        assessment=assessment if account.keeps_checks else None,
        only_shrinks=assessment.only_shrinks,
        side=signal.side,
        quantity=signal.quantity,
        slices=[part.quantity for part in judgement.slices],
        price=signal.price,
        market_time=now,
    )
    account.decisions.append(decision)
    return decision


def _make_order(account: MemoryAccount, signal: MemorySignal, decision: MemoryDecision, part: Slice) -> None:
    schedule = account.facts.schedule(signal.instrument_id, day_of(signal.market_time))
    account.orders_made += 1
    order = MemoryOrder(
        pk=account.orders_made,
        tag=tag_of(account.terms.salt, signal.key, part.number),
        signal=signal,
        decision=decision,
        slice=part.number,
        quantity=part.quantity,
        is_exit=decision.only_shrinks,
        reserved=part.reserved,
        expires_at=schedule.ends_at if signal.validity == Validity.DAY else None,
        market_protection=protection_of(signal.order_type),
    )
    account.orders.append(order)
    signal.orders.append(order)
    if signal.plan is not None:
        signal.plan.orders.append(order)
    account.by_tag[order.tag] = account.live[order.pk] = order
    account.sent[order.portfolio_id].append(order.market_time)


def _market(account: MemoryAccount, signal: MemorySignal, now: datetime) -> MarketView:
    token, spec, day = signal.instrument_id, signal.instrument, day_of(now)
    schedule, deployed = account.facts.schedule(token, day), account.deployed.get(signal.portfolio_id)
    phase, state = schedule.phase_at(now), account.board.state(token, now)
    low, high = account.facts.band(token, day) or (None, None)
    flat_by = deployed.flat_by if deployed else None
    window = deployed.entry_until if deployed and signal.kind == "enter" else None
    left_at = leave_at(spec.expiry, account.facts.leave_by(token, day), flat_by, schedule)
    return MarketView(
        phase=phase.kind if phase else None,
        day_known=schedule.known,
        tradable=not spec.is_index,
        tick_size=spec.tick_size,
        lot_size=spec.lot_size,
        freeze_quantity=account.facts.freeze(token, day),
        band_low=low,
        band_high=high,
        feed_state=Liveness.LIVE if state is not None else None,
        quote_state=state,
        global_gate=GateState.ACTIVE,
        account_gate=GateState.ACTIVE,
        books_frozen=False,
        mis_cutoff_at=mis_cutoff(schedule, flat_by),
        entries_until=entries_until(schedule, window, left_at),
        protection=account.facts.protection(token, day),
    )
