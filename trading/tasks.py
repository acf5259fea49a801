"""Celery tasks: each drains one partition and wakes itself again if there is more. A few lines each."""

import gc
from typing import Any

import structlog
from celery import shared_task
from celery.signals import task_prerun, worker_init, worker_process_init
from django.conf import settings
from django.db import connections

from alphapanda.celery import app
from alphapanda.core.journal.announcements import forget_loop
from market.models import Shard
from portfolio.models import Account
from trading import wakeups
from trading.stages import drain_stage

log = structlog.get_logger()


@worker_init.connect
def warm_parent(sender: Any = None, **_: object) -> None:
    # Children are forked with the strategies imported: importing them inside a task eats its time limit.
    from trading.run.loaded_code import announce_code
    from trading.strategies.registry import read_catalogue
    from trading.ticks import rebuild  # noqa: F401

    for broken in read_catalogue(settings.STRATEGY_PACKAGES).unreadable:
        log.error("strategies_unreadable", module=broken.module, error=broken.words)
    if sender is not None:
        announce_code(sender.hostname, list(app.amqp.queues.consume_from))
    gc.freeze()


@worker_process_init.connect
def start_child(**_: object) -> None:
    # A forked child has none of its parent's threads.
    forget_loop()


@task_prerun.connect
def drop_dead_connections(**_: object) -> None:
    # Connections are kept for ever (CELERY_DB_REUSE_MAX), so nobody else notices that PostgreSQL was restarted.
    for connection in connections.all():
        connection.close_if_unusable_or_obsolete()


@shared_task(name="trading.tasks.process_ticks")
def process_ticks(shard_id: str) -> None:
    from trading.ticks.drain import process_ticks as drain

    has_more = True
    try:
        has_more = drain(shard_id)
    finally:
        # With nothing left the drain has cleared its flag before its last look; what stands now is somebody's call.
        if has_more:
            wakeups.clear_awake_flag(wakeups.TICKS, shard_id)
    if has_more:
        shard = Shard.objects.select_related("feed").get(pk=shard_id)
        wakeups.wake_stage(wakeups.TICKS, shard_id, f"ticks.{shard.name}")


@shared_task(name="trading.tasks.assess_signals")
def assess_signals(account_id: str) -> None:
    drain_stage(wakeups.ASSESS, account_id)


@shared_task(name="trading.tasks.follow_exits")
def follow_exits(account_id: str) -> None:
    drain_stage(wakeups.EXITS, account_id)


@shared_task(name="trading.tasks.execute_orders")
def execute_orders(account_id: str) -> None:
    drain_stage(wakeups.EXECUTE, account_id)


@shared_task(name="trading.tasks.execute_exits")
def execute_exits(account_id: str) -> None:
    drain_stage(wakeups.EXECUTE_EXITS, account_id)


@shared_task(name="trading.tasks.book_trades")
def book_trades(account_id: str) -> None:
    drain_stage(wakeups.BOOK, account_id)


@shared_task(name="trading.tasks.warm_up")
def warm_up(run_id: str) -> None:
    from trading.brokers.warm_up import warm_up as fetch

    fetch(run_id)


@shared_task(name="trading.tasks.fetch_bands")
def fetch_bands(account: str) -> None:
    from alphapanda.core.clock import market_now
    from trading.brokers import price_bands
    from trading.brokers.choice import market_data_of
    from trading.orders.broker_port import BrokerError

    now = market_now()
    try:
        lacking = list(price_bands.instruments_lacking_bands(account, now))
        price_bands.fetch_bands(market_data_of(account), lacking, now)
    except BrokerError as error:
        # The sweeper asks again; meanwhile the exchange judges prices, as it does anyhow.
        log.warning("bands_not_told", account=account, error=repr(error))


