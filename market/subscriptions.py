"""Who wants which instrument's ticks: the feed subscribes the union, and notices changes within a second."""

from __future__ import annotations

from typing import Any

import redis
import structlog
from django.conf import settings
from django.db import transaction

from instruments.models import Instrument
from market.models import Feed, Subscription

log = structlog.get_logger(__name__)

# Kite's limit for one connection (kite.md 3.1); one feed has one connection.
MOST_INSTRUMENTS = 3000


class TooManyInstruments(Exception):
    """The feed's connection carries no more instruments."""


@transaction.atomic
def subscribe_instrument(
    feed: Feed, instrument: Instrument, mode: str = "full", ref: str = "by hand", wants_candles: bool = False
) -> Subscription:
    """Want an instrument's ticks for a reason; wanting it again for the same reason changes how.

    Raises TooManyInstruments, ValueError for an unknown mode.
    """
    if mode not in dict(Subscription.MODES):
        raise ValueError(f"unknown mode {mode!r}: ltp, quote or full")
    # Serialises those who subscribe to one feed, so that two of them cannot both take the last place.
    Feed.objects.select_for_update(no_key=True).get(pk=feed.pk)
    taken = Subscription.objects.filter(feed=feed).exclude(instrument=instrument)
    if taken.values("instrument").distinct().count() >= MOST_INSTRUMENTS:
        raise TooManyInstruments(
            f"{feed.name} already carries {MOST_INSTRUMENTS} instruments, as many as one Kite connection may; "
            f"{instrument.key} needs another feed, or another instrument's place"
        )
    subscription, _ = Subscription.objects.update_or_create(
        feed=feed,
        instrument=instrument,
        ref=ref,
        defaults={"mode": "full" if wants_candles else mode, "wants_candles": wants_candles},
    )
    _hint(feed.name)
    return subscription


@transaction.atomic
def drop_subscriptions(ref: str, instruments: list[Instrument] | None = None) -> int:
    """Drop the wishes of a reason, all or those for some instruments; return how many there were."""
    wishes = Subscription.objects.filter(ref=ref)
    if instruments is not None:
        wishes = wishes.filter(instrument__in=instruments)
    feeds = list(wishes.values_list("feed__name", flat=True).distinct())
    count, _ = wishes.delete()
    for name in feeds:
        _hint(name)
    return count


def hint_channel(feed_name: str) -> str:
    return f"subscriptions:{feed_name}"


def _hint(feed_name: str) -> None:
    transaction.on_commit(lambda: _publish(feed_name))


def _publish(feed_name: str) -> None:
    """Spare the feed its second of waiting; without Valkey it looks by itself."""
    timeouts: dict[str, Any] = settings.REDIS_TIMEOUTS
    try:
        with redis.Redis.from_url(settings.REDIS_URL, **timeouts) as client:
            client.publish(hint_channel(feed_name), b"")
    except redis.RedisError as error:
        log.warning("subscription_hint_not_sent", feed=feed_name, error=str(error))
