"""What was before now: how far each shard was behind, and which processes began anew, and why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

import redis

from alphapanda.core.figures import UNKNOWN, age_of, clock_time, counted, whole
from alphapanda.core.telemetry.heartbeats import Process, Start, read_starts
from alphapanda.dashboard.panels.ages import PANEL_LIMITS, Age, fixed_age, read_now
from alphapanda.dashboard.panels.ages import age_of as age_of_datum
from alphapanda.dashboard.panels.context import PageContext
from alphapanda.flight.market import LAG_NOTICED, LAG_TOO_MUCH
from market.models import Shard
from trading.ticks.lag import Sample, read_lag
from trading.wakeups import valkey_client

AWAY = fixed_age("failed", "Valkey not reached")


class LagRow(TypedDict):
    """``spark`` are the entries behind, oldest first; ``words`` say the line in figures."""

    key: str
    name: str
    spark: list[str]
    words: str
    tone: str
    age: Age


class LagPanel(TypedDict):
    rows: list[LagRow]
    age: Age
    empty: str


def lag_panel(page: PageContext) -> LagPanel:
    shards = list(Shard.objects.filter(feed__is_active=True).select_related("feed"))
    try:
        samples = read_lag(shards)
    except redis.RedisError:
        return {"rows": [], "age": AWAY, "empty": "Valkey did not answer, so nothing is known of the lag."}
    rows = [lag_row(page, shard.name, samples[shard.pk]) for shard in shards]
    return {"rows": rows, "age": read_now(page), "empty": "" if rows else "No shard is set up."}


def lag_row(page: PageContext, name: str, samples: Sequence[Sample]) -> LagRow:
    known = [sample.behind for sample in samples if sample.behind is not None]
    last = samples[-1] if samples else None
    most = max(known, default=0)
    return {
        "key": name,
        "name": name,
        "spark": [str(behind) for behind in known],
        "words": lag_words(samples, known),
        "tone": "fault" if most >= LAG_TOO_MUCH else "warn" if most >= LAG_NOTICED else "",
        "age": age_of_datum(last.at if last else None, page.wall, PANEL_LIMITS, clock="wall", what="last look"),
    }


def lag_words(samples: Sequence[Sample], known: Sequence[int]) -> str:
    """ "first 0, least 0, most 14, last 2 entries behind, in 30 min" """
    if not known:
        return "not looked at yet: housekeeping looks every 10 s" if not samples else f"{UNKNOWN}: another epoch"
    span = age_of(samples[-1].at - samples[0].at)
    figures = (("first", known[0]), ("least", min(known)), ("most", max(known)), ("last", known[-1]))
    said = ", ".join(f"{name} {whole(value)}" for name, value in figures)
    hidden = f"; {counted(len(samples) - len(known), 'look')} across epochs" if len(known) < len(samples) else ""
    return f"{said} entries behind, in {span}{hidden}"


class StartRow(TypedDict):
    key: str
    at: str
    name: str
    why: str
    icon: str
    tone: str


class StartsPanel(TypedDict):
    rows: list[StartRow]
    age: Age
    counts: str
    empty: str


def starts_panel(page: PageContext) -> StartsPanel:
    try:
        starts = read_starts(valkey_client())
    except redis.RedisError:
        words = "Valkey did not answer, so nobody knows which processes began anew."
        return {"rows": [], "age": AWAY, "counts": "", "empty": words}
    accidents = sum(start.before is not None for start in starts)
    return {
        "rows": [start_row(start) for start in starts],
        "age": read_now(page),
        "counts": f"{counted(accidents, 'accident')} among the last {len(starts)}" if starts else "",
        "empty": "" if starts else "No start has been kept yet.",
    }


def start_row(start: Start) -> StartRow:
    process, before = start.process, start.before
    return {
        "key": f"{process.name} {process.pid} {process.started_at.isoformat()}",
        "at": process.started_at.isoformat(),
        "name": process.name,
        "why": why(before) if before else "In order",
        "icon": "warn" if before else "tick",
        "tone": "warn" if before else "",
    }


def why(before: Process) -> str:
    heard = f"last heard at {clock_time(before.heard_at)}"
    if before.error:
        return f"The one before (process {before.pid}) died of {before.error}, {heard}."
    return f"The one before (process {before.pid}) was killed, or its machine went: {heard}."
