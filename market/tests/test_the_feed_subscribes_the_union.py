"""Wishes for ticks: the strongest mode wins, a full feed refuses in words, changes are hinted after the commit."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest

from alphapanda.core.clock.services import set_market_time
from alphapanda.core.timezone import IST
from instruments.models import Instrument
from market import subscriptions
from market.feed_process import look_up_wanted
from market.models import Feed, Subscription
from market.subscriptions import TooManyInstruments, drop_subscriptions, hint_channel, subscribe_instrument

DAY = date(2026, 11, 23)
pytestmark = pytest.mark.django_db


@pytest.fixture
def feed():
    return Feed.objects.create(name="kite")


def instrument(nth, kind="EQ", tick="0.05"):
    return Instrument.objects.create(
        exchange="NSE" if kind == "EQ" else "NFO", tradingsymbol=f"S{nth}", instrument_type=kind, segment="NSE",
        tick_size=Decimal(tick), lot_size=1, instrument_token=nth * 256 + (1 if kind == "EQ" else 2),
        exchange_token=nth, first_seen=date(2026, 11, 20),
    )  # fmt: skip


def test_the_strongest_mode_anyone_wants_is_subscribed(feed):
    one, two = instrument(1), instrument(2)
    subscribe_instrument(feed, one, "ltp", ref="watchlist")
    subscribe_instrument(feed, one, "quote", ref="deployment:1")
    subscribe_instrument(feed, two, "ltp", ref="deployment:1", wants_candles=True)
    assert Subscription.objects.modes(feed, DAY) == {257: "quote", 513: "full"}


def test_a_reason_that_ends_takes_its_wishes_along(feed):
    one, two = instrument(1), instrument(2)
    for chosen in (one, two):
        subscribe_instrument(feed, chosen, ref="deployment:1")
    subscribe_instrument(feed, one, "ltp", ref="watchlist")
    assert drop_subscriptions("deployment:1") == 2
    assert Subscription.objects.modes(feed, DAY) == {257: "ltp"}


def test_wanting_again_for_the_same_reason_changes_how(feed):
    one = instrument(1)
    subscribe_instrument(feed, one, "full", ref="watchlist")
    subscribe_instrument(feed, one, "ltp", ref="watchlist")
    assert Subscription.objects.modes(feed, DAY) == {257: "ltp"}


def test_an_unlisted_instrument_is_not_subscribed(feed):
    gone = instrument(1)
    subscribe_instrument(feed, gone, ref="watchlist")
    Instrument.objects.update(listed=False)
    assert Subscription.objects.modes(feed, DAY) == {}


def test_a_contract_that_has_expired_is_not_subscribed_though_nobody_has_unlisted_it_yet(feed):
    contract = instrument(1, kind="CE")
    Instrument.objects.update(expiry=DAY)
    subscribe_instrument(feed, contract, ref="by hand")
    assert Subscription.objects.modes(feed, DAY) == {258: "full"}
    assert Subscription.objects.modes(feed, DAY + timedelta(days=1)) == {}


def test_the_feed_names_no_contract_that_has_expired(feed):
    subscribe_instrument(feed, instrument(1, kind="CE"), ref="by hand")
    Instrument.objects.update(expiry=DAY)
    set_market_time(datetime(2026, 11, 23, 10, tzinfo=IST), 0)
    assert list(look_up_wanted(feed).keys) == [258]
    set_market_time(datetime(2026, 11, 24, 0, 1, tzinfo=IST), 0)
    assert (look_up_wanted(feed).keys, look_up_wanted(feed).modes) == ({}, {})


def test_a_full_feed_refuses_one_more_but_not_one_it_has(feed, monkeypatch):
    monkeypatch.setattr(subscriptions, "MOST_INSTRUMENTS", 2)
    one, two, three = instrument(1), instrument(2), instrument(3)
    subscribe_instrument(feed, one, ref="a")
    subscribe_instrument(feed, two, ref="a")
    subscribe_instrument(feed, two, ref="b")
    with pytest.raises(TooManyInstruments, match="as many as one Kite connection may"):
        subscribe_instrument(feed, three, ref="a")


def test_an_unknown_mode_is_refused(feed):
    with pytest.raises(ValueError, match="ltp, quote or full"):
        subscribe_instrument(feed, instrument(1), "everything")


def test_the_feed_learns_ticks_and_that_options_have_no_band(feed):
    subscribe_instrument(feed, instrument(1, tick="0.10"), ref="a")
    subscribe_instrument(feed, instrument(2, "CE"), ref="a")
    wanted = look_up_wanted(feed)
    assert wanted.keys == {257: "NSE:S1", 514: "NFO:S2"}
    assert sorted((rule.token, rule.tick, rule.band) for rule in wanted.rules) == [(257, 10, -1), (514, 5, 0)]


def test_the_feed_is_hinted_after_the_commit(feed, valkey, django_capture_on_commit_callbacks):
    heard = valkey.pubsub(ignore_subscribe_messages=True)
    heard.subscribe(hint_channel("kite"))
    heard.get_message(timeout=1)
    with django_capture_on_commit_callbacks(execute=True):
        subscribe_instrument(feed, instrument(1), ref="a")
    assert heard.get_message(timeout=5)["channel"] == b"subscriptions:kite"


def test_without_valkey_a_wish_still_stands(feed, settings, django_capture_on_commit_callbacks):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    with django_capture_on_commit_callbacks(execute=True):
        subscribe_instrument(feed, instrument(1), ref="a")
    assert Subscription.objects.count() == 1
