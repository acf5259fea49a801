"""What the instruments app does on its own: today's dump in the morning, a look at the calendar's end."""

import structlog
from celery import shared_task

from instruments.broker_dump import load_from_broker
from instruments.health import calendar_problems
from instruments.sync import LoadRefused

log = structlog.get_logger()


@shared_task(soft_time_limit=150, time_limit=180)
def load_instruments(exchanges: list[str] | None = None) -> None:
    """Load the broker's dump; belongs on a broker queue, where a session is. A refusal is kept as a row."""
    try:
        report = load_from_broker(exchanges or ())
    except LoadRefused as refused:
        log.warning("instruments_refused", problems=[str(problem) for problem in refused.problems])
    else:
        log.info("instruments_loaded", **report.totals())


@shared_task
def check_calendar() -> None:
    for problem in calendar_problems():
        log.warning("calendar_needs_care", problem=problem)
