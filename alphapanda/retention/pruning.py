"""Delete what is past its time, in short transactions that wait for nobody; a turn ends, and the next goes on."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta

import structlog
from django.db import OperationalError, connection, transaction

from alphapanda.core.clock import market_now
from alphapanda.core.clock.market_time import clock_stands, wall_now
from alphapanda.core.journal.models import Event
from alphapanda.core.journal.services import record_event
from alphapanda.core.outages import POSTGRESQL_BUSY, outage_behind
from alphapanda.core.timezone import day_of
from alphapanda.retention.kept import NEVER_PRUNED
from alphapanda.retention.rules import RULES, Rows, Rule
from alphapanda.retention.sizes import PRUNED, table_sizes
from instruments.models import TradingSession

log = structlog.get_logger()
# Our own choices: a batch takes some hundredths of a second, and a turn ends before a worker's soft limit of 15 s.
BATCH = 2_000
TURN_SECONDS = 8.0
LIMITS = "SET LOCAL lock_timeout = '200ms'; SET LOCAL statement_timeout = '5s'"
# Before the pre-open session and after the last trades everybody has work of their own.
MARGIN = timedelta(minutes=30)


class MayNotBePruned(Exception):
    """A rule was made for a table that is kept for good."""


@dataclass
class Pruned:
    """Rows that went, by table; ``is_whole``: nothing past its time is left."""

    rows: Counter[str] = field(default_factory=Counter)
    is_whole: bool = False


def prune_when_due() -> Pruned | None:
    """Prune for one turn; None where it is done for today, or not the time for it. What went is an event once a day."""
    if clock_stands() or is_done_today() or is_market_open():
        return None
    pruned = prune_tables(RULES, time.monotonic() + TURN_SECONDS)
    if pruned.is_whole:
        note_pruned(pruned)
    return pruned


def is_market_open() -> bool:
    return TradingSession.objects.is_any_open(market_now(), MARGIN)


def is_done_today() -> bool:
    return Event.objects.filter(kind=PRUNED, key=_today()).exists()


def note_pruned(pruned: Pruned) -> None:
    """Write that the day's pruning is done, and what the tables take now: growth is measured from one to the next."""
    sizes = {table: size.bytes for table, size in table_sizes().items()}
    record_event(PRUNED, key=_today(), payload={"rows": pruned.rows.total(), "of": dict(pruned.rows), "bytes": sizes})


def _today() -> str:
    return str(day_of(wall_now()))


def prune_tables(rules: Iterable[Rule], until: float = float("inf")) -> Pruned:
    """Prune by each rule until nothing is left, the monotonic clock says ``until``, a market opens, or somebody else
    holds what should go."""
    pruned = Pruned()
    try:
        for rule, rows in heaps_of(rules):
            number = BATCH
            while number == BATCH:
                if time.monotonic() >= until or is_market_open():
                    return pruned
                number = prune_batch(rule, rows)
                pruned.rows[rule.table] += number
    except OperationalError as error:
        if outage_behind(error) is not POSTGRESQL_BUSY:
            raise
        log.warning("pruning_waits", error=str(error), rows=pruned.rows.total())
        return pruned
    pruned.is_whole = True
    return pruned


def heaps_of(rules: Iterable[Rule]) -> Iterator[tuple[Rule, Rows]]:
    for rule in rules:
        yield from ((rule, rows) for rows in rule.heaps())


def prune_batch(rule: Rule, rows: Rows) -> int:
    """Delete one batch in a transaction of its own, which waits for nobody. Returns how many rows went."""
    if rule.table in NEVER_PRUNED:
        raise MayNotBePruned(f"{rule.table} is kept for good")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(LIMITS)
        return rule.let_go(rows, BATCH)


def rows_past_their_time(rules: Iterable[Rule]) -> Counter[str]:
    """Count what would go now, by table."""
    return Counter({rule.table: sum(rows.count() for rows in rule.heaps()) for rule in rules})
