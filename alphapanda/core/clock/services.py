"""Found the installation, and move the market's clock, forwards only."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import F
from django.db.models.functions import Greatest

from alphapanda.core.clock.market_time import forget_anchor, wall_now
from alphapanda.core.clock.models import Installation, MarketClock


def create_installation(using: str = "default", **_: Any) -> None:
    """Make the one Installation row of a new database, of the kind the environment names."""
    Installation.objects.using(using).get_or_create(only=True, defaults={"kind": settings.KIND})


def get_installation() -> Installation:
    return Installation.objects.get()


def set_market_time(market_time: datetime, rate: float) -> None:
    """Note what the market's clock says now. A time before the noted one is ignored: time never goes back."""
    wall = wall_now()
    moved = MarketClock.objects.update(market_time=Greatest(F("market_time"), market_time), wall_time=wall, rate=rate)
    if not moved:
        MarketClock.objects.get_or_create(
            only=True, defaults={"market_time": market_time, "wall_time": wall, "rate": rate}
        )
    forget_anchor()
