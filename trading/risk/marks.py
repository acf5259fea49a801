"""What positions are worth now: prices of the quote board, and nothing where there is none."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from instruments.models import Instrument, TradingSession
from market.board import limits_of, read_quotes
from market.domain.staleness import Liveness
from market.quotes import Quote
from portfolio.models import Position


def known_prices(
    instruments: Iterable[Instrument], quotes: Mapping[UUID, Quote], now: datetime
) -> dict[UUID, Decimal | None]:
    """Return last prices by instrument id; one that is dead says nothing of the present and is None.

    While a market is closed nothing can be newer: the last price of its session stands until the next begins.
    """
    wanted = {instrument.pk: instrument for instrument in instruments}
    dead = [wanted[pk] for pk, quote in quotes.items() if pk in wanted and quote.state == Liveness.DEAD]
    closed = TradingSession.objects.closed_since(dead, now) if dead else {}
    return {
        pk: quotes[pk].last_price if pk in quotes and _stands(quotes[pk], instrument, closed.get(pk)) else None
        for pk, instrument in wanted.items()
    }


def _stands(quote: Quote, instrument: Instrument, closed_since: datetime | None) -> bool:
    if quote.state != Liveness.DEAD:
        return True
    if closed_since is None or quote.exchange_time is None:
        return False
    return quote.exchange_time > closed_since - limits_of(instrument).dead_after


class Marks:
    """Last prices by instrument id; None is unknown."""

    def __init__(self, by_instrument: dict[UUID, Decimal | None]) -> None:
        self.by_instrument = by_instrument

    @classmethod
    def for_instruments(cls, instruments: Iterable[Instrument], now: datetime) -> "Marks":
        wanted = list(instruments)
        return cls(known_prices(wanted, read_quotes(wanted, now), now))

    @classmethod
    def for_account(cls, account_id: Any, now: datetime) -> "Marks":
        positions = Position.objects.open().of_account(account_id).select_related("instrument")
        return cls.for_instruments(
            {position.instrument_id: position.instrument for position in positions}.values(), now
        )

    def set_price(self, instrument: Instrument, price: Decimal | None, at: datetime | None, now: datetime) -> None:
        """Value an instrument at a price of ``at``, unless it has died since or its time is not known."""
        if price is not None and at is not None and limits_of(instrument).judge(now - at) != Liveness.DEAD:
            self.by_instrument[instrument.pk] = price

    def value(self, position: Position) -> Decimal | None:
        """Rupees at the last price, below zero when short; None if the price is not known."""
        price = self.by_instrument.get(position.instrument_id)
        return None if price is None else price * position.quantity
