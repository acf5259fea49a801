"""Charge trades by the rates on file, and seed those rates from the project's own dated list."""

from __future__ import annotations

import csv
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.apps.registry import Apps

from portfolio.domain.charges import ChargeSegment, segment_of
from portfolio.domain.costs import ChargeRates
from portfolio.models import ChargeRate, Trade, TradeKind

RATES_FILE = Path(__file__).parent / "data" / "charge_rates.csv"


def rates_of(exchange: str) -> ChargeRates:
    return ChargeRates(ChargeRate.objects.filter(exchange=exchange))


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
