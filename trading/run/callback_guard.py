"""Stops a strategy's callback that takes too long, by two timers of this process: of its CPU time, and of the wall."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from types import FrameType
from typing import TypeVar

from trading.run.faults import CallbackTimedOut

T = TypeVar("T")

DEFAULT_LIMIT = 0.5
# A callback that sleeps or waits for an answer uses no CPU, and holds everybody up all the same. Ten times as long:
# a machine that is busy with others is no fault of the callback's.
WALL_LIMITS = 10
# A bare ``except:`` may swallow the first alarm; it will not get past the next ones.
REPEAT = 0.05


class CallbackGuard:
    """Call it with a function; it runs in the main thread, and for at most ``limit`` seconds of CPU time.

    Raises CallbackTimedOut. A call inside C that does not return to Python is not interrupted until it does.
    A wall timer that ran before is put back with what was left of it.
    """

    def __init__(self, limit: float = DEFAULT_LIMIT) -> None:
        self.limit = limit
        self._is_running = False

    def __call__(self, call: Callable[[], T]) -> T:
        handlers = {which: signal.signal(which, self._on_alarm) for which in (signal.SIGPROF, signal.SIGALRM)}
        began = time.monotonic()
        self._is_running = True
        left, interval = signal.setitimer(signal.ITIMER_REAL, self.limit * WALL_LIMITS, REPEAT)
        signal.setitimer(signal.ITIMER_PROF, self.limit, REPEAT)
        try:
            return call()
        finally:
            self._is_running = False
            signal.setitimer(signal.ITIMER_PROF, 0)
            signal.setitimer(signal.ITIMER_REAL, 0)
            for which, handler in handlers.items():
                signal.signal(which, handler)
            if left:
                spent = time.monotonic() - began
                signal.setitimer(signal.ITIMER_REAL, max(left - spent, 0.001), interval)

    def _on_alarm(self, signum: int, frame: FrameType | None) -> None:
        if not self._is_running:
            return
        if signum == signal.SIGPROF:
            raise CallbackTimedOut(f"took more than {self.limit * 1000:.0f} ms of CPU time")
        raise CallbackTimedOut(f"waited more than {self.limit * WALL_LIMITS * 1000:.0f} ms")
