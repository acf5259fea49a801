"""What the program plays: a synthetic market for ever, or a replay once."""

from typing import Protocol

from kitesim.exchange.exchange import Exchange


class Programme(Protocol):
    """``advance_to`` takes an epoch second; ``start`` lets a waiting replay go; ``save`` keeps the clock now."""

    exchange: Exchange

    async def run(self) -> None: ...
    async def advance_to(self, market_second: int) -> None: ...
    def start(self) -> None: ...
    def save(self, now: bool = False, stopping: bool = False) -> None: ...
