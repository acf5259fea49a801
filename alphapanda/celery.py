"""The Celery application; tasks are found in each app's tasks.py."""

import os
from typing import Any

from celery import Celery
from celery.signals import beat_init, celeryd_init, setup_logging, worker_process_init, worker_ready

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "alphapanda.settings")

app = Celery("alphapanda")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect
def _keep_our_logging(**_: object) -> None:
    """Celery would set another level and other handlers."""


@worker_process_init.connect
@worker_ready.connect
def _log_what_is_printed(**_: object) -> None:
    app.log.redirect_stdouts("WARNING")


@celeryd_init.connect
def _publish_lines(sender: str, **_: object) -> None:
    """Before the worker forks: what it forks shows its lines under the same name."""
    from alphapanda.core.telemetry import live_lines

    live_lines.begin_publishing(sender)


@worker_ready.connect
def _begin_worker(sender: Any, **_: object) -> None:
    from alphapanda.core.telemetry import heartbeats

    heartbeats.begin_heartbeat(sender.hostname, ", ".join(sorted(app.amqp.queues.consume_from)))


@beat_init.connect
def _begin_beat(**_: object) -> None:
    from alphapanda.core.telemetry import heartbeats, live_lines

    live_lines.begin_publishing("beat")
    heartbeats.begin_heartbeat("beat", "periodic tasks")
