"""Record a feed's raw frames day by day without running it, or say what a recording holds."""

import asyncio
import contextlib
import signal
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from alphapanda.core.commands import Command as BaseCommand
from alphapanda.core.timezone import IST
from market.domain.entries import from_milliseconds
from market.domain.ticks import decode_frame
from market.feeds import Inbox, source_for
from market.market_clock import ClockUnreachable, FeedClock, clock_for
from market.models import Feed, Subscription
from market.recording import NotARecording, Recorder, read_recording, sha256_of


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--feed", default="kite", help="name of the feed (default: kite)")
        parser.add_argument("--until", metavar="HH:MM", help="stop at this time of the market's day, Indian time")
        parser.add_argument("--show", type=Path, metavar="FILE", help="say what a recording holds, and end")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["show"]:
            self._show(options["show"])
            return
        feed = Feed.objects.filter(name=options["feed"]).first()
        if feed is None:
            raise CommandError(f"There is no feed called {options['feed']}.", returncode=2)
        until = self._until(options["until"])
        try:
            clock = clock_for(settings.KIND, store=False)
            clock.start()
        except ClockUnreachable as silent:
            raise CommandError(f"The practice exchange does not say what time it is: {silent}.") from silent
        frames = asyncio.run(self._record(feed, clock, until))
        clock.stop()
        self.say(f"Recorded {frames} frames of feed {feed.name}.", feed=feed.name, frames=frames)

    def _until(self, text: str | None) -> Any:
        if text is None:
            return None
        try:
            return datetime.strptime(text, "%H:%M").time()  # noqa: DTZ007
        except ValueError:
            raise CommandError(f"--until wants HH:MM, not {text}.", returncode=2) from None

    async def _record(self, feed: Feed, clock: FeedClock, until: Any) -> int:
        inbox = Inbox()
        modes = await asyncio.to_thread(Subscription.objects.modes, feed, clock.now().astimezone(IST).date())
        source, recorder, frames = source_for(feed, inbox), Recorder(feed), 0
        source.want(modes)
        ended = asyncio.create_task(self._ended(clock, until))
        await source.start()
        try:
            while not ended.done():
                taking = asyncio.create_task(inbox.get())
                await asyncio.wait({taking, ended}, return_when=asyncio.FIRST_COMPLETED)
                if not taking.done():
                    taking.cancel()
                    break
                message = taking.result()
                if message["type"] == "feed.refused":
                    raise CommandError(f"The feed will not have us: {message['reason']}.")
                if message["type"] == "feed.frame":
                    now = clock.now()
                    await asyncio.to_thread(recorder.write, message["payload"], message["at"], now)
                    frames += 1
        finally:
            ended.cancel()
            await source.stop()
            await asyncio.to_thread(recorder.close)
        return frames

    async def _ended(self, clock: FeedClock, until: Any) -> None:
        """Return when the market's clock says so, or somebody presses Ctrl-C."""
        asked = asyncio.Event()
        for ending in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(ending, asked.set)
        while not asked.is_set():
            now = clock.now().astimezone(IST)
            if until is not None and now.time() >= until:
                return
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(asked.wait(), 0.5)

    def _show(self, path: Path) -> None:
        frames = ticks = size = 0
        first = last = None
        try:
            for frame in read_recording(path):
                frames, size = frames + 1, size + len(frame.payload)
                ticks += len(decode_frame(frame.payload, frame.received_at))
                first, last = first or frame.market_time, frame.market_time
            checksum = sha256_of(path)
        except (OSError, NotARecording) as unreadable:
            raise CommandError(str(unreadable)) from unreadable
        span = [from_milliseconds(at).astimezone(IST).isoformat() for at in (first, last) if at is not None]
        self.say(
            f"{path}: {frames} frames, {ticks} ticks, {size} bytes, {' to '.join(span) or 'empty'}\nsha256 {checksum}",
            frames=frames,
            ticks=ticks,
            bytes=size,
            span=span,
            sha256=checksum,
        )
