"""Open an exit: by a run, by time, by a person, by the kill switch.

There is one a holding; a more urgent request takes it over, with all that rests for it.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction

from alphapanda.core.clock import market_now
from alphapanda.core.ids import new_id
from instruments.domain.order_terms import Side
from instruments.models import Instrument
from portfolio.models import Account, Portfolio, Position
from trading import wakeups
from trading.errors import NotAllowed
from trading.exits.announcing import announce_exit
from trading.exits.plans import ExitRequest, take_over
from trading.models import Deployment, ExitPlan, Order, Run, Signal
from trading.orders import gates, kill_switch
from trading.orders.life_cycle import DeploymentState, GateState, SignalState, Urgency
from trading.orders.requests import ask_cancellation, quote_seen
from trading.orders.strangers import cancel_strangers
from trading.orders.transitions import write_run_input
from trading.run import deployments


@transaction.atomic
def open_exit(
    portfolio: Portfolio,
    instrument: Instrument,
    product: str,
    side: str,
    request: ExitRequest,
    now: datetime,
    run: Run | None = None,
) -> ExitPlan:
    """Open the exit of a holding, or let the open one take over what is more urgent in the request."""
    Account.objects.locked(portfolio.account_id)
    plan = ExitPlan.objects.of_holding(portfolio.pk, instrument.pk, product).select_for_update(no_key=True).first()
    if plan is not None:
        _escalate(plan, request, now)
    else:
        holding = {"portfolio": portfolio, "instrument": instrument, "product": product, "side": side}
        plan = _create_plan(holding, request, now, run or _open_run(portfolio))
    wakeups.wake_stage_after_commit(wakeups.EXITS, portfolio.account_id, "risk")
    return plan


def _create_plan(holding: dict[str, Any], request: ExitRequest, now: datetime, run: Run | None) -> ExitPlan:
    portfolio: Portfolio = holding["portfolio"]
    plan = ExitPlan.objects.create(
        **holding,
        key=request.key,
        account_id=portfolio.account_id,
        deployment_id=portfolio.deployment_id,
        run=run,
        quantity=request.quantity,
        limit=request.limit,
        urgency=request.urgency,
        reason=request.reason[:300],
        numbers=dict(request.numbers),
        number=request.number,
        asked_by=request.asked_by,
        opened_at=now,
        look_at=now,
        **request.seen,
    )
    announce_exit(plan, "opened", reason=request.reason, by=request.asked_by)
    return plan


def _open_run(portfolio: Portfolio) -> Run | None:
    if portfolio.deployment_id is None:
        return None
    return Run.objects.filter(deployment_id=portfolio.deployment_id, ended_at__isnull=True).first()


def _escalate(plan: ExitPlan, request: ExitRequest, now: datetime) -> None:
    if take_over(plan, request, now):
        announce_exit(plan, "escalated", reason=request.reason, by=request.asked_by)
    plan.save()


def exit_holding(
    position: Position,
    urgency: Urgency,
    reason: str,
    by: str,
    quantity: int | None = None,
    limit: Decimal | None = None,
) -> ExitPlan:
    """Leave a position by hand, by time or by the kill switch; its entries still on their way are taken back.

    Raises NotAllowed where nothing is held, or where a limit by hand works for the holding already.
    """
    now = market_now()
    with transaction.atomic():
        portfolio, instrument = position.portfolio, position.instrument
        Account.objects.locked(portfolio.account_id)
        position.refresh_from_db(fields=["quantity"])
        if not position.quantity:
            raise NotAllowed(f"nothing of {instrument.tradingsymbol} is held there any more")
        if limit is not None and ExitPlan.objects.of_holding(portfolio.pk, instrument.pk, position.product).exists():
            raise NotAllowed(f"an exit of {instrument.tradingsymbol} is under way already")
        side = Side.SELL if position.quantity > 0 else Side.BUY
        request = ExitRequest(
            urgency, reason, f"exit:{by}:{new_id()}", quantity=quantity, limit=limit, asked_by=by,
            seen=quote_seen(instrument, now),
        )  # fmt: skip
        plan = open_exit(portfolio, instrument, position.product, side, request, now)
        if limit is None:
            take_back_entries(portfolio, reason, by, now, instrument)
    return plan


def take_back_entries(
    portfolio: Portfolio, reason: str, by: str, now: datetime, instrument: Instrument | None = None
) -> None:
    """Cancel a portfolio's entries, and supersede those not yet judged: what is left shall not come back."""
    which = {"instrument": instrument} if instrument else {}
    entries = Order.objects.cancellable().filter(portfolio=portfolio, is_exit=False, **which)
    for order in entries.select_related("account"):
        ask_cancellation(order, by, now)
    if portfolio.deployment_id is None:
        return
    waiting = Signal.objects.filter(deployment_id=portfolio.deployment_id, kind=Signal.Kind.ENTER, **which)
    for signal in waiting.filter(state=SignalState.NEW).select_related("instrument"):
        ended = Signal.objects.filter(pk=signal.pk, state=SignalState.NEW)
        if ended.update(state=SignalState.SUPERSEDED, state_reason=reason[:300]) and signal.run_id:
            payload = {"outcome": str(SignalState.SUPERSEDED), "reason": reason}
            write_run_input(signal.run_id, "ended", str(signal.pk), signal.instrument.key, signal.ordinal, **payload)


