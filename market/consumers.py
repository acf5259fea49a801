"""The FeedConsumer: takes frames off the feed's inbox and turns each into stream, quotes, updates and wake-ups.

A Channels consumer hosted in the feed process on its inbox: the channel layer is at most once, ticks are not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, TypeVar

import structlog
from channels.consumer import AsyncConsumer
from channels.exceptions import StopConsumer
from django.db import DatabaseError

from alphapanda.core.telemetry import metrics
from market.domain.entries import from_milliseconds
from market.domain.staleness import Liveness, feed_state
from market.domain.ticks import decode_frame
from market.feed_parts import FeedParts
from market.feeds import Message
from market.quotes import FeedState

log = structlog.get_logger(__name__)

# A watermark says "all ticks up to here have been heard": a connection silent for longer may be losing some.
QUIET_SECONDS = 2.0

_REASONS = {
    Liveness.LIVE: "",
    Liveness.STALE: "nothing heard for some seconds",
    Liveness.DEAD: "not connected",
}

_T = TypeVar("_T")


class FeedConsumer(AsyncConsumer):  # type: ignore[misc]
    """One message at a time, in the order they came."""

    # No layer of this name is configured: a consumer that listens on one dies with it when Valkey is away.
    channel_layer_alias = "the feed listens on its inbox"

    def __init__(self, parts: FeedParts) -> None:
        self.parts = parts
        self.feed = parts.writer.feed.name

    async def dispatch(self, message: Message) -> None:
        """Without Channels' look at old database connections: the feed never waits for PostgreSQL."""
        await getattr(self, message["type"].replace(".", "_"))(message)

    # ---- frames ----------------------------------------------------------------------------------------------

    async def feed_frame(self, message: Message) -> None:
        """Decode, check_quality, append and show, wake."""
        parts, payload = self.parts, message["payload"]
        metrics.FEED_FRAMES.labels(self.feed).inc()
        batch = decode_frame(payload, message["at"])
        if parts.lockstep is not None:
            stamps = batch.rows["exchange_timestamp"]
            await self._step_to(message["market_time"], int(stamps.max(initial=0)))
            if parts.lockstep.clock.now is None:
                # Before the first packet that carries a time nothing can be said to have happened.
                self._count({"untimed": len(batch)})
                return
        now = self._now(message)
        await self._record(payload, message["at"], now)
        if not len(batch) and not batch.faults:
            return
        future = round(5 * max(1.0, parts.clock.rate)) if parts.clock else None
        sifted = parts.quality.check_quality(batch, int(now.timestamp()), future)
        self._count(sifted.counts)
        position = await self._in_thread(parts.writer.ticks, sifted.streamed, sifted.shown, now, parts.gap)
        parts.gap = parts.gap and not len(sifted.streamed)
        parts.updates.take_rows(sifted.shown, now, position)
        if parts.lockstep is not None and len(sifted.streamed):
            await parts.lockstep.quiesced(parts.writer.feed.pk, position)

    async def _record(self, payload: bytes, received_at: int, now: datetime) -> None:
        """Write the raw frame down. A full disk ends the recording, not the feed."""
        if self.parts.recorder is None:
            return
        try:
            await self._in_thread(self.parts.recorder.write, payload, received_at, now)
        except (OSError, DatabaseError) as error:
            self.parts.recorder = None
            metrics.FEED_DROPS.labels(self.feed, "not_recorded").inc()
            log.error("recording_ended", feed=self.feed, error=str(error))

    async def feed_dropped(self, message: Message) -> None:
        """Frames had to go because the inbox was full."""
        self.parts.gap = True

    def _now(self, message: Message) -> datetime:
        """Return the market time of a frame: what the clock says, or what the frame itself does."""
        if self.parts.lockstep is not None and self.parts.lockstep.clock.now is not None:
            return self.parts.lockstep.clock.now
        if self.parts.clock is not None:
            return self.parts.clock.now()
        recorded = message.get("market_time")
        return from_milliseconds(recorded if recorded is not None else message["at"])

    def _count(self, counts: dict[str, int]) -> None:
        for reason, count in counts.items():
            metrics.FEED_DROPS.labels(self.feed, reason).inc(count)

    # ---- lockstep --------------------------------------------------------------------------------------------

    async def _step_to(self, recorded_ms: int | None, newest_stamp: int) -> None:
        """Make market time the frame's, with a watermark first if a pause in the data lies before it."""
        step = self.parts.lockstep
        assert step is not None
        moment = step.clock.moment_of(recorded_ms, newest_stamp)
        if moment is None:
            return
        if step.clock.is_after_pause(moment):
            await self._watermark_pause()
        step.clock.move_to(moment)
        await step.set_time(moment)

    async def _watermark_pause(self) -> None:
        """Append the one watermark of a pause."""
        step = self.parts.lockstep
        moment = step.clock.end_pause() if step is not None else None
        if step is None or moment is None:
            return
        await step.set_time(moment)
        position = await self._in_thread(self.parts.writer.append_watermark, moment, False)
        await step.quiesced(self.parts.writer.feed.pk, position)

    # ---- seconds ---------------------------------------------------------------------------------------------

    async def feed_second(self, message: Message) -> None:
        """Mark the second in the stream, if nothing can have been missed."""
        parts = self.parts
        self._count(parts.inbox.dropped)
        parts.inbox.dropped.clear()
        if parts.clock is not None:
            await self._watermark_second(parts.clock.now(), self._connected())

    def _connected(self) -> bool:
        source = self.parts.inbox.source
        return source is not None and source.connected and not self.parts.refused

    async def _watermark_second(self, now: datetime, connected: bool) -> None:
        age = self.parts.inbox.link_age
        if connected and (age is None or age > QUIET_SECONDS):
            return
        gap = self.parts.gap or not connected
        await self._in_thread(self.parts.writer.append_watermark, now, gap)
        self.parts.gap = not connected

    async def say_how_it_is(self) -> None:
        """Publish the feed's state: on its own, so that it is said however long a frame takes."""
        await self._in_thread(self.parts.writer.publish_state, self.state())

    def state(self) -> FeedState:
        parts, age, liveness = self.parts, self.parts.inbox.link_age, self.liveness()
        if age is not None:
            metrics.FEED_FRAME_AGE.labels(self.feed).set(age)
        return FeedState(
            feed=self.feed,
            state=liveness,
            reason=parts.refused or _REASONS[liveness],
            epoch=parts.writer.epoch,
            n=parts.writer.n,
            connected=self._connected(),
            lockstep=parts.lockstep is not None,
            market_time=self._market_time(),
            frame_age_ms=round(age * 1000) if age is not None else None,
            subscribed=parts.subscribed,
        )

    def liveness(self) -> Liveness:
        if self.parts.lockstep is not None:
            # A replay is as live as its last frame, whatever the link does meanwhile.
            return Liveness.DEAD if self.parts.refused else Liveness.LIVE
        age = self.parts.inbox.link_age
        link_age = timedelta(seconds=age) if age is not None else None
        return feed_state(link_age, connected=self._connected())

    def _market_time(self) -> datetime | None:
        if self.parts.lockstep is not None:
            return self.parts.lockstep.clock.now
        return self.parts.clock.now() if self.parts.clock is not None else None

    # ---- the link --------------------------------------------------------------------------------------------

    async def feed_connected(self, message: Message) -> None:
        self.parts.refused, self.parts.gap = "", True
        if message["nth"] > 1:
            metrics.FEED_RECONNECTS.labels(self.feed).inc()
        log.info("feed_connected", feed=self.feed, nth=message["nth"])
        # Said before the first frame is taken: what it brings about must find a feed that is well.
        await self.say_how_it_is()

    async def feed_disconnected(self, message: Message) -> None:
        self.parts.gap = True
        log.warning("feed_disconnected", feed=self.feed, reason=message["reason"])

    async def feed_refused(self, message: Message) -> None:
        self.parts.refused = message["reason"]
        log.error("feed_refused", feed=self.feed, reason=message["reason"])

    async def feed_hint(self, message: Message) -> None:
        """Remember it; many updates of one moment need one reading of the orders."""
        self.parts.hinted = True

    async def feed_flush(self, message: Message) -> None:
        """Pass on the hint, and to browsers what has changed: at most five times a second."""
        source = self.parts.inbox.source
        if self.parts.hinted and source is not None:
            self.parts.hinted = False
            await self._in_thread(self.parts.writer.pass_on_hint, source.account_id)
        await self.parts.updates.send(self.liveness())

    async def feed_ended(self, message: Message) -> None:
        """A replay is over: in lockstep let time pass once more, so that the last candles close, and end."""
        if self.parts.lockstep is not None:
            await self._watermark_pause()
            await self.feed_stop(message)

    async def feed_stop(self, message: Message) -> None:
        if self.parts.recorder is not None:
            await self._in_thread(self.parts.recorder.close)
        raise StopConsumer

    async def _in_thread(self, act: Callable[..., _T], *args: Any) -> _T:
        """Run what talks to Valkey, the disk or Celery in the feed's one writing thread."""
        return await asyncio.get_running_loop().run_in_executor(self.parts.thread, act, *args)
