"""Subscribes what somebody wants to trade by hand and nobody watches, and lets it go when nothing is held or out of it.

The gate judges an order by its price.
"""

from __future__ import annotations

from instruments.models import Instrument
from market.models import Feed, Subscription
from market.subscriptions import TooManyInstruments, drop_subscriptions, subscribe_instrument
from portfolio.models import Account, Position
from trading.errors import NotAllowed
from trading.models import Order

REF = "order by hand"


def ensure_watched(account: Account, instrument: Instrument) -> bool:
    """Return whether its price was watched already; now it is, where there is a feed.

    Raises NotAllowed where the feed carries no more.
    """
    if Subscription.objects.filter(instrument=instrument).exists():
        return True
    feed = Feed.objects.filter(shards__deployments__account=account).first() or Feed.objects.order_by("name").first()
    if feed is not None:
        try:
            subscribe_instrument(feed, instrument, ref=REF)
        except TooManyInstruments as full:
            raise NotAllowed(str(full)) from full
    return False


def drop_unneeded() -> int:
    """Let go what nothing is held or out of; returns how many there were. For between two days: nobody waits then."""
    needed = Position.objects.open().values("instrument").union(Order.objects.live().values("instrument"))
    idle = Instrument.objects.filter(subscriptions__ref=REF).exclude(pk__in=[row["instrument"] for row in needed])
    found = list(idle)
    return drop_subscriptions(REF, found) if found else 0
