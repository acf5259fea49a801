"""A worker killed with -9 at a named point: a fork of the test's own process does the work and dies there."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

from django.db import connections

from alphapanda.core.telemetry import crashpoints
from trading import wakeups

# A connection that is forgotten would be closed, and with it the parent's: they share the socket.
_kept: list[Any] = []


def killed_at(point: str, work: Callable[[], Any], fired: str, nth: int = 1) -> None:
    """Let a child do ``work`` until it passes ``point``; ``fired`` is an empty folder. It must die there."""
    child = os.fork()
    if child == 0:
        try:
            _be_a_worker_of_its_own()
            os.environ["CRASHPOINT_DIR"] = fired
            crashpoints._passes_left = {point: nth}
            work()
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), f"{point} was not passed: the child ended with {os.waitstatus_to_exitcode(status)}"
    assert os.WTERMSIG(status) == signal.SIGKILL


def _be_a_worker_of_its_own() -> None:
    for connection in connections.all():
        _kept.append(connection.connection)
        connection.connection = None
    _kept.append(wakeups._client)
    wakeups._client = None
