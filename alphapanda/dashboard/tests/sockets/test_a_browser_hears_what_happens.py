"""The WebSocket: a snapshot first, then what changes, for those who may see it."""

import asyncio
from dataclasses import asdict, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import orjson
import pytest
from channels.db import database_sync_to_async
from channels.layers import get_channel_layer
from django.contrib.sessions.models import Session

from alphapanda.core.clock.market_time import wall_now
from alphapanda.core.journal.services import record_event
from alphapanda.core.telemetry.heartbeats import KEY, Process
from alphapanda.dashboard import broadcast, topics
from alphapanda.dashboard.broadcast import Hub
from alphapanda.dashboard.tests.sockets.conftest import Browser, open_browser
from instruments.models import Instrument
from market.models import Feed, Subscription
from trading.orders.gates import ensure_gates

QUOTE = {
    "k": "NSE:INFY",
    "p": "1512.40",
    "b": "1512.35",
    "a": "1512.45",
    "c": "1500.00",
    "t": "2026-11-20T09:02:08+00:00",
    "s": "live",
}


def update(**change: str) -> dict[str, Any]:
    payload = {"v": [1, 7], "at": QUOTE["t"], "quotes": [QUOTE | change]}
    return {"type": "market.update", "payload": payload}


@pytest.mark.parametrize("origin", [None, b"http://evil.example", b"http://127.0.0.1:9999", b"null"])
async def test_a_page_from_elsewhere_is_refused(cookie: str, desk_hub: Hub, origin: bytes | None) -> None:
    assert (await open_browser(cookie, origin).connect(5))[0] is False


@pytest.mark.parametrize("session", ["", "forged"])
async def test_a_stranger_is_refused(cookie: str, desk_hub: Hub, session: str) -> None:
    assert (await open_browser(session).connect(5))[0] is False


@pytest.mark.parametrize("topic", list(topics.PAGES))
async def test_a_topic_begins_with_its_snapshot(screen: Browser, topic: str) -> None:
    await screen.say("subscribe", topic)
    message = await screen.on_announcement("snapshot")
    assert (message["topic"], message["version"]) == (topic, 1)
    assert "clock" in message["data"]


async def subscribed(valkey: Any) -> None:
    """Wait until the process hears announcements."""
    while not valkey.pubsub_numsub("channels__group__market")[0][1]:
        await asyncio.sleep(0.05)


async def test_what_is_recorded_brings_a_new_snapshot(screen: Browser, valkey: Any) -> None:
    await screen.say("subscribe", "live")
    first = await screen.on_announcement("snapshot")
    await subscribed(valkey)
    await database_sync_to_async(ensure_gates)()
    await database_sync_to_async(record_event)("gate.changed", key="everything", payload={})
    began = asyncio.get_running_loop().time()
    second = await screen.on_announcement("snapshot")
    assert asyncio.get_running_loop().time() - began < 4
    assert second["version"] > first["version"]
    assert (first["data"]["gate"]["state"], second["data"]["gate"]["state"]) == ("unknown", "active")


async def test_who_asks_no_longer_hears_no_more(screen: Browser, desk_hub: Hub) -> None:
    await screen.say("subscribe", "live")
    await screen.on_announcement("snapshot")
    await screen.say("unsubscribe", "live")
    await screen.say("unsubscribe", "nothing")
    await screen.on_announcement("error")  # so the one before it has been done
    desk_hub.on_announcement({"type": "journal.event"})
    assert await screen.receive_nothing(1.5)


async def test_prices_come_as_a_snapshot_and_then_as_changes(screen: Browser, desk_hub: Hub) -> None:
    await screen.say("subscribe", "market")
    snapshot = await screen.on_announcement("snapshot")
    desk_hub.on_announcement(update())
    desk_hub.on_announcement(update(p="1512.60"))
    delta = await screen.on_announcement("delta")
    epoch, n = snapshot["version"]
    assert delta["version"] == [epoch, n + 1]
    assert [(quote["k"], quote["p"]) for quote in delta["data"]["quotes"]] == [("NSE:INFY", "1512.60")]


