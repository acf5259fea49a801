"""What time it is for the market: the wall's time when live, the practice exchange's when practising."""

from alphapanda.core.clock.market_time import market_now

__all__ = ["market_now"]
