"""One bad row never stops the others: attempts are counted in the database, and after three it is a dead letter."""

from collections.abc import Callable
from typing import Any, TypeVar

import structlog
from django.db.models import F, Model

from alphapanda.core.journal.services import give_up
from trading.errors import NOBODYS_FAULT

log = structlog.get_logger()
MOST_ATTEMPTS = 3
Row = TypeVar("Row", bound=Model)


def attempt_row(
    row: Row, stage: str, work: Callable[[Row], None], on_giving_up: Callable[[Row, str], None] | None = None
) -> None:
    """Do ``work`` on ``row``, counted before it begins so that a row that kills its worker is counted too.

    A row that has had three attempts is kept as a dead letter and ended by ``on_giving_up``; without that, a person
    is told by the dead letter and it is tried on. Database trouble is nobody's fault but the database's: it is
    raised, and the whole drain comes again.
    """
    table: Any = type(row)._default_manager
    if on_giving_up is not None and _given_up_before(row, stage, on_giving_up):
        return
    table.filter(pk=row.pk).update(attempts=F("attempts") + 1)
    try:
        work(row)
    except NOBODYS_FAULT:
        raise
    except Exception as error:
        log.exception("attempt_failed", stage=stage, row=str(row.pk), attempt=row.attempts + 1)  # type: ignore[attr-defined]
        if row.attempts + 1 >= MOST_ATTEMPTS:  # type: ignore[attr-defined]
            _give_up(row, stage, f"{type(error).__name__}: {error}", on_giving_up)
    else:
        # The next step of the same row (a cancellation, say) starts its own count.
        table.filter(pk=row.pk).update(attempts=0)


def _given_up_before(row: Any, stage: str, on_giving_up: Callable[[Any, str], None]) -> bool:
    if row.attempts < MOST_ATTEMPTS:
        return False
    _give_up(row, stage, "its worker died three times", on_giving_up)
    return True


def _give_up(row: Any, stage: str, error: str, on_giving_up: Callable[[Any, str], None] | None) -> None:
    partition = str(getattr(row, "account_id", ""))
    give_up(stage, partition, str(row.pk), row.attempts + 1, error, {"row": str(row)})
    if on_giving_up is not None:
        on_giving_up(row, error)
