"""What the last checkpoints say of the open runs, for whoever wants to show it."""

from decimal import Decimal
from uuid import UUID

from trading.models import Checkpoint, Run
from trading.run.host import RunHost


def checkpointed_stops() -> dict[tuple[UUID, str], Decimal]:
    """Return the stops of open runs by deployment and instrument key; at most 30 s of market time old."""
    deployments = dict(Run.objects.filter(ended_at__isnull=True).values_list("pk", "deployment_id"))
    return {
        (deployments[UUID(run_id)], key): stop
        for hosts in Checkpoint.objects.values_list("memory__runs", flat=True)
        for run_id, host in (hosts or {}).items()
        if UUID(run_id) in deployments
        for key, stop in RunHost.stops_in(host).items()
    }
