"""The quote board as every process reads it: one client, and no quote where the board is out of reach."""

from collections.abc import Iterable
from datetime import datetime

import redis
import structlog
from django.conf import settings

from market.quotes import Quote, QuoteBoard

log = structlog.get_logger()
_board: QuoteBoard | None = None


def quote_board() -> QuoteBoard:
    global _board
    if _board is None:
        _board = QuoteBoard(redis.Redis.from_url(settings.REDIS_URL, **settings.REDIS_TIMEOUTS))
    return _board


def read_quotes(tokens: Iterable[int], now: datetime) -> dict[int, Quote]:
    """Return the quotes there are; with the board out of reach, none: unknown, not zero."""
    try:
        return quote_board().read(list(tokens), now)
    except redis.RedisError as error:
        log.warning("quote_board_unreachable", error=repr(error))
        return {}
