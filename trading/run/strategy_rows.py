"""Keep a row for every strategy found in code, so that a deployment can point at one."""

from typing import Any

from django.conf import settings

from trading.strategies.registry import code_hash, find_strategies


def write_strategy_rows(using: str = "default", **_: Any) -> None:
    """Called when the database has been migrated. A strategy whose code is gone stays, marked as not available."""
    from trading.models import Strategy

    found = find_strategies(settings.STRATEGY_PACKAGES)
    for name, strategy in found.items():
        lines = (strategy.__doc__ or "").strip().splitlines()
        Strategy.objects.using(using).update_or_create(
            name=name,
            defaults={
                "title": strategy.title,
                "description": lines[0] if lines else "",
                "code_hash": code_hash(strategy),
                "is_available": True,
            },
        )
    Strategy.objects.using(using).exclude(name__in=found).update(is_available=False)
