"""The ticker, heard by Zerodha's own client."""

import pytest

from kitesim.tests.test_rest import LIMIT_BUY
from kitesim.tests.ticker_callbacks import TickerCallbacks, of_kind

INFY, TCS, NIFTY = 408065, 2953217, 256265


@pytest.fixture(scope="module")
def heard(sim, kite):
    """What a client hears until an order placed meanwhile is filled, and in four heartbeats after."""
    callbacks = TickerCallbacks(sim, kite.access_token, ltp=[TCS], full=[INFY, NIFTY])
    kite.place_order(**{**LIMIT_BUY, "order_type": "MARKET"}, market_protection=-1, tag="EARS")
    heard = callbacks.until("order", lambda one: one["order"]["status"] == "COMPLETE") + callbacks.next("heartbeat", 4)
    callbacks.leave()
    return heard


def ticks_of(heard, token):
    return [tick for one in of_kind(heard, "ticks") for tick in one["ticks"] if tick["instrument_token"] == token]


def test_a_subscription_is_answered_at_once_with_the_last_packet(heard):
    first = of_kind(heard, "ticks")[0]["ticks"]
    assert {tick["instrument_token"] for tick in first} == {TCS}


def test_each_mode_has_its_own_packet(heard):
    assert {tick["mode"] for tick in ticks_of(heard, TCS)[1:]} == {"ltp"}
    full = ticks_of(heard, INFY)[-1]
    assert full["mode"] == "full"
    assert len(full["depth"]["buy"]) == len(full["depth"]["sell"]) == 5
    assert full["depth"]["buy"][0]["price"] < full["depth"]["sell"][0]["price"]
    assert full["ohlc"]["low"] <= full["last_price"] <= full["ohlc"]["high"]


def test_an_index_comes_with_its_time_and_cannot_be_traded(heard):
    index = ticks_of(heard, NIFTY)[-1]
    assert (index["tradable"], index["mode"]) == (False, "full")
    assert index["exchange_timestamp"].startswith("2026-11-23 04:")


def test_volume_never_falls_and_time_never_goes_back(heard):
    full = [tick for tick in ticks_of(heard, INFY) if tick["mode"] == "full"]
    volumes, times = [t["volume_traded"] for t in full], [t["exchange_timestamp"] for t in full]
    assert len(full) > 5
    assert volumes == sorted(volumes)
    assert times == sorted(times)


def test_at_most_five_frames_come_in_a_wall_second(heard):
    frames = of_kind(heard, "ticks")[4:]
    assert len(frames) / (frames[-1]["wall"] - frames[0]["wall"]) < 6.5


def test_heartbeats_come_every_second(heard):
    beats = [one["wall"] for one in of_kind(heard, "heartbeat")]
    assert beats[-1] - beats[0] == pytest.approx(len(beats) - 1, abs=0.5)


def test_order_updates_come_as_text(heard):
    orders = [one["order"] for one in of_kind(heard, "order")]
    assert orders[-1]["status"] == "COMPLETE"
    assert (orders[-1]["tag"], orders[-1]["filled_quantity"]) == ("EARS", 10)


def test_a_wrong_token_is_refused_at_the_upgrade(sim, kite):
    with pytest.raises(AssertionError, match="left before"):
        TickerCallbacks(sim, "no-such-token", seconds=1)
