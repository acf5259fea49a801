"""What the last checkpoints say of the open runs, for whoever wants to show it."""

from uuid import UUID

from trading.models import Checkpoint, Run
from trading.run.host import RunHost
from trading.run.position import Levels


def checkpointed_levels() -> dict[tuple[UUID, str], Levels]:
    """Return the stops and targets of open runs by deployment and instrument key; at most 30 s of market time old."""
    deployments = dict(Run.objects.filter(ended_at__isnull=True).values_list("pk", "deployment_id"))
    return {
        (deployments[UUID(run_id)], key): levels
        for hosts in Checkpoint.objects.values_list("memory__runs", flat=True)
        for run_id, host in (hosts or {}).items()
        if UUID(run_id) in deployments
        for key, levels in RunHost.levels_in(host).items()
    }
