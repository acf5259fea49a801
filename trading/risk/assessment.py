"""Judge signals one by one under their account's lock: an approved order, or a refusal with codes and numbers."""

import base64
import hashlib
import time
from datetime import datetime
from decimal import Decimal
from uuid import UUID

import structlog
from django.db import transaction

from alphapanda.core.clock import market_now
from alphapanda.core.clock.services import get_installation
from alphapanda.core.figures import clock_time
from alphapanda.core.journal.models import DeadLetter
from alphapanda.core.journal.services import on_replay, record_event
from alphapanda.core.telemetry import metrics
from alphapanda.core.telemetry.crashpoints import crashpoint
from alphapanda.core.timezone import IST
from instruments.domain.contracts import slice_quantity
from instruments.domain.order_terms import TAKES_MARKET, Validity
from portfolio.booking import ensure_portfolio
from portfolio.models import Account, Portfolio
from trading import wakeups
from trading.models import Deployment, Order, OrderTransition, RiskDecision, Signal
from trading.orders.attempts import attempt_row
from trading.orders.execution import wake_execution
from trading.orders.life_cycle import DeploymentState, OrderState, SignalState
from trading.orders.transitions import notify_run
from trading.risk.assess import assess
from trading.risk.exposure import exposure_of
from trading.risk.inputs import AUTOMATIC_PROTECTION, ProposedOrder
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
    if signal.kind != Signal.Kind.EXIT and now > signal.send_by:
        end_signal(signal, SignalState.EXPIRED, f"not judged before it expired at {clock_time(signal.send_by)}")
        return
    if signal.kind == Signal.Kind.ENTER and (state := _no_longer_wanted(signal)):
        end_signal(signal, SignalState.SUPERSEDED, f"its deployment is {state}")
        return
    portfolio = _portfolio_of(signal)
    exposure = exposure_of(signal, portfolio.pk, Marks.for_account(signal.account_id, now), now)
    proposed = proposed_order(signal)
    market = market_view(signal, now)
    assessment = assess(proposed, exposure, limits_of(signal), market, now)
    slices = slice_quantity(signal.quantity, market.lot_size or 1, market.freeze_quantity)
    write_decision(signal, assessment, slices, now)
    crashpoint("assess.before_commit")
    if assessment.approved:
        create_orders(signal, portfolio.pk, assessment, proposed, slices)
        end_signal(signal, SignalState.ORDERED, "approved")
    else:
        refuse_signal(signal, assessment)


def _portfolio_of(signal: Signal) -> Portfolio:
    if signal.plan is not None:
        return signal.plan.portfolio
    return ensure_portfolio(signal.account, signal.deployment_id, str(signal.deployment or ""))


def _no_longer_wanted(signal: Signal) -> str:
    """Return the state of an entry's deployment if it does not run now: a pause reaches what is on its way."""
    deployment = Deployment.objects.filter(signals=signal).exclude(state=DeploymentState.RUNNING).first()
    return deployment.state if deployment else ""


def proposed_order(signal: Signal) -> ProposedOrder:
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
        is_exit=signal.kind == Signal.Kind.EXIT,
        market_protection=protection_of(signal),
        day=signal.market_time.astimezone(IST).date(),
    )


def protection_of(signal: Signal) -> Decimal | None:
    return AUTOMATIC_PROTECTION if signal.order_type in TAKES_MARKET else None


def write_decision(signal: Signal, assessment: Assessment, slices: tuple[int, ...], now: datetime) -> RiskDecision:
    return RiskDecision.objects.create(
        signal=signal,
        approved=assessment.approved,
        refusal_codes=list(assessment.codes),
        checks=[check.as_dict() for check in assessment.checks],
        side=signal.side,
        quantity=signal.quantity,
        slices=list(slices),
        price=signal.price,
        only_shrinks=assessment.only_shrinks,
        market_time=now,
    )


def create_orders(
    signal: Signal, portfolio_id: UUID, assessment: Assessment, proposed: ProposedOrder, slices: tuple[int, ...]
) -> list[Order]:
    """Write the orders of a signal, one a slice, each with its share of the exposure the whole reserves."""
    value = proposed.value or Decimal(0)
    orders = []
    for number, quantity in enumerate(slices, start=1):
        reserved = value * quantity / proposed.quantity
        orders.append(_create_order(signal, portfolio_id, number, quantity, reserved, assessment.only_shrinks))
    wake_execution(signal.account)
    return orders


def _create_order(
    signal: Signal, portfolio_id: UUID, number: int, quantity: int, reserved: Decimal, is_exit: bool
) -> Order:
    order = Order.objects.create(
        tag=tag_of(signal, number),
        signal=signal,
        slice=number,
        account=signal.account,
        portfolio_id=portfolio_id,
        deployment=signal.deployment,
        instrument=signal.instrument,
        side=signal.side,
        quantity=quantity,
        order_type=signal.order_type,
        product=signal.product,
        validity=signal.validity,
        price=signal.price,
        trigger_price=signal.trigger_price,
        market_protection=protection_of(signal),
        is_exit=is_exit,
        reserved=reserved.quantize(Decimal("0.0001")),
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


def tag_of(signal: Signal, slice_number: int = 1) -> str:
    """ "AP" and 14 characters from the installation's salt, the signal's key and the slice: the same in any replay."""
    name = signal.key if slice_number == 1 else f"{signal.key}|{slice_number}"
    digest = hashlib.sha256(f"{get_installation().salt}|{name}".encode()).digest()
    return "AP" + base64.b32encode(digest).decode()[:14]


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
