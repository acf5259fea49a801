"""Fetch what a run needs to begin: candles of the past, and the day's price bands. For the data account's worker."""

import time
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

import structlog
from django.db import transaction

from alphapanda.core.clock import market_now
from alphapanda.core.timezone import IST
from instruments.models import Instrument
from market.board import traded_under
from market.kept_history import keep_history, kept_series, missing_since
from trading import wakeups
from trading.brokers.choice import market_data_of
from trading.brokers.data_port import MarketData
from trading.brokers.price_bands import fetch_bands
from trading.errors import NOBODYS_FAULT
from trading.models import Deployment, Run
from trading.orders.broker_port import BrokerError
from trading.orders.life_cycle import DeploymentState as S
from trading.run import deployments
from trading.run.faults import error_words, traceback_of
from trading.run.hosts import strategy_class

log = structlog.get_logger()
MINUTES_A_DAY = 375


class Series(NamedTuple):
    """Candles of one instrument and interval (minutes), and how many a strategy wants of them."""

    instrument: Instrument
    interval: int
    bars: int


def warm_up(run_id: UUID | str) -> None:
    """Store the candles the run's strategy asks for, five seconds at a time, then tell the run to begin.

    Harmless if done twice. A broker that does not answer is asked again by the sweeper; whatever else goes wrong
    pauses the run.
    """
    run = Run.objects.select_related("deployment__strategy", "deployment__shard__feed").get(pk=run_id)
    if run.ended_at or run.deployment.state != S.WARMING:
        return
    try:
        _go_on(run)
    except BrokerError as silence:
        log.warning("history_not_told", run=str(run), error=repr(silence))
        deployments.note_warming(run, f"waits for history: the broker says {silence or repr(silence)}; asked again")
    except NOBODYS_FAULT:
        raise
    except Exception as error:
        log.exception("run_not_warmed", run=str(run))
        deployments.pause_run(run.pk, f"it cannot warm up: {error_words(error)}", traceback_of(error))


def _go_on(run: Run) -> None:
    """Fetch the next piece; with the last one the run begins."""
    data = market_data_of(run.deployment.shard.feed.data_account)
    series = series_of(run)
    if missing := fetch_series(data, run, series):
        deployments.note_warming(run, f"fetching history: {len(series) - missing} of {len(series)} series of candles")
        wakeups.clear_awake_flag(wakeups.WARM_UP, run.pk)
        deployments.ask_warm_up(run)
        return
    now = market_now()
    fetch_bands(data, list(Instrument.objects.by_keys(run.terms["instruments"]).values()), now)
    with transaction.atomic():
        # A pause that came meanwhile is heard after the beginning, or there is none.
        if not Deployment.objects.select_for_update(no_key=True).filter(pk=run.deployment_id, state=S.WARMING).exists():
            return
        deployments.notify_run(run, "begin", "begin", {"until": now.isoformat()})
        shard = run.deployment.shard
        wakeups.wake_stage_after_commit(wakeups.TICKS, shard.pk, f"ticks.{shard.name}")
    log.info("run_warmed", run=str(run), series=len(series))


def series_of(run: Run) -> list[Series]:
    """Return what the run's strategy wants to learn from. Raises UnknownStrategy, BadParameters, or what it raises.

    What has expired or gone is asked for by none: its token may be another's.
    """
    instruments = Instrument.objects.by_keys(run.terms["instruments"]).values()
    traded = traded_under(instruments, market_now().astimezone(IST).date()).values()
    wanted = strategy_class(run.deployment.strategy.name)
    bars = wanted(wanted.Parameters.from_json(run.parameters), []).warmup()
    return [Series(one, interval, count) for one in traded for interval, count in bars.items()]


def fetch_series(data: MarketData, run: Run, series: list[Series]) -> int:
    """Fetch what is missing of ``series`` until five seconds are over. Returns how many are still to be fetched."""
    deadline = time.monotonic() + wakeups.LONGEST_DRAIN_SECONDS
    kept = kept_series([one.instrument for one in series])
    for at, (instrument, interval, bars) in enumerate(series):
        now = market_now()
        known = kept.get((instrument.pk, interval))
        since = missing_since(known, interval, now - span_of(interval, bars), now, run.started_at)
        if since is None:
            continue
        if time.monotonic() > deadline:
            return len(series) - at
        rows = data.fetch_history(instrument.instrument_token, interval, since, now)
        keep_history(instrument, interval, rows, since, now)
    return 0


def span_of(interval: int, count: int) -> timedelta:
    """Return how far back ``count`` candles reach at the most, holidays and weekends among them."""
    days = 1 + count * interval // MINUTES_A_DAY if interval < 1440 else count
    return timedelta(days=days * 2 + 6)