async def test_prices_arrive_through_valkey(screen: Browser) -> None:
    await screen.say("subscribe", "market")
    await screen.on_announcement("snapshot")
    heard = asyncio.create_task(screen.on_announcement("delta"))
    while not heard.done():
        await get_channel_layer().group_send("market", update())
        await asyncio.wait([heard], timeout=0.2)
    assert heard.result()["data"]["quotes"] == [QUOTE]


async def test_a_late_comer_gets_the_prices_that_others_heard(screen: Browser, desk_hub: Hub) -> None:
    await screen.say("subscribe", "market")
    await screen.on_announcement("snapshot")
    desk_hub.on_announcement(update())
    await screen.on_announcement("delta")
    await screen.say("subscribe", "market")
    assert (await screen.on_announcement("snapshot"))["data"]["quotes"] == [QUOTE]


def subscribed_share() -> None:
    infy = Instrument.objects.create(
        exchange="NSE",
        tradingsymbol="INFY",
        instrument_type="EQ",
        segment="NSE",
        tick_size=Decimal("0.05"),
        lot_size=1,
        instrument_token=408065,
        exchange_token=1594,
        first_seen="2026-11-20",
    )
    Subscription.objects.create(feed=Feed.objects.create(name="kite"), instrument=infy, ref="by hand")


async def test_instruments_nobody_wants_any_more_leave_the_picture(screen: Browser, desk_hub: Hub) -> None:
    await database_sync_to_async(subscribed_share)()
    desk_hub.on_announcement(update(k="NSE:GONE"))
    desk_hub.prices.put_right({"NSE:INFY": QUOTE}, QUOTE["t"])
    assert set(desk_hub.prices.latest) == {"NSE:INFY"}


