"""What is kept, for how long, and how much of the disk it takes."""

from __future__ import annotations

from collections.abc import Collection
from typing import TypedDict

from django.conf import settings
from django.db.models import Sum

from alphapanda.core.figures import NBSP, UNKNOWN, plain, short, signed
from alphapanda.dashboard.panels.ages import Age, read_now
from alphapanda.dashboard.panels.context import PageContext
from alphapanda.retention.kept import KEPT
from alphapanda.retention.rules import RULES
from alphapanda.retention.sizes import Measured, Size, earlier_sizes, growth_a_day, table_sizes
from market.kept_stream import stream_files
from market.models import Recording

MEGABYTE = 1_000_000


class KeepingPanel(TypedDict):
    rows: list[KeptRow]
    counts: str
    age: Age


class KeptRow(TypedDict):
    """One table, or several shown together, or a folder."""

    key: str
    what: str
    rows: str
    size: str
    growth: str
    rule: str


def keeping_panel(page: PageContext) -> KeepingPanel:
    """Every table with its rule in words, its size, and its growth a day; then what stands in files."""
    sizes, then = table_sizes(), earlier_sizes(page.wall)
    told = [(rule.title, rule.words, {rule.table}) for rule in RULES] + [
        (kept.title, kept.words, kept.tables) for kept in KEPT
    ]
    rows = [table_row(page, title, words, tables, sizes, then) for title, words, tables in told]
    return {
        "rows": [*rows, *file_rows()],
        "counts": f"all tables {size_words(sum(size.bytes for size in sizes.values()))}",
        "age": read_now(page),
    }


def table_row(
    page: PageContext, title: str, words: str, tables: Collection[str], sizes: dict[str, Size], then: Measured | None
) -> KeptRow:
    these = [sizes[table] for table in tables]
    estimates = [size.rows for size in these if size.rows is not None]
    growth = growth_a_day(tables, sizes, then, page.wall)
    return {
        "key": title,
        "what": title,
        "rows": short(sum(estimates)) if estimates else UNKNOWN,
        "size": size_words(sum(size.bytes for size in these)),
        "growth": UNKNOWN if growth is None else f"{signed(growth / MEGABYTE, 1)}{NBSP}MB",
        "rule": words,
    }


def file_rows() -> list[KeptRow]:
    recorded = Recording.objects.aggregate(bytes=Sum("bytes"))["bytes"] or 0
    stream_words = f"{settings.STREAM_DAYS} market days of each feed, to be run again"
    recording_words = f"{settings.RECORDING_DAYS} days"
    return [
        file_row("Files of the tick stream", stream_words, [file.stat().st_size for file in stream_files()]),
        file_row("Files of recordings", recording_words, [recorded]),
    ]


def file_row(what: str, words: str, sizes: list[int]) -> KeptRow:
    return {"key": what, "what": what, "rows": "", "size": size_words(sum(sizes)), "growth": "", "rule": words}


def size_words(taken: int) -> str:
    """Megabytes, or gigabytes from one on."""
    unit, name = (MEGABYTE * 1000, "GB") if taken >= MEGABYTE * 1000 else (MEGABYTE, "MB")
    return f"{plain(taken / unit, 1)}{NBSP}{name}"
