"""The questions others ask of shards, leases, candles and subscriptions."""

from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from django.db import models

if TYPE_CHECKING:
    from market.models import Candle, FeedLease, Shard, Subscription  # noqa: F401

_STRENGTH = {"ltp": 0, "quote": 1, "full": 2}


class ShardQuerySet(models.QuerySet["Shard"]):
    def advance(self, shard: "Shard", to: tuple[int, int]) -> bool:
        """Move a shard on from the position it was read at; False: somebody else has, so drop everything."""
        epoch, n = to
        return bool(self.filter(pk=shard.pk, epoch=shard.epoch, n=shard.n).update(epoch=epoch, n=n))


class FeedLeaseQuerySet(models.QuerySet["FeedLease"]):
    def of(self, feed_name: str) -> "FeedLease | None":
        return self.filter(feed__name=feed_name).select_related("feed").first()


class CandleQuerySet(models.QuerySet["Candle"]):
    def of(self, instrument: Any, interval: int) -> "CandleQuerySet":
        return self.filter(instrument=instrument, interval=interval)

    def last_before(self, instrument: Any, interval: int, moment: datetime, count: int) -> "list[Candle]":
        """Return up to ``count`` candles that began before ``moment``, oldest first: for warming up."""
        newest = self.of(instrument, interval).filter(start__lt=moment).order_by("-start")[:count]
        return list(reversed(newest))


class SubscriptionQuerySet(models.QuerySet["Subscription"]):
    def modes(self, feed: Any, day: date) -> dict[int, str]:
        """Return the mode each token is wanted in on ``day``: the strongest anyone asked for.

        What has expired is not wanted any more: its token may be another's by now.
        """
        wanted: dict[int, str] = {}
        rows = self.filter(feed=feed, instrument__listed=True).exclude(instrument__expiry__lt=day)
        for token, mode in rows.values_list("instrument__instrument_token", "mode"):
            if _STRENGTH[mode] >= _STRENGTH[wanted.get(token, "ltp")]:
                wanted[token] = mode
        return wanted
