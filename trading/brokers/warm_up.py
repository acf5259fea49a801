"""Fetch what a run needs to begin: candles of the past, and the day's price bands. For the data account's worker."""

from datetime import timedelta
from uuid import UUID

import structlog
from django.db import transaction

from alphapanda.core.clock import market_now
from instruments.models import Instrument
from market.candle_store import store_history
from trading import wakeups
from trading.brokers.choice import market_data_of
from trading.brokers.price_bands import fetch_bands
from trading.models import Deployment, Run
from trading.orders.life_cycle import DeploymentState as S
from trading.run import deployments
from trading.run.hosts import strategy_class

log = structlog.get_logger()
MINUTES_A_DAY = 375


def warm_up(run_id: UUID | str) -> None:
    """Store the candles the run's strategy asks for, then tell the run to begin. Harmless if done twice."""
    run = Run.objects.select_related("deployment__strategy", "deployment__shard__feed").get(pk=run_id)
    if run.ended_at or run.deployment.state != S.WARMING:
        return
    data, now = market_data_of(run.deployment.shard.feed.data_account), market_now()
    wanted = strategy_class(run.deployment.strategy.name)
    parameters = wanted.Parameters.from_json(run.parameters)
    instruments = list(Instrument.objects.by_keys(run.terms["instruments"]).values())
    bars = wanted(parameters, []).warmup()
    for instrument in instruments:
        for interval, count in bars.items():
            rows = data.fetch_history(instrument.instrument_token, interval, now - span_of(interval, count), now)
            # The newest candle is still being formed; the tick drain will close it itself.
            closed = [row for row in rows if row.start + timedelta(minutes=interval) <= now]
            store_history(instrument, interval, closed)
    fetch_bands(data, instruments, now)
    with transaction.atomic():
        # A pause that came meanwhile is heard after the beginning, or there is none.
        if not Deployment.objects.select_for_update(no_key=True).filter(pk=run.deployment_id, state=S.WARMING).exists():
            return
        deployments.notify_run(run, "begin", "begin", {"until": now.isoformat()})
        shard = run.deployment.shard
        wakeups.wake_stage_after_commit(wakeups.TICKS, shard.pk, f"ticks.{shard.name}")
    log.info("run_warmed", run=str(run), instruments=len(instruments))


def span_of(interval: int, count: int) -> timedelta:
    """Return how far back ``count`` candles reach at the most, holidays and weekends among them."""
    days = 1 + count * interval // MINUTES_A_DAY if interval < 1440 else count
    return timedelta(days=days * 2 + 6)
