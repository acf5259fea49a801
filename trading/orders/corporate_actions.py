"""Let splits and bonus issues take effect: in the books, the candles kept, the runs of the share, and its exits."""

from datetime import datetime

from django.db import transaction
from django.db.models import Sum

from alphapanda.core.timezone import IST
from instruments.domain.order_terms import Side
from instruments.domain.prices import ceil_to_tick, floor_to_tick
from instruments.models import CorporateAction
from instruments.querysets import CorporateActionQuerySet
from market.candle_store import drop_history
from portfolio.adjusting import book_adjustment, due_adjustments
from trading.models import ExitPlan, Order, Run
from trading.orders.life_cycle import DeploymentState
from trading.run import deployments


def are_due(now: datetime) -> bool:
    """Whether an ex-date has come and something does not know of it yet."""
    return _untold(now).exists() or bool(due_adjustments(now))


def apply_corporate_actions(now: datetime) -> None:
    """Let every action whose ex-date has come take effect, once, oldest first. Harmless if done twice."""
    for account_id, action in due_adjustments(now):
        book_adjustment(account_id, action)
    for action in _untold(now):
        _take_effect(action, now)


def _untold(now: datetime) -> CorporateActionQuerySet:
    return CorporateAction.objects.begun(now.astimezone(IST).date()).filter(taken_effect_at__isnull=True)


@transaction.atomic
def _take_effect(action: CorporateAction, now: datetime) -> None:
    locked = CorporateAction.objects.select_for_update(of=("self",), no_key=True).select_related("instrument")
    action = locked.get(pk=action.pk)
    if action.taken_effect_at is not None:
        return
    drop_history(action.instrument, before=action.at)
    runs = Run.objects.filter(ended_at__isnull=True, deployment__instruments=action.instrument)
    for run in runs.filter(started_at__lt=action.at).select_related("deployment").order_by("pk"):
        _notify_run(run, action)
    for plan in ExitPlan.objects.unfinished().filter(instrument=action.instrument, opened_at__lt=action.at):
        _adjust_exit(plan, action)
    action.taken_effect_at = now
    action.save(update_fields=["taken_effect_at"])


def _adjust_exit(plan: ExitPlan, action: CorporateAction) -> None:
    """Let a part still asked for be as many new shares, and the prices it is asked at be theirs.

    What has been closed of it stays counted as it was. A limit is rounded to the side a person is better off on.
    """
    closed = Order.objects.filter(signal__plan=plan).aggregate(closed=Sum("filled_quantity"))["closed"] or 0
    if plan.quantity is not None:
        plan.quantity = closed + max(0, plan.quantity - closed) * action.becomes // action.held
    if plan.limit is not None:
        onto = floor_to_tick if plan.side == Side.BUY else ceil_to_tick
        plan.limit = onto(plan.limit * action.held / action.becomes, action.instrument.tick_size)
    # What it was decided on is a price of the old shares: its next order is judged by one of the new.
    plan.reference_price = plan.bid = plan.ask = plan.quote_at = None
    plan.step, plan.stepped_at = 0, None
    plan.save()


def _notify_run(run: Run, action: CorporateAction) -> None:
    """Adjust a run's position and stop, and pause it until its history has been fetched anew."""
    reason = f"{action}; its history is fetched anew"
    deployments.move_deployment(run.deployment_id, DeploymentState.PAUSED, reason, frm=[DeploymentState.RUNNING])
    run.deployment.refresh_from_db()
    payload = {
        "instrument": action.instrument.key,
        "held": action.held,
        "becomes": action.becomes,
        "version": run.deployment.version if run.deployment.state_reason == reason[:300] else None,
    }
    deployments.notify_run(run, "adjusted", str(action.pk), payload)
