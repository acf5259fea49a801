"""One bad row never stops the others: attempts are counted in the database, and after three it is a dead letter."""

from collections.abc import Callable
from typing import Any, TypeVar

import structlog
from django.db import connection
from django.db.models import F, Model

from alphapanda.core.journal.services import give_up
from trading.errors import DATABASE_TROUBLE, NOBODYS_FAULT

log = structlog.get_logger()
MOST_ATTEMPTS = 3
Row = TypeVar("Row", bound=Model)
# Rows of which this process counted an attempt that it could not give back yet.
_owed: set[tuple[str, Any]] = set()


def attempt_row(
    row: Row, stage: str, work: Callable[[Row], None], on_giving_up: Callable[[Row, str], None] | None = None
) -> None:
    """Do ``work`` on ``row``, counted before it begins so that a row that kills its worker is counted too.

    A row that has had three attempts is kept as a dead letter and ended by ``on_giving_up``; without that, a person
    is told by the dead letter and it is tried on. Database trouble is nobody's fault but the database's: the attempt
    is given back, the trouble is raised, and the whole drain comes again.
    """
    table, before = _table_of(row), _attempts_before(row)
    if on_giving_up is not None and before >= MOST_ATTEMPTS:
        _give_up(row, stage, before, "its worker died three times", on_giving_up)
        return
    table.filter(pk=row.pk).update(attempts=F("attempts") + (0 if _key(row) in _owed else 1))
    _owed.discard(_key(row))
    try:
        work(row)
    except DATABASE_TROUBLE:
        _give_back(row)
        raise
    except NOBODYS_FAULT:
        raise
    except Exception as error:
        log.exception("attempt_failed", stage=stage, row=str(row.pk), attempt=before + 1)
        if before + 1 >= MOST_ATTEMPTS:
            _give_up(row, stage, before + 1, f"{type(error).__name__}: {error}", on_giving_up)
    else:
        # The next step of the same row (a cancellation, say) starts its own count.
        table.filter(pk=row.pk).update(attempts=0)


def _give_back(row: Model) -> None:
    """Take back the attempt just counted; while the database is away that waits for the next one."""
    try:
        connection.close_if_unusable_or_obsolete()
        _table_of(row).filter(pk=row.pk, attempts__gt=0).update(attempts=F("attempts") - 1)
    except DATABASE_TROUBLE:
        _owed.add(_key(row))


def _attempts_before(row: Any) -> int:
    return int(row.attempts) - (1 if _key(row) in _owed else 0)


def _table_of(row: Model) -> Any:
    return type(row)._default_manager


def _key(row: Model) -> tuple[str, Any]:
    return type(row)._meta.label, row.pk


def _give_up(row: Any, stage: str, attempts: int, error: str, on_giving_up: Callable[[Any, str], None] | None) -> None:
    partition = str(getattr(row, "account_id", ""))
    give_up(stage, partition, str(row.pk), attempts, error, {"row": str(row)})
    if on_giving_up is not None:
        on_giving_up(row, error)
