"""What each table takes on the disk, and how much more it takes each day."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection

from alphapanda.core.journal.models import Event

PRUNED = "tables.pruned"
# Over a week, so that a holiday does not count as no growth; less than this and a quarter of an hour decides.
MEASURED_OVER, AT_LEAST = timedelta(days=7), timedelta(hours=12)
TABLES = """
SELECT relname, pg_total_relation_size(oid), reltuples::bigint
FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace
"""


@dataclass(frozen=True)
class Size:
    """Bytes with indexes; ``rows`` as PostgreSQL estimates them, None before it ever has."""

    bytes: int
    rows: int | None


@dataclass(frozen=True)
class Measured:
    """What the tables took at an earlier moment."""

    at: datetime
    bytes: dict[str, int]


def table_sizes() -> dict[str, Size]:
    with connection.cursor() as cursor:
        cursor.execute(TABLES)
        return {name: Size(taken, rows if rows >= 0 else None) for name, taken, rows in cursor.fetchall()}


def earlier_sizes(wall: datetime) -> Measured | None:
    """Return the oldest measurement of the last week; None while there is none that is old enough."""
    since, until = wall - MEASURED_OVER, wall - AT_LEAST
    told = Event.objects.filter(kind=PRUNED, written_at__gte=since, written_at__lte=until).order_by("written_at")
    event = told.first()
    return Measured(event.written_at, event.payload["bytes"]) if event else None


def growth_a_day(tables: Collection[str], now: dict[str, Size], then: Measured | None, wall: datetime) -> int | None:
    """Return by how many bytes these tables grew each day since ``then``; None where nobody knows."""
    if then is None:
        return None
    grown = sum(now[table].bytes - then.bytes.get(table, 0) for table in tables if table in now)
    return int(grown * timedelta(days=1) / (wall - then.at))
