"""The quote board as every process reads it: one client, and no quote where the board is out of reach."""

from collections.abc import Iterable
from datetime import date, datetime
from uuid import UUID

import redis
import structlog
from django.conf import settings

from alphapanda.core.timezone import IST
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


def read_quotes(instruments: Iterable[Instrument], now: datetime) -> dict[UUID, Quote]:
    """Return the quotes there are, by instrument id; with the board out of reach, none: unknown, not zero.

    Each is judged by the age limits of its instrument's class. What has expired or gone has no quote any more, and
    what was said of a token before it was the instrument's is no quote of it: tokens are recycled.
    """
    try:
        return read_board(quote_board(), instruments, now)
    except redis.RedisError as error:
        log.warning("quote_board_unreachable", error=repr(error))
        return {}


def read_board(board: QuoteBoard, instruments: Iterable[Instrument], now: datetime) -> dict[UUID, Quote]:
    """Return what ``read_quotes`` does, of a given board. Raises RedisError if it is out of reach."""
    by_token = traded_under(instruments, now.astimezone(IST).date())
    limits = {token: limits_of(one) for token, one in by_token.items()}
    found = board.read(by_token, now, limits)
    return {by_token[token].pk: quote for token, quote in found.items() if is_quote_of(by_token[token], quote)}


def traded_under(instruments: Iterable[Instrument], day: date) -> dict[int, Instrument]:
    """Return the instruments that trade on ``day``, by the token they trade under then."""
    return {token: one for one in instruments if (token := one.token_on(day)) is not None}


def limits_of(instrument: Instrument) -> AgeLimits:
    """How old a price of this instrument may be: the same wherever it is shown, valued or judged."""
    return INSTRUMENT_LIMITS[instrument.security_class]


def is_quote_of(instrument: Instrument, quote: Quote) -> bool:
    """Whether the exchange said it of this instrument; of what carries no time of its own, when we heard it counts."""
    said_at = quote.exchange_time or quote.market_time
    return said_at.astimezone(IST).date() >= instrument.token_from
