"""System: processes, feeds, queues, what waits in each stage, what was given up, and what was loaded."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, TypedDict

import redis
from django.conf import settings
from django.db.models import Count, Min
from django.urls import reverse

from alphapanda.core.figures import UNKNOWN, age, counted, iso
from alphapanda.core.journal.models import DeadLetter
from alphapanda.core.telemetry.heartbeats import Process, read_processes
from alphapanda.dashboard.panels.ages import Age, fixed_age, read_now
from alphapanda.dashboard.panels.context import PageContext
from alphapanda.dashboard.panels.live.facts import FEED_ICONS
from alphapanda.dashboard.panels.shell import CommonFacts, common_facts
from instruments.models import Instrument, InstrumentLoad, TradingSession
from market.models import FeedLease, Recording, Shard
from market.quotes import FeedState
from portfolio.health import book_problems
from trading.models import Order, PaperOrder, PaperRequest, PaperTrade, RunInput, Signal
from trading.orders.life_cycle import OrderState, SignalState
from trading.wakeups import valkey_client

CALENDAR_WARNING = timedelta(days=31)
SHOWN_LETTERS = 30
QUEUES = ("risk", "orders.paper", "housekeeping", "lab")
CHARTS = "npm/lightweight-charts"


class SystemSnapshot(CommonFacts):
    age: Age
    processes: ProcessesPanel
    feeds: FeedsPanel
    stages: StagesPanel
    queues: QueuesPanel
    letters: LettersPanel
    data: DataPanel
    books: BooksPanel
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
        "data": data_panel(page),
        "books": books_panel(page),
        "charts_missing": not any(
            isinstance(entry, tuple) and entry[0] == CHARTS for entry in settings.STATICFILES_DIRS
        ),
    }


class ProcessesPanel(TypedDict):
    rows: list[Any] | list[ProcessRow]
    age: Age
    empty: str


def processes_panel(page: PageContext) -> ProcessesPanel:
    """Every process and when it was last heard."""
    try:
        rows = [process_row(process, page.wall) for process in read_processes(valkey_client(), page.wall)]
    except redis.RedisError:
        return {
            "rows": [],
            "age": fixed_age("failed", "Valkey not reached"),
            "empty": "Valkey did not answer, so nobody knows which processes live.",
        }
    return {"rows": rows, "age": read_now(page), "empty": "" if rows else "No process has been heard yet."}


class ProcessRow(TypedDict):
    key: str
    name: str
    does: str
    icon: str
    tone: str
    state: str
    heard: str
    since: str
    pid: str


def process_row(process: Process, wall: datetime) -> ProcessRow:
    silent = process.is_silent(wall)
    return {
        "key": process.name,
        "name": process.name,
        "does": process.does,
        "icon": "dead" if silent else "live",
        "tone": "fault" if silent else "",
        "state": "Silent" if silent else "Running",
        "heard": f"{age(process.silence(wall).total_seconds())} ago",
        "since": age((wall - process.started_at).total_seconds()),
        "pid": str(process.pid),
    }


class FeedsPanel(TypedDict):
    rows: list[Any] | list[FeedRow]
    age: Age
    empty: str


def feeds_panel(page: PageContext) -> FeedsPanel:
    """Every feed with its lease, and how far the processing of its stream is behind."""
    if page.feeds is None:
        return {
            "rows": [],
            "age": fixed_age("failed", "Valkey not reached"),
            "empty": "Valkey did not answer, so nothing is known of the feeds.",
        }
    leases = {lease.feed.name: lease for lease in FeedLease.objects.select_related("feed")}
    shards: dict[str, list[Shard]] = {}
    for shard in Shard.objects.select_related("feed"):
        shards.setdefault(shard.feed.name, []).append(shard)
    names = sorted({*page.feeds, *leases})
    rows = [feed_row(name, page.feeds.get(name), leases.get(name), shards.get(name, [])) for name in names]
    return {"rows": rows, "age": read_now(page), "empty": "" if rows else "No feed has run yet."}


class FeedRow(TypedDict):
    key: str
    name: str
    icon: str
    tone: str
    state: str
    note: str
    frame: str
    names: str
    epoch: str
    holder: str
    position: str
    lag: str


def feed_row(name: str, state: FeedState | None, lease: FeedLease | None, shards: list[Shard]) -> FeedRow:
    icon, tone = FEED_ICONS[state.state] if state else ("unknown", "")
    return {
        "key": name,
        "name": name,
        "icon": icon,
        "tone": tone,
        "state": state.state.capitalize() if state else UNKNOWN,
        "note": state.reason if state else "",
        "frame": UNKNOWN if state is None or state.frame_age_ms is None else age(state.frame_age_ms / 1000),
        "names": str(state.subscribed) if state else UNKNOWN,
        "epoch": f"{lease.epoch}" if lease else UNKNOWN,
        "holder": lease.holder or "nobody" if lease else UNKNOWN,
        "position": f"{state.epoch}-{state.n}" if state else UNKNOWN,
        "lag": ", ".join(lag_words(shard, state) for shard in shards) or UNKNOWN,
    }


def lag_words(shard: Shard, state: FeedState | None) -> str:
    """Entries appended and not yet processed; positions of different epochs cannot be subtracted."""
    if state is None or not state.n:
        return f"{shard.name}: {UNKNOWN}"
    if shard.epoch != state.epoch:
        return f"{shard.name}: at {shard.epoch}-{shard.n}, another epoch"
    return f"{shard.name}: {counted(max(0, state.n - shard.n), 'entry', 'entries')} behind"


class StagesPanel(TypedDict):
    age: Age
    rows: list[StageRow]


def stages_panel(page: PageContext) -> StagesPanel:
    """Rows that wait for each stage. PostgreSQL is asked, not the queues: a message may be lost, a row is not."""
    return {"age": read_now(page), "rows": [stage_row(page, *stage) for stage in list_stages(page)]}


def list_stages(page: PageContext) -> list[tuple[str, str, Any, str]]:
    due = PaperRequest.objects.filter(is_done=False, arrives_at__lte=page.now)
    return [
        ("assess_signals", "signals to be judged", Signal.objects.filter(state=SignalState.NEW), "created_at"),
        ("execute_orders", "orders to be sent", Order.objects.filter(state=OrderState.CREATED), "created_at"),
        (
            "execute_orders",
            "orders without an answer",
            Order.objects.filter(state=OrderState.UNCONFIRMED),
            "claimed_at",
        ),
        ("process_ticks", "requests due at the paper exchange", due, "written_at"),
        ("book_trades", "trades to be booked", PaperTrade.objects.filter(is_booked=False), ""),
        ("book_trades", "reports to be read", PaperOrder.objects.filter(is_reported=False), ""),
        (
            "process_ticks",
            "news for runs",
            RunInput.objects.filter(epoch__isnull=True, run__ended_at__isnull=True),
            "written_at",
        ),
    ]


class StageRow(TypedDict):
    key: str
    stage: str
    what: str
    waiting: Any
    oldest: str


def stage_row(page: PageContext, stage: str, what: str, rows: Any, since: str) -> StageRow:
    wanted = {"n": Count("pk")} | ({"since": Min(since)} if since else {})
    found = rows.order_by().aggregate(**wanted)
    oldest: datetime | None = found.get("since")
    waited = age((page.wall - oldest).total_seconds()) if oldest else ""
    return {
        "key": what,
        "stage": stage,
        "what": what,
        "waiting": found["n"],
        "oldest": waited or ("none" if not found["n"] else "not told"),
    }


class QueuesPanel(TypedDict):
    rows: list[Any] | list[dict[str, object]]
    age: Age
    empty: str


def queues_panel(page: PageContext) -> QueuesPanel:
    """Lengths of the task queues: each message says only that there may be work."""
    try:
        rows = [{"key": name, "name": name, "length": length} for name, length in queue_lengths().items()]
    except redis.RedisError as error:
        return {
            "rows": [],
            "age": fixed_age("failed", "not reached"),
            "empty": f"Valkey did not answer ({type(error).__name__}). The sweeper wakes every stage once it does.",
        }
    return {"rows": rows, "age": read_now(page), "empty": ""}


def queue_lengths() -> dict[str, int]:
    shards = Shard.objects.select_related("feed")
    names = [*QUEUES, *(f"ticks.{shard.name}" for shard in shards)]
    names += sorted({f"broker.{shard.feed.data_account}" for shard in shards if shard.feed.data_account})
    pipeline = valkey_client().pipeline(transaction=False)
    for name in names:
        pipeline.llen(name)
    return dict(zip(names, pipeline.execute(), strict=True))


class LettersPanel(TypedDict):
    counts: str
    age: Age
    rows: list[dict[str, int | str | None]]
    empty: str


def letters_panel(page: PageContext) -> LettersPanel:
    letters = DeadLetter.objects.filter(state=DeadLetter.State.OPEN)[:SHOWN_LETTERS]
    rows = [
        {
            "key": str(letter.pk),
            "at": iso(letter.created_at),
            "task": letter.task,
            "row": str(letter.payload.get("row") or letter.key),
            "error": letter.error.splitlines()[-1][:300] if letter.error else "",
            "attempts": letter.attempts,
            "replay": reverse("dashboard:dead_letter_act", args=[letter.pk, "replay"]),
            "drop": reverse("dashboard:dead_letter_act", args=[letter.pk, "drop"]),
        }
        for letter in letters
    ]
    empty = "" if rows else "No dead letter: no work has been given up."
    return {"counts": str(len(rows)), "age": read_now(page), "rows": rows, "empty": empty}


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
        ("instruments", "Instruments", f"{listed:,} listed", "", "live"),
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
    return f"{recording.feed.name}, {recording.day:%d %b}: {recording.frames:,} frames, {recording.state}"


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
