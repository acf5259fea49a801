"""Stops a strategy's callback that takes too long, by an interval timer of this process."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from types import FrameType
from typing import TypeVar

from trading.run.faults import CallbackTimedOut

T = TypeVar("T")

DEFAULT_LIMIT = 0.5
# A bare ``except:`` may swallow the first alarm; it will not get past the next ones.
REPEAT = 0.05


class CallbackGuard:
    """Call it with a function; it runs in the main thread, and at most ``limit`` seconds.

    Raises CallbackTimedOut. A call inside C that does not return to Python is not interrupted until it does.
    A timer that ran before is put back with what was left of it.
    """

    def __init__(self, limit: float = DEFAULT_LIMIT) -> None:
        self.limit = limit
        self._is_running = False

    def __call__(self, call: Callable[[], T]) -> T:
        handler = signal.signal(signal.SIGALRM, self._on_alarm)
        began = time.monotonic()
        self._is_running = True
        left, interval = signal.setitimer(signal.ITIMER_REAL, self.limit, REPEAT)
        try:
            return call()
        finally:
            self._is_running = False
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, handler)
            if left:
                spent = time.monotonic() - began
                signal.setitimer(signal.ITIMER_REAL, max(left - spent, 0.001), interval)

    def _on_alarm(self, signum: int, frame: FrameType | None) -> None:
        if self._is_running:
            raise CallbackTimedOut(f"took more than {self.limit * 1000:.0f} ms")
