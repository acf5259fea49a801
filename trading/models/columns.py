"""Columns that several tables share."""

from typing import Any

from django.db import models

from alphapanda.core.ids import new_id


def id_column() -> models.UUIDField:
    return models.UUIDField(primary_key=True, default=new_id, editable=False)


def price_column(**options: Any) -> models.DecimalField:
    """Rupees with four decimals: enough for currency pairs, exact for everything else."""
    return models.DecimalField(max_digits=18, decimal_places=4, **options)


def choices_of(states: Any) -> list[tuple[str, str]]:
    return [(state.value, state.value.replace("_", " ")) for state in states]
