"""A bounded number of connections for whatever number of threads.

psycopg's own pool connects in the background and waits longer each time: after an outage it would answer late. Here
whoever asks connects, and hears at once that nobody is there.
"""

import queue
import weakref
from collections.abc import Callable
from contextlib import suppress

import psycopg
from psycopg.pq import TransactionStatus

# None is a place for a connection that has not been opened.
Connection = psycopg.Connection[tuple[object, ...]]


class ConnectionPool:
    """At most ``size`` connections; the one given back last is handed out first."""

    def __init__(self, size: int, wait_seconds: float) -> None:
        self.size, self.wait_seconds = size, wait_seconds
        self._places: queue.LifoQueue[Connection | None] = queue.LifoQueue()
        self._lost: dict[int, weakref.finalize[..., Connection]] = {}
        for _ in range(size):
            self._places.put(None)

    @property
    def free(self) -> int:
        return self._places.qsize()

    def lend(self, connect: Callable[[], Connection], *, waits: bool = True) -> Connection:
        """Return a connection that answers. Raises psycopg.OperationalError if all are out, or none can be made."""
        try:
            kept = self._places.get(timeout=self.wait_seconds) if waits else self._places.get_nowait()
        except queue.Empty:
            raise psycopg.OperationalError(f"all {self.size} connections of this process are in use") from None
        try:
            connection = kept if kept is not None and _answers(kept) else connect()
        except BaseException:
            self._places.put(None)
            raise
        # A thread that ends without giving its connection back must not take the place along.
        self._lost[id(connection)] = lost = weakref.finalize(connection, self._free_lost, id(connection))
        lost.atexit = False
        return connection

    def take_back(self, connection: Connection) -> None:
        """Keep the connection for the next who asks; one that is broken or amid a transaction is closed."""
        if (lost := self._lost.pop(id(connection), None)) is None or not lost.detach():
            raise ValueError("this connection was not lent by this pool")
        if connection.closed or connection.info.transaction_status != TransactionStatus.IDLE:
            connection.close()
            self._places.put(None)
        else:
            self._places.put(connection)

    def owns(self, connection: Connection) -> bool:
        return id(connection) in self._lost

    def close(self) -> None:
        """Close what is not lent."""
        with suppress(queue.Empty):
            closed = []
            while True:
                closed.append(self._places.get_nowait())
        for connection in closed:
            if connection is not None:
                connection.close()
            self._places.put(None)

    def _free_lost(self, key: int) -> None:
        self._lost.pop(key, None)
        self._places.put(None)


def _answers(connection: Connection) -> bool:
    """Whether the server at the other end is still there; after a restart it is not."""
    try:
        connection.execute("")
    except psycopg.Error:
        connection.close()
        return False
    return True
