"""What positions are worth now: prices of the quote board, and nothing where there is none."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from alphapanda.core.timezone import day_of
from instruments.models import Instrument, TradingSession
from market.board import limits_of, read_quotes
from market.domain.staleness import Liveness
from market.quotes import Quote
from portfolio.domain.pnl import UNPRICED, DayPrice
from portfolio.models import Portfolio, Position


def day_prices(instruments: Iterable[Instrument], quotes: Mapping[UUID, Quote], now: datetime) -> dict[UUID, DayPrice]:
    """Return last price and previous close by instrument id; a dead price says nothing of the present and is None.

    While a market is closed nothing can be newer: the last price of its session stands until the next begins.
    """
    wanted = {instrument.pk: instrument for instrument in instruments}
    dead = [wanted[pk] for pk, quote in quotes.items() if pk in wanted and quote.state == Liveness.DEAD]
    closed = TradingSession.objects.closed_since(dead, now) if dead else {}
    return {
        pk: _day_price(quotes[pk], now, _stands(quotes[pk], instrument, closed.get(pk))) if pk in quotes else UNPRICED
        for pk, instrument in wanted.items()
    }


def _day_price(quote: Quote, now: datetime, stands: bool) -> DayPrice:
    last = quote.last_price if stands else None
    if quote.exchange_time is None or day_of(quote.exchange_time) != day_of(now):
        # Today has not traded yet: what the session before ended with is the previous close.
        return DayPrice(last, previous_close=last)
    return DayPrice(last, previous_close=quote.close or None)


def _stands(quote: Quote, instrument: Instrument, closed_since: datetime | None) -> bool:
    if quote.state != Liveness.DEAD:
        return True
    if closed_since is None or quote.exchange_time is None:
        return False
    return quote.exchange_time > closed_since - limits_of(instrument).dead_after


class Marks:
    """Prices by instrument id; what is missing is unknown."""

    def __init__(self, prices: dict[UUID, DayPrice]) -> None:
        self.prices = prices

    @classmethod
    def for_instruments(cls, instruments: Iterable[Instrument], now: datetime) -> "Marks":
        wanted = list(instruments)
        return cls(day_prices(wanted, read_quotes(wanted, now), now))

    @classmethod
    def for_account(cls, account_id: Any, now: datetime) -> "Marks":
        """Of all that the account holds, or held today."""
        # Portfolios by their ids: of a join through the account the planner expects few positions, and reads all.
        portfolios = list(Portfolio.objects.filter(account=account_id).values_list("pk", flat=True))
        positions = Position.objects.filter(portfolio__in=portfolios).of_day(day_of(now)).select_related("instrument")
        return cls.for_instruments(
            {position.instrument_id: position.instrument for position in positions}.values(), now
        )

    def set_price(self, instrument: Instrument, price: Decimal | None, at: datetime | None, now: datetime) -> None:
        """Value an instrument at a price of ``at``, unless it has died since or its time is not known."""
        if price is not None and at is not None and limits_of(instrument).judge(now - at) != Liveness.DEAD:
            self.prices[instrument.pk] = replace(self.prices.get(instrument.pk, UNPRICED), last=price)
