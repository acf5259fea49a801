"""Charge trades by the rates on file, and seed those rates from the project's own dated list."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any

from django.apps.registry import Apps

from instruments.domain.order_terms import side_of
from portfolio.domain.charges import Charges, ChargeSegment, RateCard, dp_charge, segment_of
from portfolio.domain.same_day import Change, Turnover
from portfolio.models import ChargeRate, Trade, TradeKind

RATES_FILE = Path(__file__).parent / "data" / "charge_rates.csv"


class ChargeRates:
    """Rates at hand. Everything it answers raises UnknownCharge where no rate is known."""

    def __init__(self, rates: Iterable[ChargeRate]) -> None:
        self.rates = list(rates)
        self._cards: dict[tuple[str, ChargeSegment, date], RateCard] = {}

    @classmethod
    def of_exchange(cls, exchange: str) -> ChargeRates:
        return cls(ChargeRate.objects.filter(exchange=exchange))

    def card_of(self, exchange: str, segment: ChargeSegment, day: date) -> RateCard:
        if (exchange, segment, day) not in self._cards:
            self._cards[exchange, segment, day] = RateCard.of(self.rates, exchange, segment, day)
        return self._cards[exchange, segment, day]

    def cost_of(self, change: Change[Trade]) -> Charges:
        """What it costs that an order has been executed for more, or under other rates, in paise.

        It is the difference of two rounded sums: an order's costs add up to the order's charge, however many they were.
        """
        return self._bill(change.trade, change.after) - self._bill(change.trade, change.before)

    def _bill(self, trade: Trade, turnover: Turnover) -> Charges:
        side = side_of(trade.signed_quantity)
        # A rate that is not needed may be unknown.
        parts = (
            self.card_of(trade.exchange, segment, trade.day).order_charges(side, executed).to_paisa()
            for segment, executed in turnover.items()
            if executed
        )
        return reduce(add, parts, Charges())

    def dp_charge(self, trade: Trade) -> Decimal:
        """What the depository takes when the trade's share leaves the account."""
        return dp_charge(self.rates, trade.exchange, trade.day)


def segment_of_trade(trade: Trade) -> ChargeSegment:
    return segment_of(trade.instrument.instrument_type, trade.product, at_expiry=trade.kind == TradeKind.EXPIRY)


def seeded_rates() -> list[dict[str, Any]]:
    """The rows of the project's list, as the columns of ChargeRate."""
    with RATES_FILE.open(newline="", encoding="utf-8") as file:
        return [_columns(row) for row in csv.DictReader(file)]


def _columns(row: dict[str, str]) -> dict[str, Any]:
    figures = {name: Decimal(row[name]) for name in ("buy_rate", "sell_rate")}
    limits = {name: Decimal(row[name]) if row[name] else None for name in ("cap", "flat")}
    return {**row, **figures, **limits, "effective_from": date.fromisoformat(row["effective_from"])}


def seed_charge_rates(apps: Apps | None = None, using: str = "default", **_: Any) -> None:
    """Add the rates the database does not have. What a person changed in the admin stays as it is."""
    try:
        rates = apps.get_model("portfolio", "ChargeRate") if apps else ChargeRate
    except LookupError:
        # Migrated back to before the table.
        return
    rows = [rates(**columns) for columns in seeded_rates()]
    rates.objects.using(using).bulk_create(rows, ignore_conflicts=True)
