"""The database wrapper: a process that sets ``CONNECTIONS`` draws all of its connections from one pool.

Besides that pool one connection is kept for halts: a thread that is about to halt takes it when the pool is empty.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, ClassVar

from django.db.backends.postgresql import base, features
from psycopg import OperationalError

from alphapanda.core.postgres.pool import Connection, ConnectionPool

WAIT_SECONDS = 5.0
_is_halting: ContextVar[bool] = ContextVar("is_halting", default=False)


@contextmanager
def connection_kept_for_halts() -> Iterator[None]:
    """Whoever asks for a connection within may have the one that is kept."""
    token = _is_halting.set(True)
    try:
        yield
    finally:
        _is_halting.reset(token)


class Pools:
    """The connections of one process to one database."""

    def __init__(self, size: int) -> None:
        self.everyone = ConnectionPool(size, WAIT_SECONDS)
        self.for_halts = ConnectionPool(1, WAIT_SECONDS)

    def lend(self, connect: Any) -> Connection:
        if not _is_halting.get():
            return self.everyone.lend(connect)
        try:
            return self.everyone.lend(connect, waits=False)
        except OperationalError:
            return self.for_halts.lend(connect)

    def take_back(self, connection: Connection) -> None:
        pool = self.for_halts if self.for_halts.owns(connection) else self.everyone
        pool.take_back(connection)

    def close(self) -> None:
        self.everyone.close()
        self.for_halts.close()


# pg_input_is_valid, which sifts instrument dumps, came with 16.
OLDEST = 16


class DatabaseFeatures(features.DatabaseFeatures):
    # Django would raise its own minimum in the middle of whatever connects first; alphapanda/checks.py says ours.
    minimum_database_version = None


class DatabaseWrapper(base.DatabaseWrapper):
    features_class = DatabaseFeatures
    _pools_of: ClassVar[dict[str, Pools]] = {}

    @property
    def pools(self) -> Pools | None:
        """The pools of this alias in this process; None where ``CONNECTIONS`` sets no bound."""
        if not (size := self.settings_dict.get("CONNECTIONS")):
            return None
        return self._pools_of.setdefault(self.alias, Pools(size))

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        connect = super().get_new_connection
        return self.pools.lend(lambda: connect(conn_params)) if self.pools else connect(conn_params)

    def _close(self) -> None:
        if self.connection is None or not self.pools:
            return super()._close()  # type: ignore[misc]
        with self.wrap_database_errors:
            self.pools.take_back(self.connection)
            self.connection = None
        return None
