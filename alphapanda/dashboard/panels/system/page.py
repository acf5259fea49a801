"""System: processes, feeds, queues, what waits in each stage, what was given up, and what was loaded."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, TypedDict

from django.conf import settings

from alphapanda.core.figures import UNKNOWN, whole
from alphapanda.dashboard.panels.ages import Age, read_now
from alphapanda.dashboard.panels.context import PageContext
from alphapanda.dashboard.panels.shell import CommonFacts, common_facts
from alphapanda.dashboard.panels.system.alerts import AlertsPanel, alerts_panel
from alphapanda.dashboard.panels.system.history import LagPanel, StartsPanel, lag_panel, starts_panel
from alphapanda.dashboard.panels.system.keeping import KeepingPanel, keeping_panel
from alphapanda.dashboard.panels.system.processes import FeedsPanel, ProcessesPanel, feeds_panel, processes_panel
from alphapanda.dashboard.panels.system.work import (
    LettersPanel,
    QueuesPanel,
    StagesPanel,
    letters_panel,
    queues_panel,
    stages_panel,
)
from instruments.models import Instrument, InstrumentLoad, TradingSession
from market.models import Recording
from portfolio.health import book_problems

CALENDAR_WARNING = timedelta(days=31)
CHARTS = "npm/lightweight-charts"


class SystemSnapshot(CommonFacts):
    age: Age
    processes: ProcessesPanel
    feeds: FeedsPanel
    stages: StagesPanel
    queues: QueuesPanel
    letters: LettersPanel
    alerts: AlertsPanel
    data: DataPanel
    books: BooksPanel
    keeping: KeepingPanel
    lag: LagPanel
    starts: StartsPanel
    charts_missing: bool


def system_snapshot(user: Any) -> SystemSnapshot:
    """Return how the machine itself is doing. ``user`` is asked for what each page asks."""
    page = PageContext()
    return {
        **common_facts(page),
        "age": read_now(page),
        "processes": processes_panel(page),
        "feeds": feeds_panel(page),
        "stages": stages_panel(page),
        "queues": queues_panel(page),
        "letters": letters_panel(page),
        "alerts": alerts_panel(page),
        "data": data_panel(page),
        "books": books_panel(page),
        "keeping": keeping_panel(page),
        "lag": lag_panel(page),
        "starts": starts_panel(page),
        "charts_missing": not any(
            isinstance(entry, tuple) and entry[0] == CHARTS for entry in settings.STATICFILES_DIRS
        ),
    }


class DataPanel(TypedDict):
    rows: list[dict[str, str]]
    age: Age


def data_panel(page: PageContext) -> DataPanel:
    """What was loaded, and how far the calendar reaches."""
    load = InstrumentLoad.objects.first()
    ends = TradingSession.objects.ends_on()
    soon = ends is None or ends - page.day < CALENDAR_WARNING
    listed = Instrument.objects.listed().count()
    recording = Recording.objects.select_related("feed").first()
    rows = [
        ("instruments", "Instruments", f"{whole(listed)} listed", "", "live"),
        ("load", "Last load", load_words(load), "fault" if load and load.state == "refused" else "", "live"),
        (
            "calendar",
            "Calendar",
            f"known until {ends:%d %b %Y}" if ends else UNKNOWN,
            "warn" if soon else "",
            "stale" if soon else "live",
        ),
        ("recording", "Recording", recording_words(recording), "", "live" if recording else "unknown"),
    ]
    names = ("key", "name", "words", "tone", "icon")
    return {"rows": [dict(zip(names, row, strict=True)) for row in rows], "age": read_now(page)}


def load_words(load: InstrumentLoad | None) -> str:
    if load is None:
        return "none yet: load_instruments"
    day = f"{load.day:%d %b %Y}" if load.day else "an unknown day"
    problem = f": {load.problems[0]}" if load.state == "refused" and load.problems else ""
    return f"{load.state}, of {day}{problem}"


def recording_words(recording: Recording | None) -> str:
    if recording is None:
        return "none"
    return f"{recording.feed.name}, {recording.day:%d %b}: {whole(recording.frames)} frames, {recording.state}"


class BooksPanel(TypedDict):
    rows: list[dict[str, str]]
    age: Age
    empty: str


def books_panel(page: PageContext) -> BooksPanel:
    problems = book_problems()
    rows = [{"key": str(number), "words": words} for number, words in enumerate(problems)]
    return {
        "rows": rows,
        "age": read_now(page),
        "empty": "" if rows else "Every position is the sum of its trades, and every trade is charged.",
    }
