"""Subscribes what somebody wants to trade by hand and nobody watches: the gate judges an order by its price."""

from __future__ import annotations

from instruments.models import Instrument
from market.models import Feed, Subscription
from market.subscriptions import TooManyInstruments, subscribe_instrument
from portfolio.models import Account
from trading.errors import NotAllowed

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
