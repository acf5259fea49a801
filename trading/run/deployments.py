"""Start, stop, pause and resume deployments; a stop leaves nothing open that nobody looks after."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F, Max

from alphapanda.core.clock import market_now
from alphapanda.core.figures import signed_whole
from alphapanda.core.journal.services import record_event
from instruments.models import Instrument
from market.subscriptions import drop_subscriptions, subscribe_instrument
from portfolio.booking import ensure_portfolio
from portfolio.models import Position
from trading import wakeups
from trading.errors import NotAllowed, insist_on_rehearsal
from trading.models import Deployment, Order, Run, RunInput, Signal
from trading.orders.life_cycle import DeploymentState, SignalState, may_advance
from trading.run.hosts import UnknownStrategy, run_terms, strategy_class, terms_json
from trading.run.loaded_code import insist_on_code, reload_worker
from trading.strategies.parameters import BadParameters
from trading.strategies.registry import code_hash

S = DeploymentState


def start_deployment(deployment: Deployment, by: str) -> Run:
    """Begin a run: it warms up on history, then hears ticks. Raises NotAllowed or ValidationError in words."""
    parameters = check_parameters(deployment.strategy.name, deployment.parameters)
    _check_startable(deployment)
    code = _current_code(deployment)
    with transaction.atomic():
        now = market_now()
        if not move_deployment(deployment.pk, S.WARMING, f"started by {by}", frm=[S.STOPPED]):
            raise NotAllowed(f"{deployment.name} is not stopped")
        run = Run.objects.create(
            deployment=deployment,
            number=(deployment.runs.aggregate(last=Max("number"))["last"] or 0) + 1,
            code_hash=code,
            parameters=parameters,
            terms=terms_json(deployment),
            started_at=now,
        )
        ensure_portfolio(deployment.account, deployment.pk, deployment.name)
        for instrument in deployment.instruments.all():
            subscribe_instrument(deployment.shard.feed, instrument, "full", ref=ref_of(deployment), wants_candles=True)
        transaction.on_commit(lambda: ask_warm_up(run))
    return run


def _current_code(deployment: Deployment) -> str:
    """Return the hash of the strategy's code as it stands. Raises NotAllowed if its worker has another in memory."""
    code = code_hash(strategy_class(deployment.strategy.name))
    insist_on_code(deployment.shard, deployment.strategy.name, code)
    return code


def needs_reload(deployment: Deployment) -> bool:
    """Whether the deployment's worker has other code of its strategy than there is on the disk."""
    try:
        _current_code(deployment)
    except UnknownStrategy:
        return False
    except NotAllowed:
        return True
    return False


def reload_deployment(deployment: Deployment, by: str) -> None:
    """Let the deployment's worker read all strategies anew, theirs who run in it too; a run of changed code is paused.

    Raises NotAllowed.
    """
    reload_worker(deployment.shard)
    payload = {"by": by, "shard": deployment.shard.name}
    record_event("worker.reloaded", key=str(deployment.pk), account_id=deployment.account_id, payload=payload)


def _check_startable(deployment: Deployment) -> None:
    instruments = list(deployment.instruments.all())
    insist_on_rehearsal(deployment.account)
    if gone := [one.key for one in instruments if not one.listed]:
        raise NotAllowed(f"no longer listed: {', '.join(gone)}")
    try:
        run_terms(terms_json(deployment), instruments)
    except ValueError as problem:
        raise NotAllowed(str(problem)) from problem


def ask_warm_up(run: Run) -> None:
    """Ask the data account's broker worker for history; the sweeper asks again while the run is warming."""
    account = run.deployment.shard.feed.data_account
    wakeups.wake_stage(wakeups.WARM_UP, run.pk, f"broker.{account}")


def note_warming(run: Run, words: str) -> None:
    """Say how far the fetching of a run's history is, where its reason stands."""
    Deployment.objects.filter(pk=run.deployment_id, state=S.WARMING).update(state_reason=words[:300])


def ref_of(deployment: Deployment) -> str:
    return f"deployment:{deployment.pk}"


def stop_deployment(deployment: Deployment, by: str) -> None:
    """End the run. Refused while it holds a position or has orders out: they would be nobody's."""
    with transaction.atomic():
        locked = Deployment.objects.select_for_update(no_key=True).get(pk=deployment.pk)
        if locked.state == S.STOPPED:
            raise NotAllowed(f"{deployment.name} is stopped already")
        move_deployment(locked.pk, S.STOPPED, f"stopped by {by}")
        _check_nothing_left(locked)
        run = locked.runs.get(ended_at__isnull=True)
        run.ended_at, run.ended_reason = market_now(), f"stopped by {by}"
        run.save(update_fields=["ended_at", "ended_reason"])
        notify_run(run, "end", "end", {})
        drop_subscriptions(ref_of(locked))
        Deployment.objects.filter(pk=locked.pk).update(stop_when_flat_by="")


def stop_if_flat(deployment: Deployment) -> bool:
    """End a run that was to stop once flat, if it is. False: something is held or out, or nobody asked."""
    current = Deployment.objects.get(pk=deployment.pk)
    if not current.stop_when_flat_by or current.state == S.STOPPED:
        return False
    try:
        stop_deployment(current, current.stop_when_flat_by)
    except NotAllowed:
        return False
    return True


def _check_nothing_left(deployment: Deployment) -> None:
    held = Position.objects.open().filter(portfolio__deployment_id=deployment.pk).select_related("instrument")
    if names := [f"{signed_whole(position.quantity)} {position.instrument.tradingsymbol}" for position in held]:
        raise NotAllowed(f"it still holds {', '.join(names)}: exit and stop, or pause it and let its stops work")
    if orders := Order.objects.live().filter(deployment=deployment).count():
        raise NotAllowed(f"{orders} of its orders may still fill: cancel them first")