@shared_task(name="trading.tasks.fetch_settlement_prices")
def fetch_settlement_prices(account: str) -> None:
    from alphapanda.core.clock import market_now
    from trading.brokers.choice import market_data_of
    from trading.brokers.settlement_prices import fetch_settlement_prices as fetch
    from trading.orders.broker_port import BrokerError

    try:
        fetch(market_data_of(account), market_now())
    except BrokerError as error:
        # The sweeper asks again; meanwhile the contracts wait, and Live says so.
        log.warning("settlement_prices_not_told", account=account, error=repr(error))


@shared_task(name="trading.tasks.write_login_addresses")
def write_login_addresses(account: str) -> None:
    from trading.logins import write_addresses

    wakeups.clear_awake_flag(wakeups.LOGIN_ADDRESS, account)
    write_addresses(account)


@shared_task(name="trading.tasks.complete_login")
def complete_login(account: str) -> None:
    from trading.logins import complete_login as complete

    wakeups.clear_awake_flag(wakeups.LOGIN, account)
    complete(account)


@shared_task(name="trading.tasks.book_expiries")
def book_expiries(account_id: str) -> None:
    from trading.orders.expiries import book_expiries as drain

    wakeups.clear_awake_flag(wakeups.EXPIRIES, account_id)
    drain(account_id)


@shared_task(name="trading.tasks.apply_corporate_actions")
def apply_corporate_actions(partition: str) -> None:
    from alphapanda.core.clock import market_now
    from trading.orders.corporate_actions import apply_corporate_actions as drain

    wakeups.clear_awake_flag(wakeups.ACTIONS, partition)
    drain(market_now())


@shared_task(name="trading.tasks.fetch_adjusted_history")
def fetch_adjusted_history(account: str) -> None:
    from alphapanda.core.clock import market_now
    from trading.brokers.adjusted_history import fetch_adjusted_history as fetch
    from trading.brokers.choice import market_data_of
    from trading.orders.broker_port import BrokerError

    try:
        fetch(account, market_data_of(account), market_now())
    except BrokerError as error:
        # The sweeper asks again; meanwhile the runs are paused, with their exits kept.
        log.warning("history_not_told", account=account, error=repr(error))


# Hours, and delivered once: Valkey would hand a message that is not acknowledged in a minute to another worker.
@shared_task(name="trading.tasks.run_backtests", acks_late=False, soft_time_limit=86_000, time_limit=86_400)
def run_backtests(partition: str) -> None:
    from trading.lab.jobs import work_off

    wakeups.clear_awake_flag(wakeups.BACKTESTS, partition)
    work_off()


@shared_task(name="trading.tasks.sweep")
def sweep() -> None:
    from alphapanda.core.clock.market_time import wall_now
    from trading.lab.jobs import wake_for_backtests
    from trading.ticks.sweeping import sweep_partitions as wake_all

    wake_all()
    wake_for_backtests(wall_now())


@shared_task(name="trading.tasks.trim_streams")
def trim_streams() -> None:
    """Apart from the sweep: a slow disk must keep nobody from being woken."""
    from trading.ticks import trimming

    trimming.trim_streams()


@shared_task(name="trading.tasks.sample_lag")
def sample_lag() -> None:
    from alphapanda.core.clock.market_time import wall_now
    from trading.ticks import lag

    lag.sample_lag(wall_now())


@shared_task(name="trading.tasks.exit_what_is_due")
def exit_what_is_due() -> None:
    """Leave what is past its flat-by and no run has asked to leave: feeds can be silent, and hands have no run."""
    from alphapanda.core.clock import market_now
    from alphapanda.core.clock.market_time import clock_stands
    from trading.exits import flat_by

    if not clock_stands():
        flat_by.exit_what_is_due(market_now())


@shared_task(name="trading.tasks.take_snapshots")
def take_snapshots() -> None:
    """Write each portfolio's profit once a minute of market time."""
    from trading.risk.profit_snapshots import snapshot_account

    for account in Account.objects.active():
        snapshot_account(account)


@shared_task(name="trading.tasks.drop_unneeded_subscriptions")
def drop_unneeded_subscriptions() -> None:
    from trading.orders.watching import drop_unneeded

    if dropped := drop_unneeded():
        log.info("subscriptions_dropped", number=dropped, why="orders by hand of days before")
