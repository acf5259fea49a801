"""Are the servers and processes there, and set up as they must be?"""

import shutil
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core import checks
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django_celery_beat.models import PeriodicTask

from alphapanda.celery import app
from alphapanda.core.clock.market_time import wall_now
from alphapanda.core.clock.models import Installation
from alphapanda.flight.finding import Finding, ok_finding, red_finding, warn_finding
from market.models import Feed, Shard
from trading import wakeups

GIB = 1024**3
LEAST_DISK, LOW_DISK = 1 * GIB, 5 * GIB
INSPECT_SECONDS = 2.0
# The scheduler writes down when it last ran a job every three minutes.
BEAT_MAY_BE_SILENT = timedelta(minutes=7)
NEEDED_QUEUES = ("risk", "orders.paper", "housekeeping")
EVICTION = "noeviction"


def check_installation(name: str) -> Finding:
    row = Installation.objects.first()
    if row is None:
        return red_finding(name, "the database has no installation: run migrate")
    if row.kind != settings.KIND:
        return red_finding(name, f"the database is {row.kind}, but ALPHAPANDA_KIND is {settings.KIND}")
    return ok_finding(name, f"{row.kind}, born {row.born_at:%d %b %Y}")


def check_postgresql(name: str) -> Finding:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version'), pg_is_in_recovery()")
        version, is_standby = cursor.fetchone()
    if is_standby:
        return red_finding(name, f"PostgreSQL {version} is a standby: nothing can be written")
    return ok_finding(name, f"PostgreSQL {version} answers")


def check_migrations(name: str) -> Finding:
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    missing = [f"{step.app_label} {step.name}" for step, _ in plan]
    if missing:
        return red_finding(name, f"{len(missing)} not applied ({', '.join(missing[:3])}): run migrate")
    return ok_finding(name, "all applied")


def check_valkey(name: str) -> Finding:
    client = wakeups.valkey_client()
    info: Any = client.info("server")
    policy: Any = client.config_get("maxmemory-policy")
    return valkey_keeps(name, info.get("valkey_version") or info["redis_version"], policy["maxmemory-policy"])


def valkey_keeps(name: str, version: str, policy: str) -> Finding:
    """Evicting would drop ticks and messages without a word."""
    if policy != EVICTION:
        return red_finding(
            name, f"maxmemory-policy is {policy}: it must be {EVICTION}, or ticks are lost when memory is short"
        )
    return ok_finding(name, f"Valkey {version} answers and evicts nothing")


def check_disk(name: str) -> Finding:
    folder = next(path for path in (Path(settings.STATE_DIR), *Path(settings.STATE_DIR).parents) if path.exists())
    return disk_room(name, shutil.disk_usage(folder).free, str(folder))


def disk_room(name: str, free: int, folder: str) -> Finding:
    words = f"{free / GIB:,.1f} GiB free at {folder}"
    if free < LEAST_DISK:
        return red_finding(name, f"{words}: a day needs {LEAST_DISK // GIB}")
    return warn_finding(name, words) if free < LOW_DISK else ok_finding(name, words)


def settings_for_money(name: str) -> Finding:
    """The framework's own checks for production; a practice installation is not asked them."""
    live = settings.KIND == "live"
    found = checks.run_checks(include_deployment_checks=live)
    wrong = [message for message in found if message.level >= checks.WARNING and not message.is_silenced()]
    if wrong:
        return red_finding(name, f"{len(wrong)} wrong: {'; '.join(f'{one.id} {one.msg}' for one in wrong[:3])}")
    return ok_finding(name, "fit for production" if live else "sound; practice is not asked for production's")


def check_workers(name: str) -> Finding:
    answers = app.control.inspect(timeout=INSPECT_SECONDS).active_queues() or {}
    heard = {queue["name"] for queues in answers.values() for queue in queues}
    return workers_heard(name, heard, needed_queues())


def needed_queues() -> list[str]:
    shards = Shard.objects.filter(feed__is_active=True).select_related("feed")
    accounts = Feed.objects.filter(is_active=True).exclude(data_account="").values_list("data_account", flat=True)
    brokers = sorted({f"broker.{account}" for account in accounts})
    return [*(f"ticks.{shard.name}" for shard in shards), *NEEDED_QUEUES, *brokers]


def workers_heard(name: str, heard: Iterable[str], needed: Iterable[str]) -> Finding:
    heard = set(heard)
    if missing := [queue for queue in needed if queue not in heard]:
        return red_finding(name, f"no worker answers for {', '.join(missing)}")
    if "lab" not in heard:
        return warn_finding(name, f"{len(heard)} queues are served; none of them is lab, so loads and exports wait")
    return ok_finding(name, f"{len(heard)} queues are served")


def check_beat(name: str) -> Finding:
    last_run = PeriodicTask.objects.filter(name="sweep").values_list("last_run_at", flat=True).first()
    return beat_ran(name, last_run, wall_now())


def beat_ran(name: str, last_run: datetime | None, now: datetime) -> Finding:
    if last_run is None:
        return warn_finding(name, "the scheduler has not said yet that it runs: it says so every three minutes")
    words = f"the scheduler last ran {in_minutes(now - last_run)} ago"
    if now - last_run > BEAT_MAY_BE_SILENT:
        return red_finding(name, f"{words}: lost messages are not found again")
    return ok_finding(name, words)


def in_minutes(since: timedelta) -> str:
    seconds = int(since.total_seconds())
    return f"{seconds} s" if seconds < 120 else f"{seconds // 60} min"
