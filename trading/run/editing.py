"""Write what a person edits: a deployment's terms while it is stopped, and limits; each change is an event."""

from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.db.models import F

from alphapanda.core.journal.services import record_event
from instruments.models import Instrument
from trading.errors import NotAllowed
from trading.models import Deployment, RiskLimit
from trading.orders.life_cycle import DeploymentState
from trading.run.deployments import change_parameters, check_parameters

TERMS = ("name", "product", "sizing", "size", "order_style", "entry_from", "entry_until", "flat_by")


@transaction.atomic
def create_deployment(
    deployment: Deployment, parameters: dict[str, Any], instruments: Iterable[Instrument], by: str
) -> Deployment:
    """Write a new deployment, stopped. Raises ValidationError for parameters its strategy does not take."""
    deployment.parameters = check_parameters(deployment.strategy.name, parameters)
    deployment.save(force_insert=True)
    deployment.instruments.set(instruments)
    _record_change(deployment, "deployment.founded", {"by": by, "parameters": deployment.parameters})
    return deployment


@transaction.atomic
def change_deployment(
    deployment: Deployment, parameters: dict[str, Any], instruments: Iterable[Instrument], by: str
) -> None:
    """Write a stopped deployment's edited terms. Raises NotAllowed once it runs: a run keeps what it began with."""
    stands = lock_stopped(deployment)
    changed = {term: getattr(deployment, term) for term in TERMS if getattr(stands, term) != getattr(deployment, term)}
    if changed:
        Deployment.objects.filter(pk=deployment.pk).update(**changed, version=F("version") + 1)
        _record_change(
            deployment, "deployment.terms", {"by": by, "to": {name: str(value) for name, value in changed.items()}}
        )
    if check_parameters(stands.strategy.name, parameters) != stands.parameters:
        change_parameters(stands, parameters, by)
    deployment.instruments.set(instruments)
    deployment.refresh_from_db()


def lock_stopped(deployment: Deployment) -> Deployment:
    """Return the row, held until the transaction ends, so that nobody starts it meanwhile. Raises NotAllowed."""
    locked = Deployment.objects.select_for_update(no_key=True).get(pk=deployment.pk)
    if locked.state != DeploymentState.STOPPED:
        raise NotAllowed(f"{locked.name} is {locked.state}: stop it before changing it")
    return locked


@transaction.atomic
def set_limits(limits: RiskLimit, by: str) -> None:
    """Write limits and who set them. They hold for the next order judged."""
    limits.save()
    values = {
        field.name: str(value)
        for field in RiskLimit._meta.concrete_fields
        if not field.is_relation and field.name != "id" and (value := getattr(limits, field.name)) is not None
    }
    payload = {"by": by, "of": str(limits.deployment or limits.account), "limits": values}
    record_event("limits.changed", key=str(limits.pk), account_id=limits.account_id, payload=payload)


def _record_change(deployment: Deployment, kind: str, payload: dict[str, Any]) -> None:
    record_event(kind, key=str(deployment.pk), account_id=deployment.account_id, payload=payload)
