"""Alerts kept in rows, said outside of any transaction."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import structlog
from django.conf import settings
from django.db import transaction

from alphapanda.alerts import sending
from alphapanda.alerts.models import Alert
from alphapanda.alerts.rules import Act, Open, Wrong, acts
from alphapanda.core.clock.market_time import wall_now
from alphapanda.core.figures import clock_time
from alphapanda.core.journal.services import record_event

log = structlog.get_logger()


def look(wrong: Iterable[Wrong], now: datetime) -> None:
    """Bring the rows up to date with what is wrong now, and say what is due."""
    found = {each.key: each for each in wrong}
    due = list(acts(found.values(), map(as_open, open_alerts()), now))
    for act, key in due:
        if act is Act.OPEN:
            open_alert(found[key], now)
    refresh(found, now)
    for act, key in due:
        if act is Act.SAY:
            say(Alert.objects.get(key=key, ended_at__isnull=True), now)
        elif act is Act.END:
            end(Alert.objects.get(key=key, ended_at__isnull=True), now)


def open_alerts() -> list[Alert]:
    return list(Alert.objects.filter(ended_at__isnull=True).order_by("opened_at"))


def as_open(row: Alert) -> Open:
    is_acknowledged = row.acknowledged_at is not None
    return Open(
        row.key,
        row.is_urgent,
        row.opened_at,
        row.last_seen_at,
        row.said_at,
        row.tried_at,
        is_acknowledged=is_acknowledged,
    )


def open_alert(wrong: Wrong, now: datetime) -> None:
    Alert.objects.create(
        key=wrong.key,
        words=wrong.words[:300],
        detail=wrong.detail,
        is_urgent=wrong.is_urgent,
        opened_at=now,
        last_seen_at=now,
    )


def refresh(found: dict[str, Wrong], now: datetime) -> None:
    for row in Alert.objects.filter(ended_at__isnull=True, key__in=found):
        seen = found[row.key]
        row.words, row.detail, row.is_urgent, row.last_seen_at = seen.words[:300], seen.detail, seen.is_urgent, now
        row.save(update_fields=["words", "detail", "is_urgent", "last_seen_at"])


def say(row: Alert, now: datetime) -> None:
    """Send it; a failure stays in the row, and is tried again."""
    since = f"Since {clock_time(row.opened_at)}." if row.times_said else ""
    known = "Press “I know” on System to hear it no more." if row.is_urgent else ""
    body = "\n".join(filter(None, (row.detail, since, known))) or row.words
    try:
        sending.say(f"{settings.ALERT_NAME}: {row.words}", body, is_urgent=row.is_urgent)
    except sending.NotSaid as problem:
        log.warning("alert_not_said", key=row.key, why=str(problem))
        Alert.objects.filter(pk=row.pk).update(trouble=str(problem)[:300], tried_at=now)
        return
    said = {"said_at": now, "times_said": row.times_said + 1, "trouble": "", "tried_at": None}
    with transaction.atomic():
        Alert.objects.filter(pk=row.pk).update(**said)
        if not row.times_said:
            record_event("alert.said", key=row.key, payload={"words": row.words})


def end(row: Alert, now: datetime) -> None:
    """It is over: whoever heard of it hears that too, once, whether that is taken or not."""
    Alert.objects.filter(pk=row.pk).update(ended_at=now)
    if not row.times_said:
        return
    try:
        sending.say(f"{settings.ALERT_NAME}: over: {row.words}", f"It began at {clock_time(row.opened_at)}.")
    except sending.NotSaid as problem:
        log.warning("alert_end_not_said", key=row.key, why=str(problem))


@transaction.atomic
def acknowledge(row: Alert, by: str) -> None:
    """Somebody knows: it is said no more while it lasts."""
    known = Alert.objects.filter(pk=row.pk, ended_at__isnull=True, acknowledged_at__isnull=True)
    if known.update(acknowledged_at=wall_now(), acknowledged_by=by[:100]):
        record_event("alert.acknowledged", key=row.key, payload={"by": by, "words": row.words})
