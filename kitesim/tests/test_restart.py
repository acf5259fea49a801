"""A market that is killed goes on from where it was, never from before."""

import signal
from datetime import datetime

import pytest

from kitesim.tests.test_rest import LIMIT_BUY, status_of, until

INFY = 408065


def now_of(sim) -> datetime:
    return datetime.fromisoformat(sim.get("/sim/clock")["market_time"])


def test_after_a_kill_the_same_market_goes_on(start_sim, tmp_path):
    flags = ("--state-dir", str(tmp_path), "--open-at", "10:00:00", "--no-limits", "--seed", "5")
    first = start_sim(*flags)
    kite = first.log_in()
    done = kite.place_order(**{**LIMIT_BUY, "order_type": "MARKET"}, market_protection=-1)
    resting = kite.place_order(**LIMIT_BUY, price=1400, tag="REST")
    until(lambda: status_of(kite, done) == "COMPLETE" and status_of(kite, resting) == "OPEN")
    span = (INFY, "2026-11-23 09:15:00", "2026-11-23 09:59:59", "minute")
    candles, trades, before = kite.historical_data(*span), kite.trades(), now_of(first)
    first.stop(signal.SIGKILL)

    second = start_sim(*flags)
    kite.root = second.url
    assert now_of(second) >= before
    assert kite.trades() == trades
    assert kite.historical_data(*span) == candles
    assert {order["order_id"]: order["status"] for order in kite.orders()} == {done: "COMPLETE", resting: "OPEN"}
    assert [call["verb"] for call in second.get("/sim/requests")] == ["place", "place"]
    kite.cancel_order("regular", resting)
    until(lambda: status_of(kite, resting) == "CANCELLED")


def test_a_folder_is_not_mistaken_for_another_seeds_market(start_sim, tmp_path):
    assert start_sim("--state-dir", str(tmp_path), "--seed", "1").stop() == 0
    with pytest.raises(AssertionError, match="did not start"):
        start_sim("--state-dir", str(tmp_path), "--seed", "2")


def test_after_the_close_a_short_night_and_the_next_trading_day(start_sim, tmp_path):
    flags = ("--state-dir", str(tmp_path), "--open-at", "15:39:00", "--rate", "60", "--night", "0.2", "--no-limits")
    sim = start_sim(*flags)
    kite = sim.log_in()
    assert kite.ltp("NSE:INFY")["NSE:INFY"]["last_price"] > 0
    until(lambda: now_of(sim).date().isoformat() == "2026-11-25", 15)
    assert sim.get("/sim/clock")["phase"] == "pre_open"
    assert now_of(sim).strftime("%H:%M") >= "09:00"
    kite = sim.log_in()
    yesterday = kite.historical_data(INFY, "2026-11-23 00:00:00", "2026-11-23 23:59:59", "day")[0]
    assert kite.quote("NSE:INFY")["NSE:INFY"]["ohlc"]["close"] == yesterday["close"]
    assert kite.orders() == []
