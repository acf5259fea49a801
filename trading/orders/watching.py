"""Subscribes what somebody wants to trade by hand and nobody watches, and lets it go when nothing is held or out of it.

The gate judges an order by its price.
"""

from __future__ import annotations

import structlog
from django.db import OperationalError

from instruments.models import Instrument
from market.models import Feed, Subscription
from market.subscriptions import TooManyInstruments, drop_subscriptions, subscribe_instrument
from portfolio.models import Account, Position
from trading.models import Order

log = structlog.get_logger()
REF = "order by hand"


def ensure_watched(account: Account, instrument: Instrument) -> bool:
    """Return whether its price was watched already; now it is, where a feed can carry it.

    Never a reason to refuse: the order may be somebody's way out, and of a price that is not known the gate judges.
    """
    feeds = Feed.objects.filter(is_active=True)
    if Subscription.objects.filter(instrument=instrument, feed__in=feeds).exists():
        return True
    feed = feeds.filter(shards__deployments__account=account).first() or feeds.order_by("name").first()
    if feed is not None:
        try:
            subscribe_instrument(feed, instrument, ref=REF)
        except (TooManyInstruments, OperationalError) as error:
            log.warning("not_watched", instrument=instrument.key, error=str(error))
    return False


def drop_unneeded() -> int:
    """Let go what nothing is held or out of; returns how many there were. Whoever asks again is watched for again."""
    needed = Position.objects.open().values("instrument").union(Order.objects.live().values("instrument"))
    idle = Instrument.objects.filter(subscriptions__ref=REF).exclude(pk__in=[row["instrument"] for row in needed])
    found = list(idle)
    return drop_subscriptions(REF, found) if found else 0