@transaction.atomic
def pause_deployment(deployment: Deployment, by: str, reason: str = "") -> None:
    """Let a run decide nothing more; its stops, targets and flat-by time are kept. One that warms up stops there."""
    words = f"paused by {by}" + (f": {reason}" if reason else "")
    if not move_deployment(deployment.pk, S.PAUSED, words, frm=[S.RUNNING, S.WARMING]):
        raise NotAllowed(f"{deployment.name} is not running")
    run = deployment.runs.get(ended_at__isnull=True)
    notify_run(run, "exits_only", f"pause-{_version(deployment)}", {"reason": words})


def resume_deployment(deployment: Deployment, by: str) -> None:
    """Let a paused run decide again; after a fault it begins anew on history, as does one that never began."""
    current = Deployment.objects.get(pk=deployment.pk)
    if current.state not in (S.PAUSED, S.HALTED):
        raise NotAllowed(f"{deployment.name} is not paused")
    run = deployment.runs.get(ended_at__isnull=True)
    known = Instrument.objects.by_keys(run.terms["instruments"])
    if gone := [key for key in run.terms["instruments"] if key not in known or not known[key].listed]:
        raise NotAllowed(f"no longer listed: {', '.join(gone)}")
    if _current_code(deployment) != run.code_hash:
        raise NotAllowed("its code has changed since this run began: stop it and start it again")
    if run.inputs.filter(kind="begin").exists():
        notify_run(run, "resume", f"resume-{current.version}", {"until": market_now().isoformat(), "by": by})
    elif move_deployment(current.pk, S.WARMING, f"resumed by {by}", frm=[S.PAUSED, S.HALTED]):
        transaction.on_commit(lambda: ask_warm_up(run))


def change_parameters(deployment: Deployment, parameters: dict[str, Any], by: str) -> None:
    """Change a stopped deployment's parameters; a run keeps those it began with. Raises ValidationError by name."""
    checked = check_parameters(deployment.strategy.name, parameters)
    changed = Deployment.objects.filter(pk=deployment.pk, state=S.STOPPED).update(
        parameters=checked, version=F("version") + 1
    )
    if not changed:
        raise NotAllowed(f"{deployment.name} is {deployment.state}: stop it before changing its parameters")
    payload = {"from": deployment.parameters, "to": checked, "by": by}
    record_event("deployment.parameters", key=str(deployment.pk), account_id=deployment.account_id, payload=payload)


def check_parameters(strategy: str, parameters: dict[str, Any]) -> dict[str, Any]:
    try:
        return strategy_class(strategy).Parameters.from_json(parameters).to_json()
    except BadParameters as bad:
        raise ValidationError({name: list(words) for name, words in bad.errors.items()}) from bad


@transaction.atomic
def pause_run(run_id: UUID, reason: str, traceback: str = "") -> None:
    """Pause the deployment of a run on the system's own account; ``traceback``, if code raised, is kept to be read."""
    run = Run.objects.select_related("deployment").get(pk=run_id)
    if move_deployment(run.deployment_id, S.PAUSED, reason, frm=[S.RUNNING, S.WARMING]):
        payload = {"reason": reason, "traceback": traceback}
        notify_run(run, "exits_only", f"pause-{_version(run.deployment)}", payload)


def notify_run(run: Run, kind: str, ref: str, payload: dict[str, Any]) -> None:
    RunInput.objects.get_or_create(run=run, kind=kind, ref=ref, defaults={"payload": payload})


def _version(deployment: Deployment) -> int:
    return Deployment.objects.values_list("version", flat=True).get(pk=deployment.pk)


@transaction.atomic
def move_deployment(
    deployment_id: UUID, to: DeploymentState, reason: str, frm: Sequence[DeploymentState] | None = None
) -> bool:
    """Move a deployment on by one conditional UPDATE. False: it is not in a state that may become ``to``.

    What it asked and nobody has judged yet is withdrawn with a pause (its entries) and with a stop (everything).
    """
    allowed = [state for state in (frm or S) if state != to and may_advance(state, to)]
    moved = Deployment.objects.filter(pk=deployment_id, state__in=allowed).update(
        state=to, state_reason=reason[:300], state_since=market_now(), version=F("version") + 1
    )
    if moved:
        account_id = Deployment.objects.values_list("account_id", flat=True).get(pk=deployment_id)
        record_event(f"deployment.{to}", key=str(deployment_id), account_id=account_id, payload={"reason": reason})
    if moved and to in (S.PAUSED, S.HALTED, S.STOPPED):
        _withdraw_signals(deployment_id, reason, entries_only=to != S.STOPPED)
    return bool(moved)


def _withdraw_signals(deployment_id: UUID, reason: str, *, entries_only: bool) -> None:
    """Supersede what waits to be judged. One that is being judged just now is waited for: it is an order then."""
    waiting = Signal.objects.filter(deployment_id=deployment_id, state=SignalState.NEW).order_by("id")
    chosen = waiting.filter(kind=Signal.Kind.ENTER) if entries_only else waiting
    for signal in chosen.select_for_update(no_key=True, of=("self",)).select_related("run", "instrument"):
        Signal.objects.filter(pk=signal.pk).update(state=SignalState.SUPERSEDED, state_reason=reason[:300])
        payload = {"signal": str(signal), "reason": reason}
        record_event(
            "signal.superseded",
            key=str(signal.pk),
            account_id=signal.account_id,
            correlation=signal.pk,
            payload=payload,
        )
        told = {"instrument": signal.instrument.key, "number": signal.ordinal, "outcome": "superseded"}
        if signal.run:
            notify_run(signal.run, "ended", str(signal.pk), told | {"reason": reason})
