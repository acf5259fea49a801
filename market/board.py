"""The quote board as every process reads it: one client, and no quote where the board is out of reach."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

import redis
import structlog
from django.conf import settings

from instruments.models import Instrument
from market.domain.staleness import INSTRUMENT_LIMITS, AgeLimits
from market.quotes import Quote, QuoteBoard

log = structlog.get_logger()
_board: QuoteBoard | None = None


def quote_board() -> QuoteBoard:
    global _board
    if _board is None:
        _board = QuoteBoard(redis.Redis.from_url(settings.REDIS_URL, **settings.REDIS_TIMEOUTS))
    return _board


def limits_of(instrument: Instrument) -> AgeLimits:
    """How old a price of this instrument may be: the same wherever it is shown, valued or judged."""
    return INSTRUMENT_LIMITS[instrument.security_class]


def read_quotes(instruments: Iterable[Instrument], now: datetime) -> dict[UUID, Quote]:
    """Return the quotes there are, by instrument id; with the board out of reach, none: unknown, not zero."""
    wanted = {instrument.instrument_token: instrument for instrument in instruments}
    limits = {token: limits_of(instrument) for token, instrument in wanted.items()}
    try:
        found = quote_board().read(wanted, now, limits)
    except redis.RedisError as error:
        log.warning("quote_board_unreachable", error=repr(error))
        return {}
    return {wanted[token].pk: quote for token, quote in found.items()}
