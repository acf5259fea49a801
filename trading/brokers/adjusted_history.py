"""Fetch history anew for runs whose share was split, and let them learn and decide again."""

from datetime import datetime

import structlog
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from trading import wakeups
from trading.brokers.data_port import MarketData
from trading.brokers.warm_up import fetch_series, series_of
from trading.errors import NOBODYS_FAULT
from trading.models import RunInput
from trading.orders.broker_port import BrokerError
from trading.orders.life_cycle import DeploymentState
from trading.run import deployments

log = structlog.get_logger()


def wake_for_history() -> int:
    """Ask the data accounts' broker workers for history that splits have made wrong. Returns how many were asked."""
    accounts = waiting_runs().values_list("run__deployment__shard__feed__data_account", flat=True)
    names = sorted(set(accounts))
    for account in names:
        wakeups.wake_stage(wakeups.HISTORY, account, f"broker.{account}")
    return len(names)


def waiting_runs() -> QuerySet[RunInput]:
    """Return what open runs were told of splits and have not learnt anew since."""
    learnt = RunInput.objects.filter(kind="relearn", run=OuterRef("run"), ref=OuterRef("ref"))
    told = RunInput.objects.filter(kind="adjusted", run__ended_at__isnull=True)
    return told.filter(~Exists(learnt)).order_by("id")


def fetch_adjusted_history(account: str, data: MarketData, now: datetime) -> int:
    """Fetch adjusted candles for the runs that wait for them on this account's feeds, five seconds at a time.

    Returns how many runs have all of theirs. Raises BrokerError; a run for which anything else goes wrong stays paused.
    """
    ours = waiting_runs().filter(run__deployment__shard__feed__data_account=account)
    waiting = list(ours.select_related("run__deployment__strategy", "run__deployment__shard__feed"))
    for done, told in enumerate(waiting):
        try:
            missing = fetch_series(data, told.run, series_of(told.run))
        except (BrokerError, *NOBODYS_FAULT):
            raise
        except Exception:
            log.exception("run_not_adjusted", run=str(told.run))
            _let_learn(told, now, may_resume=False)
            continue
        if missing:
            wakeups.clear_awake_flag(wakeups.HISTORY, account)
            wakeups.wake_stage(wakeups.HISTORY, account, f"broker.{account}")
            return done
        _let_learn(told, now)
    return len(waiting)


@transaction.atomic
def _let_learn(told: RunInput, now: datetime, may_resume: bool = True) -> None:
    """Resume the run if it may and nobody has touched its deployment since it was paused for the split."""
    deployment = told.run.deployment
    deployment.refresh_from_db()
    is_ours = deployment.state == DeploymentState.PAUSED and deployment.version == told.payload["version"]
    payload = {"until": now.isoformat(), "resume": is_ours and may_resume, "by": "the split"}
    deployments.notify_run(told.run, "relearn", told.ref, payload)
    shard = deployment.shard
    wakeups.wake_stage_after_commit(wakeups.TICKS, shard.pk, f"ticks.{shard.name}")
