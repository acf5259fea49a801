"""Everything a feed writes to Valkey, in order and from one thread: stream, quote board, wake-ups."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

import redis
import structlog
from celery import current_app
from django.conf import settings
from kombu.exceptions import OperationalError

from alphapanda.core.telemetry import metrics
from alphapanda.core.telemetry.crashpoints import crashpoint
from market.domain.entries import StreamPosition
from market.domain.ticks import TickBatch
from market.models import Feed, Shard
from market.quotes import QUOTES_KEY, FeedState, QuoteBoard, pack_quotes
from market.stream import OlderEpoch, TickStream

log = structlog.get_logger(__name__)

AWAKE_MS = 2000
FIRST_PAUSE, LONGEST_PAUSE, PATIENCE = 0.05, 1.0, 20.0

_T = TypeVar("_T")


class ValkeyGone(Exception):
    """Valkey did not answer for so long that the process should start anew."""


def send_task(name: str, args: list[Any], queue: str) -> None:
    """Send a Celery message without waiting for a broker that is away. Raises OperationalError."""
    current_app.send_task(name, args=args, queue=queue, retry=False, ignore_result=True)


class FeedWriter:
    """Appends under one epoch. Not thread-safe: its owner calls it from one thread."""

    def __init__(
        self,
        client: redis.Redis,
        feed: Feed,
        epoch: int,
        shards: Sequence[Shard],
        *,
        send: Callable[[str, list[Any], str], None] = send_task,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.feed, self.epoch, self.n = feed, epoch, 0
        self.stream, self.board = TickStream(client, feed.pk), QuoteBoard(client)
        self._redis, self._shards, self._send, self._sleep = client, shards, send, sleep

    def ticks(self, streamed: TickBatch, shown: TickBatch, market_time: datetime, gap: bool) -> StreamPosition:
        """Append what was heard and put up what may be shown, in one step; then wake the shards."""
        if len(streamed):
            n = self.n + 1
            quotes = (QUOTES_KEY, pack_quotes(shown, market_time, self.feed.name))
            self._append(
                n, lambda: self.stream.append_batch(self.epoch, n, streamed, market_time, gap=gap, beside=quotes)
            )
            crashpoint("feed_appended")
            metrics.FEED_TICKS.labels(self.feed.name).inc(len(streamed))
            self.wake()
        else:
            self._try_to("put up quotes", lambda: self.board.write(shown, market_time, self.feed.name))
        return StreamPosition(self.epoch, self.n)

    def append_watermark(self, market_time: datetime, gap: bool) -> StreamPosition:
        """Append that market time has come this far, then wake the shards."""
        n = self.n + 1
        self._append(n, lambda: self.stream.append_watermark(self.epoch, n, market_time, gap=gap))
        self.wake()
        return StreamPosition(self.epoch, n)

    def publish_state(self, state: FeedState) -> None:
        self._try_to("say how the feed is", lambda: self.board.write_feed(state))

    def wake(self) -> None:
        """Tell each shard's worker that there is work, unless it has just been told."""
        for shard in self._shards:
            self._try_to("wake a shard", lambda shard=shard: self._wake(shard))  # type: ignore[misc]

    def _wake(self, shard: Shard) -> None:
        flag = f"awake:{shard.pk}"
        if not self._redis.set(flag, 1, nx=True, px=AWAKE_MS):
            return
        try:
            self._send(settings.PROCESS_TICKS_TASK, [str(shard.pk)], f"ticks.{shard.name}")
        except OperationalError:
            self._redis.delete(flag)
            raise

    def pass_on_hint(self, account_id: str) -> None:
        """Make the account's own worker read its orders: the ticker said that one of them changed."""
        name, queue = settings.ORDER_HINT_TASK, f"broker.{self.feed.data_account}"
        if name and account_id:
            self._try_to("pass on an order hint", lambda: self._send(name, [account_id], queue))

    def _append(self, n: int, append: Callable[[], StreamPosition]) -> None:
        """Append, however long Valkey is away, within PATIENCE; the number counts only once it stands."""
        deadline, pause, uncertain = time.monotonic() + PATIENCE, FIRST_PAUSE, False
        while True:
            try:
                append()
                break
            except OlderEpoch:
                # The answer to an earlier try may have been lost on the way: then this is our own entry.
                if uncertain and self.stream.last_position() == (self.epoch, n):
                    break
                raise
            except (redis.ConnectionError, redis.TimeoutError) as error:
                if time.monotonic() > deadline:
                    raise ValkeyGone(f"no answer for {PATIENCE:.0f} s: {error}") from error
                uncertain = True
                log.warning("append_failed", feed=self.feed.name, n=n, error=str(error), again_in=pause)
                self._sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
        self.n = n

    def _try_to(self, what: str, act: Callable[[], Any]) -> None:
        """Do what the next second will do again anyway; failing is noted and costs nothing else."""
        try:
            act()
        except (redis.RedisError, OperationalError) as error:
            metrics.FEED_DROPS.labels(self.feed.name, "valkey").inc()
            log.warning("could_not", what=what, feed=self.feed.name, error=str(error))
