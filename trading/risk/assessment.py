"""Judge signals one by one under their account's lock: an approved order, or a refusal with codes and numbers."""

import time
from datetime import datetime
from uuid import UUID

import structlog
from django.db import transaction

from alphapanda.core.clock import market_now
from alphapanda.core.clock.services import get_installation
from alphapanda.core.journal.models import DeadLetter
from alphapanda.core.journal.services import on_replay, record_event
from alphapanda.core.telemetry import metrics
from alphapanda.core.telemetry.crashpoints import crashpoint
from alphapanda.core.timezone import IST
from instruments.domain.order_terms import Validity
from portfolio.booking import ensure_portfolio
from portfolio.models import Account, Portfolio
from trading import wakeups
from trading.models import Deployment, Order, OrderTransition, RiskDecision, Signal
from trading.orders.attempts import attempt_row
from trading.orders.life_cycle import DeploymentState, OrderState, SignalState
from trading.orders.transitions import notify_run
from trading.risk.cases import plain_case
from trading.risk.exposure import state_before
from trading.risk.judging import Judgement, Slice, judge, protection_of, tag_of, why_not_judged
from trading.risk.market_view import limits_of, market_view
from trading.risk.marks import Marks
from trading.risk.verdicts import Assessment

log = structlog.get_logger()


def assess_signals(account_id: UUID | str) -> None:
    """Drain one account's new signals in the order they were made, five seconds at a time."""
    deadline = time.monotonic() + wakeups.LONGEST_DRAIN_SECONDS
    waiting = Signal.objects.filter(account_id=account_id, state=SignalState.NEW).order_by("id")
    for signal in waiting.select_related("account", "instrument", "deployment", "run"):
        attempt_row(signal, "assess_signals", judge_signal, give_up_on)
        crashpoint("assess.after_commit")
        if time.monotonic() > deadline:
            wakeups.wake_stage(wakeups.ASSESS, account_id, "risk")
            return


@transaction.atomic
def judge_signal(signal: Signal) -> None:
    """Ask every rule of one signal and write the answer; approval makes the order in the same transaction."""
    Account.objects.locked(signal.account_id)
    locked = Signal.objects.select_for_update(no_key=True).filter(pk=signal.pk, state=SignalState.NEW)
    if not locked.exists():
        return
    now = market_now()
    if ending := why_not_judged(signal, _deployment_state(signal), now):
        end_signal(signal, *ending)
        return
    portfolio, market = _portfolio_of(signal), market_view(signal, now)
    state = state_before(signal, Marks.for_account(signal.account_id, now), now)
    judgement = judge(signal, portfolio.pk, state, limits_of(signal), market, now)
    write_decision(signal, judgement, now)
    crashpoint("assess.before_commit")
    if judgement.assessment.approved:
        create_orders(signal, portfolio.pk, judgement)
        end_signal(signal, SignalState.ORDERED, "approved")
    else:
        refuse_signal(signal, judgement.assessment)


def _portfolio_of(signal: Signal) -> Portfolio:
    if signal.plan is not None:
        return signal.plan.portfolio
    return ensure_portfolio(signal.account, signal.deployment_id, str(signal.deployment or ""))


def _deployment_state(signal: Signal) -> DeploymentState | None:
    state = Deployment.objects.filter(signals=signal).values_list("state", flat=True).first()
    return DeploymentState(state) if state else None


def write_decision(signal: Signal, judgement: Judgement, now: datetime) -> RiskDecision:
    assessment = judgement.assessment
    return RiskDecision.objects.create(
        signal=signal,
        approved=assessment.approved,
        refusal_codes=list(assessment.codes),
        checks=[check.as_dict() for check in assessment.checks],
        case=plain_case(judgement.case),
        side=signal.side,
        quantity=signal.quantity,
        slices=[one.quantity for one in judgement.slices],
        price=signal.price,
        only_shrinks=assessment.only_shrinks,
        market_time=now,
    )


def create_orders(signal: Signal, portfolio_id: UUID, judgement: Judgement) -> list[Order]:
    """Write the orders of a signal, one a slice, each with its share of the exposure the whole reserves."""
    is_exit = judgement.assessment.only_shrinks
    orders = [_create_order(signal, portfolio_id, one, is_exit) for one in judgement.slices]
    wakeups.wake_execution(signal.account, is_exit=is_exit)
    return orders


def _create_order(signal: Signal, portfolio_id: UUID, part: Slice, is_exit: bool) -> Order:
    order = Order.objects.create(
        tag=tag_of(get_installation().salt, signal.key, part.number),
        signal=signal,
        slice=part.number,
        account=signal.account,
        portfolio_id=portfolio_id,
        deployment=signal.deployment,
        instrument=signal.instrument,
        side=signal.side,
        quantity=part.quantity,
        order_type=signal.order_type,
        product=signal.product,
        validity=signal.validity,
        price=signal.price,
        trigger_price=signal.trigger_price,
        market_protection=protection_of(signal.order_type),
        is_exit=is_exit,
        reserved=part.reserved,
        market_time=signal.market_time,
        send_by=signal.send_by,
        expires_at=_end_of_day(signal),
    )
    _record_creation(order)
    return order


def _end_of_day(signal: Signal) -> datetime | None:
    """When the exchange ends a DAY order by itself; an IOC order ends when it arrives."""
    if signal.validity != Validity.DAY:
        return None
    return signal.instrument.schedule(signal.market_time.astimezone(IST).date()).ends_at


def _record_creation(order: Order) -> None:
    OrderTransition.objects.create(
        order=order, after=OrderState.CREATED, actor="gate", reason="approved", market_time=market_now()
    )
    record_event(
        "order.created",
        key=order.tag,
        account_id=order.account_id,
        correlation=order.signal_id,
        payload={"order": str(order)},
    )


def refuse_signal(signal: Signal, assessment: Assessment) -> None:
    first = assessment.refusals[0]
    end_signal(signal, SignalState.DENIED, f"{first.code}: {first.words}")
    for code in assessment.codes:
        transaction.on_commit(lambda code=code: metrics.REFUSALS.labels(code).inc())  # type: ignore[misc]


def end_signal(signal: Signal, state: SignalState, reason: str) -> None:
    """Give the signal its last state; a run whose wish came to nothing hears of it."""
    Signal.objects.filter(pk=signal.pk, state=SignalState.NEW).update(state=state, state_reason=reason[:300])
    record_event(
        f"signal.{state}",
        key=str(signal.pk),
        account_id=signal.account_id,
        correlation=signal.pk,
        payload={"signal": str(signal), "reason": reason},
    )
    if state != SignalState.ORDERED and signal.plan_id is None:
        notify_run(signal, "ended", str(signal.pk), outcome=str(state), reason=reason)
    transaction.on_commit(lambda: metrics.SIGNALS.labels(state).inc())


def give_up_on(signal: Signal, error: str) -> None:
    end_signal(signal, SignalState.FAILED, f"could not be judged: {error}")


@on_replay("assess_signals")
def judge_again(letter: DeadLetter) -> None:
    """Make a failed signal new again; whatever it may not do any more, the gate will say."""
    Signal.objects.filter(pk=letter.key, state=SignalState.FAILED).update(state=SignalState.NEW, attempts=0)
    wakeups.wake_stage_after_commit(wakeups.ASSESS, letter.partition, "risk")
