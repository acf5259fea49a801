"""Seed the steps of market protection and limit price protection from the project's own dated list."""

from __future__ import annotations

import csv
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.apps.registry import Apps

from instruments.models import ProtectionStep

STEPS_FILE = Path(__file__).parent / "data" / "price_protection.csv"


def seeded_steps() -> list[ProtectionStep]:
    """The rows of the project's list, not saved."""
    return [ProtectionStep(**columns) for columns in _rows()]


def _rows() -> list[dict[str, Any]]:
    with STEPS_FILE.open(newline="", encoding="utf-8") as file:
        return [_columns(row) for row in csv.DictReader(file)]


def _columns(row: dict[str, str]) -> dict[str, Any]:
    figures = {name: Decimal(row[name]) if row[name] else None for name in ("below", "percent", "rupees")}
    return {**row, **figures, "effective_from": date.fromisoformat(row["effective_from"])}


def seed_protections(apps: Apps | None = None, using: str = "default", **_: Any) -> None:
    """Add the steps the database does not have. What a person changed in the admin stays as it is."""
    try:
        steps = apps.get_model("instruments", "ProtectionStep") if apps else ProtectionStep
    except LookupError:
        # Migrated back to before the table.
        return
    steps.objects.using(using).bulk_create([steps(**columns) for columns in _rows()], ignore_conflicts=True)
