"""What positions are worth now: prices of the quote board, and nothing where there is none."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from market.board import read_quotes
from portfolio.models import Position


class Marks:
    """Last prices by instrument id; None is unknown."""

    def __init__(self, by_instrument: dict[UUID, Decimal | None]) -> None:
        self.by_instrument = by_instrument

    @classmethod
    def for_instruments(cls, instruments: Iterable[Any], now: datetime) -> "Marks":
        wanted = list(instruments)
        quotes = read_quotes({instrument.instrument_token for instrument in wanted}, now)
        return cls(
            {
                instrument.pk: quotes[instrument.instrument_token].last_price
                if instrument.instrument_token in quotes
                else None
                for instrument in wanted
            }
        )

    @classmethod
    def for_account(cls, account_id: Any, now: datetime) -> "Marks":
        positions = Position.objects.open().of_account(account_id).select_related("instrument")
        return cls.for_instruments(
            {position.instrument_id: position.instrument for position in positions}.values(), now
        )

    def set_price(self, instrument_id: UUID, price: Decimal | None) -> None:
        if price is not None:
            self.by_instrument[instrument_id] = price

    def value(self, position: Position) -> Decimal | None:
        """Rupees at the last price, below zero when short; None if the price is not known."""
        price = self.by_instrument.get(position.instrument_id)
        return None if price is None else price * position.quantity
