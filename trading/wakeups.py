"""Say that there may be work in a partition. A lost message costs at most one sweep; a repeated one costs nothing.

Valkey first hears that somebody has been woken (for two seconds nobody else need say it again), then the task is
sent. The task first clears that flag and only then reads, so work that arrives while it reads wakes it anew. The
tick drain, which waits a while for more, keeps the flag up meanwhile and clears it before its last look.
"""

import redis
import structlog
from django.conf import settings
from django.db import transaction
from kombu.exceptions import OperationalError

from alphapanda.celery import app
from alphapanda.core.telemetry import metrics
from portfolio.models import Account

log = structlog.get_logger()
AWAKE_SECONDS = 2
# A task that reaches its time limit is killed with the worker's memory; what is left wakes the stage again.
LONGEST_DRAIN_SECONDS = 5.0
ASSESS, EXECUTE, BOOK, TICKS = "assess_signals", "execute_orders", "book_trades", "process_ticks"
EXITS, EXECUTE_EXITS = "follow_exits", "execute_exits"
WARM_UP, BANDS = "warm_up", "fetch_bands"
ACTIONS, HISTORY = "apply_corporate_actions", "fetch_adjusted_history"
EXPIRIES, SETTLEMENT = "book_expiries", "fetch_settlement_prices"
BACKTESTS = "run_backtests"
LOGIN_ADDRESS, LOGIN = "write_login_addresses", "complete_login"
# The broker takes its time, and asking it again only waits behind the first.
LONG_STAGES = {WARM_UP: 30, BANDS: 300, SETTLEMENT: 300, HISTORY: 60, BACKTESTS: 30}
_client: redis.Redis | None = None


def valkey_client() -> redis.Redis:
    global _client
    if _client is None:
        _client = redis.Redis.from_url(settings.REDIS_URL, **settings.REDIS_TIMEOUTS)
    return _client


def wake_stage(stage: str, partition: object, queue: str) -> None:
    """Send the stage's task unless it was sent just now. A dead Valkey is only logged: the sweeper will do it."""
    try:
        if valkey_client().set(awake_flag_of(stage, partition), 1, nx=True, ex=LONG_STAGES.get(stage, AWAKE_SECONDS)):
            app.send_task(f"trading.tasks.{stage}", args=[str(partition)], queue=queue)
    except (redis.RedisError, OperationalError) as error:
        metrics.ANNOUNCEMENTS_LOST.labels("wake").inc()
        log.warning("wake_lost", stage=stage, partition=str(partition), error=repr(error))


def hold_awake_flag(stage: str, partition: object) -> None:
    """Keep the flag up while the stage is at work anyhow; whoever holds it must clear it before the last look."""
    valkey_client().set(awake_flag_of(stage, partition), 1, ex=AWAKE_SECONDS)


def wake_stage_after_commit(stage: str, partition: object, queue: str) -> None:
    transaction.on_commit(lambda: wake_stage(stage, partition, queue))


def clear_awake_flag(stage: str, partition: object) -> None:
    """Clear the flag: what is committed from now on wakes the stage again. A dead Valkey is no reason not to work."""
    try:
        valkey_client().delete(awake_flag_of(stage, partition))
    except redis.RedisError as error:
        log.warning("awake_flag_not_cleared", stage=stage, partition=str(partition), error=repr(error))


def awake_flag_of(stage: str, partition: object) -> str:
    # The feed sets the same flag for its shards: market wakes process_ticks by name.
    return f"awake:{partition}" if stage == TICKS else f"awake:{stage}:{partition}"


def orders_queue(account: Account, *, is_exit: bool = False) -> str:
    """Return the queue whose workers may send an account's orders; a live account's exits have one of their own."""
    if account.mode == Account.Mode.PAPER:
        return "orders.paper"
    return f"{'exits' if is_exit else 'orders'}.{account.name}"


def books_queue(account: Account) -> str:
    """Return the queue whose workers may hear of an account's trades."""
    return "housekeeping" if account.mode == Account.Mode.PAPER else f"broker.{account.name}"


def wake_execution(account: Account, *, is_exit: bool = False) -> None:
    """Let an account's orders leave once this transaction is committed; cancellations go the way of exits."""
    stage = EXECUTE_EXITS if is_exit and account.mode != Account.Mode.PAPER else EXECUTE
    wake_stage_after_commit(stage, account.pk, orders_queue(account, is_exit=is_exit))
