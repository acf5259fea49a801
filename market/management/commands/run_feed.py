"""Run one feed: hold its lease, connect, and turn frames into ticks until told to stop."""

import asyncio
import time
from pathlib import Path
from typing import Any

import redis
from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from alphapanda.core.commands import Command as BaseCommand
from alphapanda.core.telemetry import heartbeats, live_lines
from market.feed_process import FeedProcess
from market.feeds import Inbox, TickSource, source_for
from market.lease import acquire_lease, bury_the_dead, holder_name
from market.market_clock import ClockUnreachable, FeedClock, clock_for
from market.models import Feed
from market.recording import RecordedSource
from market.stream import OlderEpoch
from market.writer import ValkeyGone

LOOK_SECONDS = 2.0


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--feed", default="kite", help="name of the feed (default: kite)")
        parser.add_argument("--record", action="store_true", help="also record the raw frames of each day")
        parser.add_argument(
            "--from",
            dest="recordings",
            action="append",
            type=Path,
            metavar="FILE",
            help="play a recording, in lockstep, instead of connecting; may be given several times",
        )
        parser.add_argument("--no-wait", action="store_true", help="fail if another process runs this feed")
        parser.add_argument(
            "--wait-for-feed", action="store_true", help="wait until there is an active feed of that name"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        feed = self._await_feed(options["feed"]) if options["wait_for_feed"] else self._feed(options["feed"])
        lockstep = settings.LOCKSTEP or bool(options["recordings"])
        if lockstep and settings.KIND == "live":
            raise CommandError("Lockstep sets the market's clock: a live installation has only the wall's.")
        live_lines.begin_publishing(f"feed {feed.name}")
        clock = None if lockstep else self._clock()
        epoch = self._epoch(feed, wait=not options["no_wait"])
        self.say(f"Feed {feed.name} runs with epoch {epoch}.", feed=feed.name, epoch=epoch)
        process = FeedProcess(
            feed, epoch, clock, lockstep, options["record"], _source_maker(options["recordings"]), holder_name()
        )
        with heartbeats.keep_beating(f"feed {feed.name}", "ticks and quotes"):
            self._run(process, clock)

    def _feed(self, name: str) -> Feed:
        try:
            return Feed.objects.get(name=name, is_active=True)
        except Feed.DoesNotExist:
            known = ", ".join(Feed.objects.values_list("name", flat=True)) or "none yet; add one in the admin"
            raise CommandError(f"There is no active feed called {name}. Feeds: {known}.", returncode=2) from None

    def _await_feed(self, name: str) -> Feed:
        """A set-up that is not finished is no fault: a supervisor would start this again for ever."""
        is_told = False
        while not Feed.objects.filter(name=name, is_active=True).exists():
            if not is_told:
                self.say(f"There is no active feed called {name} yet; the admin makes one. Waiting.")
                is_told = True
            time.sleep(LOOK_SECONDS)
        return self._feed(name)

    def _clock(self) -> FeedClock:
        try:
            clock = clock_for(settings.KIND)
            clock.start()
        except ClockUnreachable as silent:
            raise CommandError(f"The practice exchange does not say what time it is: {silent}.") from silent
        return clock

    def _epoch(self, feed: Feed, *, wait: bool) -> int:
        told = False
        bury_the_dead(feed)
        while (epoch := acquire_lease(feed, holder_name())) is None:
            if not wait:
                raise CommandError(f"Another process runs feed {feed.name}.")
            if not told:
                self.say(f"Another process runs feed {feed.name}; waiting for its lease.")
                told = True
            time.sleep(0.5)
            bury_the_dead(feed)
        return epoch

    def _run(self, process: FeedProcess, clock: FeedClock | None) -> None:
        try:
            reason = asyncio.run(process.run())
        except (OlderEpoch, ValkeyGone, redis.RedisError) as error:
            reason = str(error)
        finally:
            if clock is not None:
                clock.stop()
        if reason:
            raise CommandError(f"The feed has ended: {reason}.")
        self.say("The feed has stopped.", stopped=True)


def _source_maker(recordings: list[Path] | None) -> Any:
    def make(feed: Feed, inbox: Inbox) -> TickSource:
        source = RecordedSource(feed, inbox, recordings)
        inbox.source = source
        return source

    return make if recordings else source_for
