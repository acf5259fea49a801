"""The market's own clock: any date, any rate, and never back."""

import time
from collections.abc import Callable


class MarketClock:
    """Market time in epoch milliseconds, running at ``rate`` market seconds per wall second."""

    def __init__(self, start_ms: int, rate: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._market_ms = float(start_ms)
        self._anchored_at = monotonic()
        self.rate = rate

    def now_ms(self) -> int:
        elapsed = (self._monotonic() - self._anchored_at) * self.rate
        return int(self._market_ms + elapsed * 1000)

    def now(self) -> float:
        """Epoch seconds."""
        return self.now_ms() / 1000

    def set_rate(self, rate: float) -> None:
        if not 0 <= rate <= 10_000:
            raise ValueError("rate must be between 0 and 10000")
        self._anchor(self.now_ms())
        self.rate = rate

    def advance_to(self, market_ms: int) -> None:
        """Jump forward; a time already past changes nothing."""
        self._anchor(max(self.now_ms(), market_ms))

    def seconds_until(self, market_ms: int) -> float:
        """Wall seconds; never more than one, so that a change of rate is noticed."""
        left = (market_ms - self.now_ms()) / 1000
        return min(max(left / self.rate, 0.0), 1.0) if self.rate else 0.2

    def _anchor(self, market_ms: int) -> None:
        self._market_ms = float(market_ms)
        self._anchored_at = self._monotonic()
