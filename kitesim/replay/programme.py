"""What the program plays: a synthetic market for ever, or a replay once."""

from typing import Protocol

from kitesim.exchange.exchange import Exchange


class Programme(Protocol):
    """``start`` lets a waiting replay go; ``save`` keeps the clock now."""

    exchange: Exchange

    async def run(self) -> None: ...
    async def advance_to(self, market_second: int) -> None:
        """Jump forward to an epoch second."""

    async def shock(self, symbol: str, percent: float, over: int, thin: float) -> None:
        """Let a share's price move from now on. Raises ValueError, in words, where it cannot."""

    def start(self) -> None: ...
    def save(self, now: bool = False, stopping: bool = False) -> None: ...