async def test_many_browsers_share_one_subscription_and_one_reading(
    cookie: str, desk_hub: Hub, valkey: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    text = topics.snapshot_text
    monkeypatch.setattr(topics, "snapshot_text", lambda topic, user: read.append(topic) or text(topic, user))
    browsers = [open_browser(cookie) for _ in range(5)]
    for each in browsers:
        await each.connect(5)
    await asyncio.gather(*(each.say("subscribe", "live") for each in browsers))
    snapshots = [await each.on_announcement("snapshot") for each in browsers]
    assert {snapshot["version"] for snapshot in snapshots} == {1}
    assert read == ["live"]
    assert dict(valkey.pubsub_numsub("channels__group__events")) == {b"channels__group__events": 1}
    for each in browsers:
        await each.disconnect()
    assert not desk_hub.sockets


async def test_a_browser_whose_session_has_ended_is_closed(screen: Browser, desk_hub: Hub) -> None:
    await desk_hub.check_sessions()
    assert await screen.receive_nothing(0.1)
    await database_sync_to_async(Session.objects.all().delete)()
    await desk_hub.check_sessions()
    assert await screen.closed_with() == 4401


@pytest.mark.parametrize(
    "text", ["{", "[]", '"live"', '{"type":"subscribe","topic":"secrets"}', '{"type":"subscribe"}']
)
async def test_what_is_not_understood_is_answered_in_words(screen: Browser, text: str) -> None:
    await screen.send_to(text_data=text)
    assert "Topics: live, " in (await screen.on_announcement("error"))["words"]


async def test_an_unknown_wish_is_answered_in_words(screen: Browser) -> None:
    await screen.say("place_order", "live")
    assert "subscribe" in (await screen.on_announcement("error"))["words"]


async def test_a_huge_message_ends_the_connection(screen: Browser) -> None:
    await screen.send_to(text_data="x" * 4097)
    assert await screen.closed_with() == 4008


async def test_bytes_end_the_connection(screen: Browser) -> None:
    await screen.send_to(bytes_data=b"x")
    assert await screen.closed_with() == 4008


async def test_a_flood_ends_the_connection(screen: Browser) -> None:
    for _ in range(21):
        await screen.say("unsubscribe", "live")
    assert await screen.closed_with() == 4008


async def test_a_cut_line_is_mended(screen: Browser, desk_hub: Hub, valkey: Any) -> None:
    await screen.say("subscribe", "market")
    await screen.on_announcement("snapshot")
    heard = asyncio.create_task(screen.on_announcement("delta", timeout=20))
    await subscribed(valkey)
    valkey.client_kill_filter(_type="pubsub")
    while not heard.done():
        await get_channel_layer().group_send("market", update())
        await asyncio.wait([heard], timeout=0.3)
    assert heard.result()["data"]["quotes"] == [QUOTE]


async def test_without_valkey_browsers_are_told_and_keep_their_socket(
    cookie: str, desk_hub: Hub, settings: Any
) -> None:
    dead = {"hosts": ["redis://127.0.0.1:1/0"]}
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer", "CONFIG": dead}}
    browser = open_browser(cookie)
    assert (await browser.connect(5))[0]
    await browser.say("subscribe", "live")
    assert (await browser.on_announcement("degraded"))["words"].startswith("Valkey does not answer")
    assert (await browser.on_announcement("snapshot"))["topic"] == "live"
    await browser.disconnect()


async def test_when_the_line_is_back_everything_is_told_anew(screen: Browser, desk_hub: Hub) -> None:
    await screen.say("subscribe", "live")
    await screen.on_announcement("snapshot")
    desk_hub.on_line(False)
    await screen.on_announcement("degraded")
    desk_hub.on_line(True)
    await screen.on_announcement("recovered")
    assert (await screen.on_announcement("snapshot", timeout=4))["version"] == 2


async def test_when_nobody_looks_any_more_the_process_stops_listening(
    cookie: str, valkey: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broadcast, "IDLE_SECONDS", 0.1)
    screen, first = open_browser(cookie), broadcast.running_hub()
    await screen.connect(5)
    await screen.say("subscribe", "live")
    await screen.on_announcement("snapshot")
    await subscribed(valkey)
    await screen.disconnect()
    async with asyncio.timeout(10):
        while valkey.pubsub_numsub("channels__group__market")[0][1]:
            await asyncio.sleep(0.05)
    second = broadcast.running_hub()
    assert second is not first
    await second.close()


async def test_a_page_that_cannot_be_read_is_told_and_tried_again(
    screen: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(user: Any) -> dict[str, Any]:
        raise ZeroDivisionError

    whole = topics.PAGES["live"]
    monkeypatch.setitem(topics.PAGES, "live", broken)
    await screen.say("subscribe", "live")
    assert (await screen.on_announcement("degraded"))["words"] == "live cannot be read (ZeroDivisionError)"
    monkeypatch.setitem(topics.PAGES, "live", whole)
    assert (await screen.on_announcement("recovered"))["part"] == "live"
    assert (await screen.on_announcement("snapshot"))["version"] == 1


async def test_a_process_that_was_killed_is_a_headline_within_five_seconds(screen: Browser, valkey: Any) -> None:
    heard_at = wall_now()
    process = Process("orders@desk", "orders", 4711, heard_at, heard_at)
    valkey.hset(KEY, process.name, orjson.dumps(asdict(process)))
    await screen.say("subscribe", "live")
    message = await screen.on_announcement("snapshot")
    while "1 process not heard" not in str(message["data"]["verdict"]):
        message = await screen.on_announcement("snapshot")
    assert (wall_now() - heard_at).total_seconds() < 5


async def test_a_process_that_runs_again_is_silent_no_more(screen: Browser, valkey: Any) -> None:
    long_ago = wall_now() - timedelta(minutes=1)
    process = Process("orders@desk", "orders", 4711, long_ago, long_ago)
    valkey.hset(KEY, process.name, orjson.dumps(asdict(process)))
    await screen.say("subscribe", "live")
    assert "1 process not heard" in str((await screen.on_announcement("snapshot"))["data"]["verdict"])
    again = replace(process, pid=4712, heard_at=wall_now() + timedelta(minutes=1))
    valkey.hset(KEY, process.name, orjson.dumps(asdict(again)))
    assert "1 process not heard" not in str((await screen.on_announcement("snapshot", 4))["data"]["verdict"])
