"""A shock moves a share from a second on: nothing that was shown changes, and everything after agrees."""

from datetime import date

import numpy as np
import pytest
import requests

from kitesim.exchange.derivatives import day_tapes
from kitesim.exchange.fair_values import FairValues, Shock
from kitesim.exchange.listing import SHARES
from kitesim.exchange.trading_days import hours_of, next_trading_day
from kitesim.tests.test_rest import until

DAY = date(2026, 11, 23)
AT = hours_of(DAY).opens + 3600
INFY = next(n for n, share in enumerate(SHARES) if share.symbol == "INFY")


def shocked(size: float, over: int = 0) -> FairValues:
    world = FairValues(3, DAY)
    world.add_shock(Shock(DAY, INFY, AT, size, over))
    return world


@pytest.mark.parametrize(("over", "beats"), [(0, 1), (60, 30)])
def test_prices_are_the_same_before_and_lower_after_at_once_or_evenly(over, beats):
    plain, moved = day_tapes(FairValues(3, DAY), DAY), day_tapes(shocked(-0.06, over), DAY)
    for before, after in zip(plain, moved, strict=True):
        for name in ("bid", "ask", "last", "volume"):
            assert (getattr(before, name)[: 1800 + 1] == getattr(after, name)[: 1800 + 1]).all()
    ratio = moved[0].bid[1801:, INFY] / plain[0].bid[1801:, INFY]
    assert ratio[beats - 1 :] == pytest.approx(np.full(len(ratio) - beats + 1, np.exp(-0.06)), abs=2e-4)
    assert ratio[0] == pytest.approx(np.exp(-0.06 / beats), abs=2e-4)


def test_the_index_and_the_options_follow_and_no_other_share_does():
    plain, moved = day_tapes(FairValues(3, DAY), DAY), day_tapes(shocked(-0.06), DAY)
    others = [n for n in range(len(SHARES)) if n != INFY]
    assert (plain[0].last[:, others] == moved[0].last[:, others]).all()
    assert (moved[1].last[1900:, 0] < plain[1].last[1900:, 0]).all()
    assert moved[3].bid[1900:].sum() != plain[3].bid[1900:].sum()


def test_meanwhile_the_book_stands_off_and_trades_do_not():
    world = FairValues(3, DAY)
    world.add_shock(Shock(DAY, INFY, AT, -0.06, 60, thin=2))
    usual, thin = day_tapes(shocked(-0.06, 60), DAY)[0], day_tapes(world, DAY)[0]
    assert (thin.last == usual.last).all()
    assert (thin.bid[1801:1831, INFY] < 0.985 * thin.last[1801:1831, INFY]).all()
    assert (thin.ask[1801:1831, INFY] > 1.015 * thin.last[1801:1831, INFY]).all()
    assert not ((thin.bid % 10)[:, INFY]).any()
    assert (thin.bid[1831:] == usual.bid[1831:]).all()


def test_the_day_ends_and_the_next_begins_where_the_shock_left_it_inside_the_bands():
    tomorrow, world = next_trading_day(DAY), shocked(-0.06)
    assert day_tapes(world, DAY)[0].auction[1] == pytest.approx(day_tapes(world, tomorrow)[0].previous_close)
    kept = FairValues(3, DAY).previous_close(tomorrow)[INFY] - world.previous_close(tomorrow)[INFY]
    assert kept == pytest.approx(0.06)
    world.add_shock(Shock(DAY, INFY, AT + 60, -0.14, 0))
    lowest = world.previous_close(DAY)[INFY] + np.log(0.905)
    assert world.previous_close(tomorrow)[INFY] == pytest.approx(lowest)
    tape = day_tapes(world, DAY)[0]
    assert (tape.bid[:, INFY] >= tape.lower_band[INFY]).all()


def test_asked_over_http_it_is_felt_at_once_and_outlives_a_restart(start_sim, tmp_path):
    flags = ("--state-dir", str(tmp_path), "--open-at", "10:00:00", "--no-limits", "--rate", "10")
    first = start_sim(*flags)
    kite = first.log_in()
    price = kite.ltp("NSE:INFY")["NSE:INFY"]["last_price"]
    first.post("/sim/shocks", {"symbol": "INFY", "percent": -5})
    until(lambda: kite.ltp("NSE:INFY")["NSE:INFY"]["last_price"] < price * 0.96)
    first.stop()
    second = start_sim(*flags)
    kite.root = second.url
    assert kite.ltp("NSE:INFY")["NSE:INFY"]["last_price"] < price * 0.96
    candles = kite.historical_data(408065, "2026-11-23 09:15:00", "2026-11-23 10:30:00", "minute")
    assert candles[0]["close"] > price * 0.98 > candles[-1]["close"]


@pytest.mark.parametrize(
    "body", [{"symbol": "NOBODY", "percent": 1}, {"symbol": "INFY", "percent": 0}, {"symbol": "INFY"}]
)
def test_what_makes_no_sense_is_refused_in_words(sim, body):
    reply = requests.post(sim.url + "/sim/shocks", json=body, timeout=10)
    assert (reply.status_code, bool(reply.json()["message"])) == (400, True)
