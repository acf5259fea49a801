"""Space a broker's calls out. Apart from the client, which few processes need."""

import time
from collections.abc import Callable


class Pace:
    """Spaces requests out; one per process and account is enough, as only one process asks."""

    def __init__(
        self,
        per_second: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._gap, self._clock, self._sleep = 1 / per_second, clock, sleep
        self._next = clock()

    def wait(self) -> None:
        ahead = self._next - self._clock()
        if ahead > 0:
            self._sleep(ahead)
        self._next = max(self._next, self._clock()) + self._gap
