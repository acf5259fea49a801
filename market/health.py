"""How the feeds are: what each last said, who runs it, and how far its readers are behind."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import redis
from django.conf import settings

from alphapanda.core.telemetry import metrics
from market.domain.entries import StreamPosition
from market.domain.staleness import Liveness
from market.models import Feed, FeedLease, Shard
from market.quotes import FeedState, QuoteBoard
from market.stream import TickStream


def valkey_client() -> redis.Redis:
    timeouts: dict[str, Any] = settings.REDIS_TIMEOUTS
    return redis.Redis.from_url(settings.REDIS_URL, **timeouts)


def feed_report() -> list[dict[str, Any]]:
    """Return one row a feed: state, reason, ages in seconds, epoch, holder, instruments, and lag by shard."""
    with valkey_client() as client:
        try:
            states = QuoteBoard(client).feed_states()
            lags = shard_lags(client)
        except redis.RedisError as error:
            return [_unreadable(feed, error) for feed in Feed.objects.all()]
    holders = dict(FeedLease.objects.values_list("feed_id", "holder"))
    unheard = "this feed has never run"
    return [
        _row(feed, states.get(feed.name) or FeedState(feed.name, Liveness.DEAD, unheard), holders, lags)
        for feed in Feed.objects.all()
    ]


def _row(feed: Feed, state: FeedState, holders: dict[Any, str], lags: dict[str, int]) -> dict[str, Any]:
    return {
        "feed": feed.name,
        "is_active": feed.is_active,
        "state": str(state.state),
        "reason": state.reason,
        "connected": state.connected,
        "epoch": state.epoch,
        "n": state.n,
        "holder": holders.get(feed.pk, ""),
        "market_time": state.market_time,
        "frame_age_seconds": _seconds(state.frame_age_ms),
        "silent_seconds": state.silent_for / timedelta(seconds=1) if state.silent_for is not None else None,
        "instruments": state.subscribed,
        "lag_entries": {name: lag for name, lag in lags.items() if name.startswith(f"{feed.name}-")},
    }


def _unreadable(feed: Feed, error: redis.RedisError) -> dict[str, Any]:
    """Unknown is not zero: without Valkey nothing is known of a feed."""
    return {"feed": feed.name, "is_active": feed.is_active, "state": "unknown", "reason": f"Valkey: {error}"}


def _seconds(milliseconds: int | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000


def shard_lags(client: redis.Redis) -> dict[str, int]:
    """Return how many stream entries each shard has still to process, and note it as a metric."""
    lags = {}
    for shard in Shard.objects.select_related("feed"):
        lag = TickStream(client, shard.feed_id).lag(StreamPosition(shard.epoch, shard.n))
        metrics.STREAM_LAG.labels(shard.name).set(lag)
        lags[shard.name] = lag
    return lags


def feeds_ready() -> list[str]:
    """Return what is wrong with the active feeds, in words; an empty list means nothing."""
    return [
        f"feed {row['feed']} is {row['state']}: {row['reason']}"
        for row in feed_report()
        if row["is_active"] and row["state"] != Liveness.LIVE
    ]
