"""Let splits and bonus issues take effect: in the books, in the candles kept, and in the runs of the share."""

from datetime import datetime

from django.db import transaction

from alphapanda.core.timezone import IST
from instruments.models import CorporateAction
from instruments.querysets import CorporateActionQuerySet
from market.candle_store import drop_history
from portfolio.adjusting import book_adjustment, due_adjustments
from trading.models import Run
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
    action.taken_effect_at = now
    action.save(update_fields=["taken_effect_at"])


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
