"""Let go of the stream what no rebuild will ask for; it is kept in files first, so that a day can be run again."""

from __future__ import annotations

from collections.abc import Iterator

import structlog
from django.conf import settings

from alphapanda.core.telemetry import metrics
from market.domain.entries import START, StreamEntry, StreamPosition
from market.kept_stream import keep_entries, keeping, last_kept, put_aside
from market.models import Feed
from market.stream import TickStream
from trading import wakeups
from trading.models import Checkpoint

log = structlog.get_logger()
READ_AT_ONCE = 500


def trim_streams() -> None:
    """Trim each feed's stream to where the shard that is farthest behind has its checkpoint."""
    for feed in Feed.objects.filter(shards__isnull=False).distinct():
        trim_stream(feed)


def trim_stream(feed: Feed) -> int:
    """Drop stream entries that no rebuild will ask for. Returns how many."""
    position = behind_all(feed)
    if position == START:
        return 0
    stream = TickStream(wakeups.valkey_client(), feed.pk)
    if settings.STREAM_DAYS and not _keep(feed, stream, position):
        return 0
    return stream.trim_before(position)


def behind_all(feed: Feed) -> StreamPosition:
    """Return the earliest checkpoint of a feed's shards; START while one has none."""
    shards = feed.shards.count()
    places = Checkpoint.objects.filter(shard__feed=feed).values_list("epoch", "n")
    found = [StreamPosition(*place) for place in places]
    return min(found) if len(found) == shards and found else START


def _keep(feed: Feed, stream: TickStream, until: StreamPosition) -> bool:
    """Keep what goes. False: another process does so now. A disk that will not have it costs the file, not the feed."""
    try:
        with keeping(feed.name) as is_ours:
            if is_ours and last_kept(feed.name) > until:
                put_aside(feed.name)  # of an installation that was here before
            if is_ours and last_kept(feed.name) < until:
                keep_entries(feed.name, entries_until(stream, last_kept(feed.name), until))
            return is_ours
    except OSError as error:
        metrics.FEED_DROPS.labels(feed.name, "not_kept").inc()
        log.error("stream_not_kept", feed=feed.name, error=str(error))
        return True


def entries_until(
    stream: TickStream, after: StreamPosition, until: StreamPosition | None = None
) -> Iterator[StreamEntry]:
    """Yield what the stream holds after one position and, if given, up to another."""
    while entries := stream.read(after, READ_AT_ONCE):
        for entry in entries:
            if until is not None and entry.position > until:
                return
            yield entry
        after = entries[-1].position
