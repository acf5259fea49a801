"""The whole process on real PostgreSQL and Valkey: it serves, follows wishes, and ends when it has to."""

import asyncio
from datetime import date
from decimal import Decimal

import pytest
from asgiref.sync import sync_to_async
from django.db import connection

from instruments.models import Instrument
from market.domain.entries import START
from market.feed_process import FeedProcess
from market.lease import acquire_lease
from market.models import Feed, FeedLease
from market.quotes import QuoteBoard
from market.stream import OlderEpoch, TickStream
from market.subscriptions import subscribe_instrument
from market.tests.feeding import T0, StoodClock, ToldSource, raw
from market.tests.frames import INFY

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def feed():
    return Feed.objects.create(name="kite")


@pytest.fixture
def infy():
    return Instrument.objects.create(
        exchange="NSE", tradingsymbol="INFY", instrument_type="EQ", segment="NSE", tick_size=Decimal("0.1"),
        lot_size=1, instrument_token=INFY, exchange_token=INFY >> 8, first_seen=date(2026, 11, 20),
    )  # fmt: skip


class Running:
    """A feed process with a told source, beside the test on one loop."""

    def __init__(self, feed, epoch, **given):
        self.process = FeedProcess(feed, epoch, StoodClock(), make_source=self._make, holder="test", **given)

    def _make(self, feed, inbox):
        self.source = ToldSource(feed, inbox)
        return self.source

    async def __aenter__(self):
        self.task = asyncio.create_task(self.process.run())
        await until(lambda: hasattr(self, "source") and self.source.started)
        return self

    async def __aexit__(self, *_):
        if not self.task.done():
            self.process.end()
            await asyncio.wait_for(self.task, 15)


async def until(ready, seconds=15):
    async with asyncio.timeout(seconds):
        while not ready():
            await asyncio.sleep(0.01)


async def in_database(act, *args, **kwargs):
    """Run in the loop's database thread, and leave no connection open there."""

    def act_and_hang_up():
        try:
            return act(*args, **kwargs)
        finally:
            connection.close()

    return await sync_to_async(act_and_hang_up)()


def take(feed):
    return acquire_lease(feed, "test")


async def test_it_serves_follows_wishes_and_gives_its_lease_back(feed, infy, valkey):
    epoch = await in_database(take, feed)
    async with Running(feed, epoch) as running:
        assert running.source.wanted == {}
        await in_database(subscribe_instrument, feed, infy, ref="a")
        await until(lambda: running.source.wanted == {INFY: "full"})
        running.source.inbox.frame(raw({}), 0)
        await until(lambda: QuoteBoard(valkey).read([INFY], now=T0))
        await until(lambda: QuoteBoard(valkey).feed_state("kite").connected)
    assert (await running.task, running.source.stopped) == ("", True)
    entries = TickStream(valkey, feed.pk).read(START)
    assert [entry.position.n for entry in entries] == list(range(1, len(entries) + 1))
    assert (await in_database(FeedLease.objects.get)).holder == ""


async def test_it_ends_with_the_reason_when_the_lease_has_passed_on(feed, valkey):
    epoch = await in_database(take, feed)
    async with Running(feed, epoch) as running:
        await in_database(FeedLease.objects.update, holder="another", epoch=epoch + 1)
        reason = await asyncio.wait_for(running.task, 15)
    assert reason == "epoch 1 of kite has a successor"
    assert (await in_database(FeedLease.objects.get)).holder == "another"


async def test_it_ends_when_a_newer_feed_has_appended(feed, valkey):
    epoch = await in_database(take, feed)
    TickStream(valkey, feed.pk).append_watermark(epoch + 1, 1, T0)
    async with Running(feed, epoch) as running:
        running.source.inbox.frame(raw({}), 0)
        with pytest.raises(OlderEpoch):
            await asyncio.wait_for(running.task, 15)
