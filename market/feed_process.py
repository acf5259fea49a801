"""A feed's process: lease, source, consumer and timers on one event loop, until it is told or has to end."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

import redis
import structlog
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import connection
from django.utils.module_loading import import_string

from alphapanda.core.clock import market_now
from alphapanda.core.clock.services import set_market_time
from alphapanda.core.timezone import IST
from instruments.domain.contracts import InstrumentType
from instruments.models import Instrument
from market.board import limits_of
from market.consumers import FeedConsumer
from market.domain.quality import InstrumentRules, QualityFilter
from market.domain.staleness import AgeLimits
from market.domain.ticks import to_wire
from market.feed_parts import FeedParts, Lockstep
from market.feeds import Inbox, TickSource, source_for
from market.lease import LeaseKeeper
from market.market_clock import FeedClock
from market.models import Feed, Shard, Subscription
from market.recording import Recorder
from market.subscriptions import hint_channel
from market.updates import FLUSH_SECONDS, MarketUpdates
from market.writer import FeedWriter

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Wanted:
    """What to subscribe, and what is known of it: read in the lease's thread, used on the loop."""

    modes: dict[int, str]
    keys: dict[int, str] = field(default_factory=dict)
    limits: dict[int, AgeLimits] = field(default_factory=dict)
    rules: list[InstrumentRules] = field(default_factory=list)


def look_up_wanted(feed: Feed) -> Wanted:
    day = market_now().astimezone(IST).date()
    modes = Subscription.objects.modes(feed, day)
    keys, limits, rules = {}, {}, []
    for instrument in Instrument.objects.trading_on(day).filter(subscriptions__feed=feed).distinct():
        token = instrument.instrument_token
        keys[token], limits[token] = instrument.key, limits_of(instrument)
        is_option = instrument.instrument_type in (InstrumentType.CE, InstrumentType.PE)
        is_timed = modes.get(token) == "full"
        rules.append(InstrumentRules(token, to_wire(instrument.tick_size, token), 0 if is_option else -1, is_timed))
    return Wanted(modes, keys, limits, rules)


class HintedWait:
    """Waits a second, or less if somebody changed a subscription and said so over Valkey."""

    def __init__(self, client: redis.Redis, feed_name: str) -> None:
        self._client, self._channel = client, hint_channel(feed_name)
        self._pubsub: Any = None
        self._pause = threading.Event()

    def __call__(self, seconds: float) -> None:
        try:
            if self._pubsub is None:
                self._pubsub = cast(Any, self._client).pubsub(ignore_subscribe_messages=True)
                self._pubsub.subscribe(self._channel)
            self._pubsub.get_message(timeout=seconds)
        except redis.RedisError as error:
            log.warning("subscription_hints_not_heard", error=str(error))
            self._pubsub = None
            self._pause.wait(seconds)


