"""The API and the health report: exact prices, ages, and words for what is unknown."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.contrib.auth import get_user_model
from rest_framework.test import APIRequestFactory, force_authenticate

from instruments.models import Instrument
from market import api, health
from market.domain.staleness import Liveness
from market.domain.ticks import TickBatch
from market.models import Candle, Feed, Shard
from market.quotes import FeedState, QuoteBoard
from market.stream import TickStream
from market.tests.frames import INFY, full_rows

pytestmark = pytest.mark.django_db
T0 = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
PACKET = {"last_price": 151_240, "exchange_timestamp": int(T0.timestamp())}


@pytest.fixture
def infy():
    return Instrument.objects.create(
        exchange="NSE", tradingsymbol="INFY", instrument_type="EQ", segment="NSE", tick_size=Decimal("0.1"),
        lot_size=1, instrument_token=INFY, exchange_token=INFY >> 8, first_seen=date(2026, 11, 20),
    )  # fmt: skip


@pytest.fixture(autouse=True)
def now(monkeypatch):
    monkeypatch.setattr(api, "market_now", lambda: T0 + timedelta(seconds=2))


def get(viewset, **query):
    request = APIRequestFactory().get("/", query)
    force_authenticate(request, get_user_model()(username="reader", is_superuser=True))
    return viewset.as_view({"get": "list"})(request)


def test_a_quote_is_exact_and_has_an_age(infy, valkey):
    QuoteBoard(valkey).write_feed(FeedState("kite", Liveness.LIVE, connected=True))
    QuoteBoard(valkey).write(TickBatch(full_rows(PACKET), 0), T0, "kite")
    [quote] = get(api.QuoteViewSet, instrument="NSE:INFY").data
    assert (quote["last_price"], quote["bid"], quote["age_seconds"]) == ("1512.4", "1512.35", 2.0)
    assert (quote["state"], len(quote["asks"])) == ("live", 5)


def test_an_instrument_without_a_quote_is_missing(infy):
    assert get(api.QuoteViewSet, instrument="NSE:INFY").data == []


@pytest.mark.parametrize("key", ["NSE:NOSUCH", "nonsense", ""])
def test_a_wrong_key_is_refused_in_words(infy, key):
    answer = get(api.QuoteViewSet, instrument=key)
    assert answer.status_code == 400


def test_candles_are_found_by_key_interval_and_time(infy):
    for minute in range(3):
        Candle.objects.create(
            instrument=infy, interval=1, start=T0 + timedelta(minutes=minute), open=1, high=2, low=1, close=2
        )
    query = {"instrument": "NSE:INFY", "interval": 1, "start_from": (T0 + timedelta(minutes=1)).isoformat()}
    rows = get(api.CandleViewSet, **query).data["results"]
    assert [row["start"][14:16] for row in rows] == ["32", "31"]
    assert (rows[0]["open"], rows[0]["complete"]) == ("1.0000", True)
    assert get(api.CandleViewSet, instrument="NSE:NONE").status_code == 400


def test_the_report_says_how_far_a_shard_is_behind(valkey):
    feed = Feed.objects.create(name="kite")
    Shard.objects.create(feed=feed, epoch=1, n=1)
    for n in range(1, 5):
        TickStream(valkey, feed.pk).append_watermark(1, n, T0)
    QuoteBoard(valkey).write_feed(FeedState("kite", Liveness.LIVE, connected=True, epoch=1, n=4))
    [row] = health.feed_report()
    assert (row["state"], row["n"], row["lag_entries"]) == ("live", 4, {"kite-0": 3})
    assert health.feeds_ready() == []


def test_a_feed_that_never_ran_is_dead_and_a_dead_valkey_is_unknown(settings):
    Feed.objects.create(name="kite")
    assert health.feeds_ready() == ["feed kite is dead: this feed has never run"]
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    assert health.feed_report()[0]["state"] == "unknown"
