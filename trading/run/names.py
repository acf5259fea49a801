"""What a run kept under a former name of an instrument, under the name it has now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def rename_keys(saved: Any, names: Mapping[str, str]) -> Any:
    """Return a copy of JSON in which every former key ("NSE:ZOMATO") is the current one, wherever it stands.

    It is one as a whole string or an object's name, also before a bar ("NSE:ZOMATO|5"): a strategy's own state is
    free to be kept by either.
    """
    if not names:
        return saved
    if isinstance(saved, dict):
        return {rename_keys(name, names): rename_keys(value, names) for name, value in saved.items()}
    if isinstance(saved, list):
        return [rename_keys(value, names) for value in saved]
    return _renamed(saved, names) if isinstance(saved, str) else saved


def _renamed(text: str, names: Mapping[str, str]) -> str:
    key, bar, rest = text.partition("|")
    return names.get(key, key) + bar + rest
