"""The process that tells people: it looks every few seconds, and asks of itself no more than that it lives."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import DatabaseError, connection

from alphapanda.alerts import sending, services
from alphapanda.alerts.rules import AGAIN, WAITS, Wrong
from alphapanda.core.clock.market_time import market_now, wall_now
from alphapanda.dashboard.panels.live.page import findings_now
from alphapanda.dashboard.panels.live.verdict import Finding
from alphapanda.runner.morning import Morning

log = structlog.get_logger()
LOOK_SECONDS = 5.0
PING_EVERY = timedelta(seconds=60)
# Worth a line on a page, not a message: they pass by themselves, or a person has just done it.
PAGE_ONLY = frozenset({"near_limits", "stale_prices", "renames", "reduce_only"})
URGENT = frozenset({"needs_person", "unconfirmed", "kept_intraday", "to_leave", "silent_processes"})
LOCK = 7_215_004


class Alerting:
    """Looks until it is stopped. What PostgreSQL cannot keep for it, it keeps itself: its being away."""

    def __init__(self) -> None:
        self.stopped = threading.Event()
        self.morning = Morning()
        self.pinged_at: datetime | None = None
        self.away_since: datetime | None = None
        self.away_said_at: datetime | None = None

    def run(self) -> None:
        while not self.stopped.wait(LOOK_SECONDS):
            self.look_once(wall_now())

    def look_once(self, now: datetime) -> None:
        try:
            if is_alone():
                services.look([*whats_wrong(), *self.morning.wrong(market_now(), now)], now)
        except DatabaseError as error:
            connection.close()
            self.note_away(now, repr(error))
            return
        self.note_back()
        self.ping_if_due(now)

    def note_away(self, now: datetime, why: str) -> None:
        """Say it after a while, and again: no row can be written, so nobody can say that they know."""
        self.away_since = self.away_since or now
        is_long = now - self.away_since >= WAITS["no_database"]
        if not is_long or (self.away_said_at and now - self.away_said_at < AGAIN):
            return
        log.error("database_away", since=str(self.away_since), why=why)
        words = f"{settings.ALERT_NAME}: the database does not answer."
        try:
            sending.say(words, "No order is judged, no stop is sent. See the machine.", is_urgent=True)
            self.away_said_at = now
        except sending.NotSaid as problem:
            log.warning("alert_not_said", key="no_database", why=str(problem))

    def note_back(self) -> None:
        if self.away_said_at:
            try:
                sending.say(f"{settings.ALERT_NAME}: over: the database answers again.", "Orders are judged again.")
            except sending.NotSaid as problem:
                log.warning("alert_end_not_said", key="no_database", why=str(problem))
        self.away_since = self.away_said_at = None

    def ping_if_due(self, now: datetime) -> None:
        """Tell the watcher outside that the desk lives: what it does not hear for minutes, it reports itself."""
        if not settings.ALERT_PING_URL or (self.pinged_at and now - self.pinged_at < PING_EVERY):
            return
        try:
            sending.ping()
            self.pinged_at = now
        except sending.NotSaid as problem:
            log.warning("ping_not_sent", why=str(problem))


def whats_wrong() -> Iterator[Wrong]:
    """Yield what Live says is wrong, in Live's own words."""
    for finding in findings_now():
        if finding.key not in PAGE_ONLY:
            yield as_wrong(finding)


def as_wrong(finding: Finding) -> Wrong:
    detail = "\n".join(line.text for line in finding.lines)
    is_urgent = finding.tone == "fault" or finding.key in URGENT
    return Wrong(finding.key, finding.headline, detail, is_urgent=is_urgent)


def is_alone() -> bool:
    """Whether this process holds the lock, for as long as its connection: of two, one speaks and the other waits."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])
        return bool(cursor.fetchone()[0])
