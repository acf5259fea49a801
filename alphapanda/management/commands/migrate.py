"""Django's migrate, with time limits of its own: those of a desk at work would break off a long one half-way."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.commands.migrate import Command as DjangoMigrate
from django.db import connections

# Our own choices. A lock is waited for longer than any drain lasts, but not for ever, since everybody else waits behind
# it; to rewrite or index years of rows takes as long as it takes, and so does Python between two statements.
TIMEOUTS = {"lock_timeout": "15s", "statement_timeout": "0", "idle_in_transaction_session_timeout": "0"}


class Command(DjangoMigrate):
    """As Django's in all it takes and prints."""

    def handle(self, *args: Any, **options: Any) -> None:
        with patient_session(options["database"]):
            super().handle(*args, **options)


@contextmanager
def patient_session(database: str) -> Iterator[None]:
    """Let the database's session wait longer for as long as the block lasts."""
    before = set_timeouts(database, TIMEOUTS)
    try:
        yield
    finally:
        set_timeouts(database, before)


def set_timeouts(database: str, wanted: dict[str, str]) -> dict[str, str]:
    """Set the session's limits by name. Returns those that held before."""
    before: dict[str, str] = {}
    with connections[database].cursor() as cursor:
        for name, value in wanted.items():
            cursor.execute("SELECT current_setting(%s)", [name])
            [before[name]] = cursor.fetchone()
            cursor.execute("SELECT set_config(%s, %s, false)", [name, value])
    return before