def exit_deployment(deployment: Deployment, by: str, urgency: Urgency = Urgency.NOW) -> list[ExitPlan]:
    """Leave all a deployment holds, whatever state it is in, and let it enter nothing more until it is resumed."""
    _let_it_decide_nothing(deployment, by)
    portfolio = Portfolio.objects.filter(deployment_id=deployment.pk).first()
    if portfolio is None:
        return []
    take_back_entries(portfolio, f"exit by {by}", by, market_now())
    return [exit_holding(one, urgency, f"exit by {by}", by) for one in open_positions(portfolio=portfolio)]


def _let_it_decide_nothing(deployment: Deployment, by: str) -> None:
    deployment.refresh_from_db(fields=["state"])
    if deployment.state in (DeploymentState.RUNNING, DeploymentState.WARMING):
        deployments.pause_deployment(deployment, by, "leaves all it holds")


def exit_and_stop(deployment: Deployment, by: str) -> list[ExitPlan]:
    """Leave all it holds, then end the run: at once if nothing is held, else when the last of it is flat."""
    deployment.refresh_from_db(fields=["state"])
    if deployment.state == DeploymentState.STOPPED:
        raise NotAllowed(f"{deployment.name} is stopped already")
    Deployment.objects.filter(pk=deployment.pk).update(stop_when_flat_by=by)
    plans = exit_deployment(deployment, by)
    deployments.stop_if_flat(deployment)
    return plans


def open_positions(**which: Any) -> list[Position]:
    held = Position.objects.open().filter(**which)
    return list(held.select_related("portfolio__account", "instrument").order_by("id"))


def flatten(account: Account | None, by: str, reason: str = "") -> list[ExitPlan]:
    """The last level of the kill switch: let nothing new in, take every entry back, and leave every position.

    Orders at the broker that are not ours are cancelled too: one that fills would open anew what is left.

    A halt that stands is kept: exits pass it.
    """
    accounts = [account] if account else list(Account.objects.active())
    for one in accounts:
        if gates.gate_in_force(one.pk) == GateState.ACTIVE:
            kill_switch.close_gate(account, GateState.REDUCE_ONLY, by, reason or "flatten", only_stricter=True)
    words = f"flattened by {by}" + (f": {reason}" if reason else "")
    for portfolio in Portfolio.objects.filter(account__in=accounts).select_related("account"):
        take_back_entries(portfolio, words, by, market_now())
    cancel_strangers(account, by)
    held = open_positions(portfolio__account__in=accounts)
    return [exit_holding(position, Urgency.FLATTEN, words, by) for position in held]


@transaction.atomic
def withdraw_exit(plan: ExitPlan, by: str) -> None:
    """Take a limit by hand back. Any other exit goes on until it is flat. Raises NotAllowed in words."""
    Account.objects.locked(plan.account_id)
    locked = ExitPlan.objects.select_for_update(no_key=True).get(pk=plan.pk)
    if not locked.is_open:
        raise NotAllowed("it is over already")
    if locked.urgency != Urgency.HAND_LIMIT:
        raise NotAllowed("only a limit by hand can be taken back: any other exit goes on until it is flat")
    locked.withdrawn_by, locked.look_at = by, market_now()
    locked.save(update_fields=["withdrawn_by", "look_at"])
    announce_exit(locked, "withdrawn", by=by)
    wakeups.wake_stage_after_commit(wakeups.EXITS, locked.account_id, "risk")
