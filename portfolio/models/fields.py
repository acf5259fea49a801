"""Columns that every table of the books shares."""

from __future__ import annotations

from typing import Any

from django.db import models

from alphapanda.core.ids import new_id


def uuid_key() -> models.UUIDField[Any, Any]:
    return models.UUIDField(primary_key=True, default=new_id, editable=False)


def money_column(**options: Any) -> models.DecimalField[Any, Any]:
    return models.DecimalField(max_digits=18, decimal_places=4, **options)