@dataclass
class FeedProcess:
    """Runs one feed under a lease it already has. ``run`` returns why it ended; empty: it was asked to."""

    feed: Feed
    epoch: int
    clock: FeedClock | None
    lockstep: bool = False
    record: bool = False
    make_source: Callable[[Feed, Inbox], TickSource] = source_for
    holder: str = ""

    def __post_init__(self) -> None:
        self.reason = ""
        self._wanted = Wanted({})

    def client(self) -> redis.Redis:
        timeouts: dict[str, Any] = settings.REDIS_TIMEOUTS
        return redis.Redis.from_url(settings.REDIS_URL, **timeouts)

    async def run(self) -> str:
        self._loop = asyncio.get_running_loop()
        self._inbox = Inbox(lossless=self.lockstep)
        with ThreadPoolExecutor(1, f"writer of {self.feed.name}") as thread:
            self._positions = await self._in_database(self._set_up, thread)
            keeper = self._keeper()
            keeper.start()
            try:
                await self._serve()
            finally:
                await self._in_database(keeper.stop)
                await self._loop.run_in_executor(thread, _hang_up)
                await sync_to_async(_hang_up)()
        return self.reason

    def _set_up(self, thread: ThreadPoolExecutor) -> FeedParts:
        shard, _ = Shard.objects.get_or_create(feed=self.feed, number=0)
        shards = list(Shard.objects.filter(feed=self.feed).select_related("feed")) or [shard]
        parts = FeedParts(
            inbox=self._inbox,
            writer=FeedWriter(self.client(), self.feed, self.epoch, shards),
            quality=QualityFilter(),
            updates=MarketUpdates(),
            thread=thread,
            clock=self.clock,
            lockstep=_lockstep() if self.lockstep else None,
            recorder=Recorder(self.feed) if self.record else None,
        )
        self._learn(parts, look_up_wanted(self.feed))
        return parts

    def _learn(self, parts: FeedParts, wanted: Wanted) -> None:
        self._wanted = wanted
        parts.quality.learn(wanted.rules)
        parts.updates.keys, parts.updates.limits = wanted.keys, wanted.limits
        parts.subscribed = len(wanted.modes)

    def _keeper(self) -> LeaseKeeper:
        return LeaseKeeper(
            self.feed,
            self.epoch,
            look=self._look,
            lost=lambda reason: self._soon(self.end, reason),
            wait=HintedWait(self.client(), self.feed.name),
            holder=self.holder,
        )

    def _look(self) -> None:
        """In the lease's thread: notice what is wanted now."""
        wanted = look_up_wanted(self.feed)
        if wanted != self._wanted:
            self._soon(self._want, wanted)

    def _soon(self, act: Callable[..., None], *args: Any) -> None:
        self._loop.call_soon_threadsafe(act, *args)

    def _want(self, wanted: Wanted) -> None:
        self._learn(self._positions, wanted)
        self._source.want(wanted.modes)
        log.info("subscriptions_changed", feed=self.feed.name, instruments=len(wanted.modes))

    async def _serve(self) -> None:
        self._source = self.make_source(self.feed, self._inbox)
        self._inbox.source = self._source
        self._source.want(self._wanted.modes)
        for ending in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(ending, self.end)
        feed_consumer = FeedConsumer(self._positions)
        self._consumer = asyncio.create_task(feed_consumer({"type": "feed"}, self._inbox.get, _no_reply))
        tasks = [
            self._consumer,
            asyncio.create_task(self._every(1.0, "feed.second")),
            asyncio.create_task(self._every(FLUSH_SECONDS, "feed.flush")),
            asyncio.create_task(_say_every_second(feed_consumer)),
        ]
        try:
            await self._source.start()
            log.info("feed_started", feed=self.feed.name, epoch=self.epoch, instruments=self._positions.subscribed)
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        except asyncio.CancelledError:
            if not self.reason:
                raise
        finally:
            for task in tasks:
                task.cancel()
            await self._source.stop()

    async def _every(self, seconds: float, message_type: str) -> None:
        """Queue a message regularly, never a second one while the first still waits."""
        while True:
            await asyncio.sleep(seconds)
            self._inbox.put_once({"type": message_type})

    def end(self, reason: str = "") -> None:
        """Stop after what is in hand; with a reason (the lease is lost) at once."""
        self.reason = self.reason or reason
        if self.reason:
            self._consumer.cancel()
        else:
            self._inbox.put_first({"type": "feed.stop"})

    async def _in_database(self, act: Callable[..., Any], *args: Any) -> Any:
        """Run in a passing thread, and leave no connection open there."""

        def act_and_hang_up() -> Any:
            try:
                return act(*args)
            finally:
                _hang_up()

        return await asyncio.to_thread(act_and_hang_up)


def _hang_up() -> None:
    """Close this thread's database connection; ``connection`` is another one in every thread."""
    connection.close()


def _lockstep() -> Lockstep:
    quiesced = import_string(settings.LOCKSTEP_QUIESCED)

    async def set_time(moment: datetime) -> None:
        await sync_to_async(set_market_time)(moment, 0.0)

    return Lockstep(set_time=set_time, quiesced=quiesced)


async def _say_every_second(consumer: FeedConsumer) -> None:
    while True:
        await consumer.say_how_it_is()
        await asyncio.sleep(1.0)


async def _no_reply(message: Any) -> None:
    """A feed has nobody to answer."""
