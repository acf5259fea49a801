"""Stops a strategy's callback that takes too long, by two timers of this process: of its CPU time, and of the wall."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
TIMERS = {signal.SIGPROF: signal.ITIMER_PROF, signal.SIGALRM: signal.ITIMER_REAL}
CLOCKS = {signal.SIGPROF: time.process_time, signal.SIGALRM: time.monotonic}


class CallbackGuard:
    """Call it with a function; it runs in the main thread, and for at most ``limit`` seconds of CPU time.

    Raises CallbackTimedOut. A call inside C that does not return to Python is not interrupted until it does.
    A wall timer that ran before is put back with what was left of it.
    To set two timers costs as much as a short callback: where many are called in a row, ``on_watch`` sets them once.
    """

    def __init__(self, limit: float = DEFAULT_LIMIT) -> None:
        self.limit = limit
        self._limits = {signal.SIGPROF: limit, signal.SIGALRM: limit * WALL_LIMITS}
        self._is_running = self._is_on_watch = False
        self._nth = 0
        self._seen: dict[int, tuple[int, float]] = {}  # by signal: the call it interrupted last, and when first

    def __call__(self, call: Callable[[], T]) -> T:
        if not self._is_on_watch:
            with self._timers(self._limits):
                return self._run(call)
        self._nth += 1
        return self._run(call)

    def _run(self, call: Callable[[], T]) -> T:
        self._is_running = True
        try:
            return call()
        finally:
            self._is_running = False

    @contextmanager
    def on_watch(self) -> Iterator[None]:
        """Watch all calls within by timers that go on; one is stopped at most two of their ticks late."""
        self._seen.clear()
        with self._timers(dict.fromkeys(TIMERS, REPEAT)):
            self._is_on_watch = True
            try:
                yield
            finally:
                self._is_on_watch = False

    def watch_each(self, steps: Iterator[T]) -> Iterator[T]:
        """Yield each of the steps; what makes them is watched, what is done with them is not."""
        while True:
            with self.on_watch():
                try:
                    step = next(steps)
                except StopIteration:
                    return
            yield step

    @contextmanager
    def _timers(self, first: dict[signal.Signals, float]) -> Iterator[None]:
        handlers = {which: signal.signal(which, self._on_alarm) for which in TIMERS}
        began = time.monotonic()
        left, interval = signal.setitimer(signal.ITIMER_REAL, first[signal.SIGALRM], REPEAT)
        signal.setitimer(signal.ITIMER_PROF, first[signal.SIGPROF], REPEAT)
        try:
            yield
        finally:
            for which, handler in handlers.items():
                signal.setitimer(TIMERS[which], 0)
                signal.signal(which, handler)
            if left:
                spent = time.monotonic() - began
                signal.setitimer(signal.ITIMER_REAL, max(left - spent, 0.001), interval)

    def _on_alarm(self, signum: int, frame: FrameType | None) -> None:
        # On its way in or out the call is not interrupted: nobody would catch it, and the flag would stay.
        is_own = frame is not None and frame.f_code is CallbackGuard._run.__code__
        if not self._is_running or is_own or not self._is_over(signal.Signals(signum)):
            return
        limit = self._limits[signal.Signals(signum)] * 1000
        if signum == signal.SIGPROF:
            raise CallbackTimedOut(f"took more than {limit:.0f} ms of CPU time")
        raise CallbackTimedOut(f"waited more than {limit:.0f} ms")

    def _is_over(self, which: signal.Signals) -> bool:
        """On watch, how long a call has run is known from the first tick that found it running."""
        if not self._is_on_watch:
            return True
        now = CLOCKS[which]()
        nth, since = self._seen.get(which, (-1, now))
        if nth != self._nth:
            self._seen[which] = (self._nth, now)
            return False
        return now - since >= self._limits[which]
