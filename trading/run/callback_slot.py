"""Remembers on disk which run's callback is being called, so that one which kills its worker is found out.

The guard stops Python code in time; a callback stuck inside C is only ended by killing the whole child.
The next child then finds the run's id here. Twice in a row at it, and the run is paused; once may have been chance.
"""

import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

SIZE = 64
NOBODY = b"\0" * 16
DEADLY = 2


class CallbackSlot:
    """16 bytes of run id, then 16 bytes of the run found last time and one byte of how often."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        os.ftruncate(handle, SIZE)
        self._map = mmap.mmap(handle, SIZE)
        os.close(handle)

    @contextmanager
    def holding(self, run_id: UUID) -> Iterator[None]:
        self._map[:16] = run_id.bytes
        try:
            yield
        finally:
            self._map[:16] = NOBODY

    def deadly_run(self) -> UUID | None:
        """Return the run whose callback was being called when the last two children died, if it was one and the same.

        Call once when a child begins.
        """
        found, before, times = self._map[:16], self._map[16:32], self._map[32]
        self._map[:16] = NOBODY
        if found == NOBODY:
            return None
        times = times + 1 if found == before else 1
        self._map[16:32], self._map[32] = found, times % 256
        return UUID(bytes=found) if times >= DEADLY else None
