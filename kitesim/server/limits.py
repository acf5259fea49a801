"""Kite's rate limits: so many calls in a calendar second, minute or day."""

from collections import defaultdict

from kitesim.errors import too_many

ORDERS = ((10, 1), (400, 60), (5000, 86_400))  # (calls, seconds)
QUOTES = ((1, 1),)
HISTORICAL = ((3, 1),)
OTHERS = ((10, 1),)


class RateLimits:
    """Counts per (who, what) in windows that begin on whole multiples of their length."""

    def __init__(self, enabled: bool = True) -> None:
        self.enabled = enabled
        self._counts: dict[tuple[str, str, int], tuple[int, int]] = defaultdict(lambda: (-1, 0))

    def spend(self, who: str, what: str, limits: tuple[tuple[int, int], ...], now: float) -> None:
        """Raises 429 if any window is full; a refused call is not counted."""
        if not self.enabled:
            return
        after = []
        for calls, length in limits:
            window = int(now + 19_800) // length  # days begin at midnight IST
            began, used = self._counts[who, what, length]
            used = used if began == window else 0
            if used >= calls:
                raise too_many()
            after.append(((who, what, length), (window, used + 1)))
        self._counts.update(after)
