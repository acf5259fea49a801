"""Who is told when nobody looks, and what they were told of what is wrong now."""

from __future__ import annotations

from typing import TypedDict

from django.conf import settings
from django.urls import reverse

from alphapanda.alerts.models import Alert
from alphapanda.core import roles
from alphapanda.core.figures import clock_time, counted
from alphapanda.dashboard.panels.ages import Age, read_now
from alphapanda.dashboard.panels.context import PageContext


class AlertRow(TypedDict):
    """``address`` is where its button says that somebody knows; absent where that was said, or it needs nobody."""

    key: str
    icon: str
    tone: str
    words: str
    told: str
    address: str | None
    needs: str


class AlertsPanel(TypedDict):
    age: Age
    counts: str
    rows: list[AlertRow]
    empty: str


def alerts_panel(page: PageContext) -> AlertsPanel:
    rows = [alert_row(row) for row in Alert.objects.filter(ended_at__isnull=True).order_by("-opened_at")]
    to = len(settings.ALERT_URLS)
    empty = "Nothing to tell." if to else "Nobody is told of trouble: ALERT_URLS names no address."
    return {
        "age": read_now(page),
        "counts": f"to {counted(to, 'address', 'addresses')}" if to else "",
        "rows": rows,
        "empty": "" if rows else empty,
    }


def alert_row(row: Alert) -> AlertRow:
    needs_word = row.is_urgent and row.acknowledged_at is None
    return {
        "key": str(row.pk),
        "icon": "cross" if row.is_urgent else "warn",
        "tone": "fault" if needs_word else "warn",
        "words": row.words,
        "told": told_words(row),
        "address": reverse("dashboard:acknowledge_alert", args=[row.pk]) if needs_word else None,
        "needs": roles.needs("acknowledge_alert"),
    }


def told_words(row: Alert) -> str:
    since = f"since {clock_time(row.opened_at)}"
    if row.trouble:
        return f"{since}; not told: {row.trouble}"
    told = f"told {counted(row.times_said, 'time')}" if row.times_said else "not told yet"
    known = f"; {row.acknowledged_by} knows" if row.acknowledged_at else ""
    return f"{since}, {told}{known}"
