"""A feed for tests: a source that only does what it is told, and a desk around it."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from market.consumers import FeedConsumer
from market.domain.quality import QualityFilter
from market.feed_parts import FeedParts, Lockstep
from market.feeds import Inbox
from market.models import Feed, Shard
from market.tests.frames import INFY, encode_frame, full_rows
from market.updates import MarketUpdates
from market.writer import FeedWriter

T0 = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
STAMP = int(T0.timestamp())


class ToldSource:
    """A source that a test drives through its inbox."""

    account_id = "account-1"

    def __init__(self, feed=None, inbox=None):
        self.connected, self.paused, self.started, self.stopped = True, False, False, False
        self.wanted, self.inbox = {}, inbox

    async def start(self):
        self.started = True
        self.inbox.connection()

    def want(self, modes):
        self.wanted = dict(modes)

    def pause(self):
        self.paused = True

    def resume(self):
        self.paused = False

    async def stop(self):
        self.stopped = True


class StoodClock:
    rate = 1.0

    def __init__(self, at=T0):
        self.at = at

    def now(self):
        return self.at

    def pass_seconds(self, seconds):
        self.at += timedelta(seconds=seconds)

    def start(self):
        """It stands."""

    def stop(self):
        """It stands already."""


class SentTasks(list):
    def __call__(self, name, args, queue):
        self.append((name, args, queue))


class HeardGroup(list):
    """A channel layer that keeps what was sent."""

    async def group_send(self, group, message):
        self.append((group, message))


def feed_and_shard():
    feed = Feed(name="test", data_account="family")
    return feed, Shard(feed=feed, number=0)


def raw(*ticks):
    return encode_frame(full_rows(*({"exchange_timestamp": STAMP} | tick for tick in ticks)))


def make_parts(valkey, thread, lockstep=None, epoch=1, most_frames=64):
    feed, shard = feed_and_shard()
    inbox = Inbox(most_frames, lossless=lockstep is not None)
    inbox.source = ToldSource(feed, inbox)
    return FeedParts(
        inbox=inbox,
        writer=FeedWriter(valkey, feed, epoch, [shard], send=SentTasks()),
        quality=QualityFilter(),
        updates=MarketUpdates({INFY: "NSE:INFY"}, HeardGroup()),
        thread=thread,
        clock=None if lockstep else StoodClock(),
        lockstep=lockstep,
    )


@asynccontextmanager
async def running(parts):
    """Run a FeedConsumer on the desk; leaving waits until all that was put in has been handled."""

    async def no_reply(_message):
        """Nobody is there to be answered."""

    task = asyncio.create_task(FeedConsumer(parts)({"type": "feed"}, parts.inbox.get, no_reply))
    try:
        yield task
        parts.inbox.put_once({"type": "feed.stop"})
        await asyncio.wait_for(task, 10)
    finally:
        task.cancel()


def writing_thread():
    return ThreadPoolExecutor(1)


def lockstep_of(told, quiesced):
    async def set_time(moment):
        told.append(moment)

    return Lockstep(set_time=set_time, quiesced=quiesced)
