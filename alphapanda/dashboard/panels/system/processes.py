"""Every process and feed, and when it was last heard."""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypedDict

from alphapanda.core.figures import UNKNOWN, age, counted
from alphapanda.core.telemetry.heartbeats import Process
from alphapanda.dashboard.panels.ages import Age, fixed_age, read_now
from alphapanda.dashboard.panels.context import PageContext
from alphapanda.dashboard.panels.live.facts import FEED_ICONS
from market.domain.entries import StreamPosition
from market.models import FeedLease, Shard
from market.quotes import FeedState
from trading.ticks.lag import entries_behind


class ProcessesPanel(TypedDict):
    rows: list[Any] | list[ProcessRow]
    age: Age
    empty: str


def processes_panel(page: PageContext) -> ProcessesPanel:
    """Every process and when it was last heard."""
    if page.processes is None:
        return {
            "rows": [],
            "age": fixed_age("failed", "Valkey not reached"),
            "empty": "Valkey did not answer, so nobody knows which processes live.",
        }
    rows = [process_row(process, page.wall) for process in page.processes]
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
    behind = entries_behind(StreamPosition(shard.epoch, shard.n), StreamPosition(state.epoch, state.n))
    if behind is None:
        return f"{shard.name}: at {shard.epoch}-{shard.n}, another epoch"
    return f"{shard.name}: {counted(behind, 'entry', 'entries')} behind"
