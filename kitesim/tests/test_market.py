"""The synthetic market looks like one, and is the same for the same seed."""

from datetime import date

import numpy as np
import pytest

from kitesim.exchange import board as b
from kitesim.exchange.derivatives import day_tapes
from kitesim.exchange.fair_values import FairValues
from kitesim.exchange.history import History
from kitesim.exchange.listing import SHARES
from kitesim.exchange.market import SyntheticMarket
from kitesim.exchange.options import black76
from kitesim.exchange.trading_days import midnight_of, next_trading_day, weekly_expiry

DAY = date(2026, 11, 23)
OPENS = midnight_of(DAY) + 9 * 3600 + 900
INFY, NIFTY = 408065, 256265


@pytest.fixture(scope="module")
def world() -> FairValues:
    return FairValues(3, DAY)


@pytest.fixture(scope="module")
def tapes(world):
    return day_tapes(world, DAY)


@pytest.fixture
def market(world, tapes) -> SyntheticMarket:
    made = SyntheticMarket.__new__(SyntheticMarket)
    made.world = world
    made.open_day(DAY, tapes)
    return made


def play(market, seconds: int) -> list[bytes]:
    modes = np.full(len(market.board.words), b.FULL, np.uint8)
    return [market.board.frame(market.step(OPENS + n), modes) for n in range(-30, seconds)]


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(market):
    frames = play(market, 120)
    assert play(SyntheticMarket(FairValues(3, DAY), DAY), 120) == frames
    assert play(SyntheticMarket(FairValues(4, DAY), DAY), 120) != frames


def test_a_jump_ends_where_playing_every_second_ends(market, world, tapes):
    play(market, 901)
    other = SyntheticMarket.__new__(SyntheticMarket)
    other.world = world
    other.open_day(DAY, tapes)
    other.seek(OPENS + 900)
    fields = [b.LAST, b.AVERAGE, b.VOLUME, b.OPEN, b.HIGH, b.LOW, b.CLOSE, b.LAST_TRADE_TIME]
    assert (other.board.words[:, fields] == market.board.words[:, fields]).all()


def test_todays_candles_are_those_of_the_ticks_sent(market, world):
    history, row = History(world, market, 5), market.board.row_of[INFY]
    heard = {}
    for second in range(OPENS, OPENS + 300):
        if row in market.step(second):
            words = market.board.words[row]
            heard.setdefault(second // 60 * 60, []).append((int(words[b.LAST]), int(words[b.VOLUME])))
    bars = history.candles(INFY, "minute", OPENS, OPENS + 300, OPENS + 299).rows()
    assert [(start, o, h, low, c) for start, o, h, low, c, *_ in bars] == [
        (start, prices[0], max(prices), min(prices), prices[-1])
        for start, prices in ((start, [price for price, _ in ticks]) for start, ticks in heard.items())
    ]
    assert sum(bar[5] for bar in bars) == heard[OPENS + 240][-1][1]


def test_history_ends_at_the_price_the_market_begins_with(market, world):
    for share in SHARES:
        token = share.exchange_token * 256 + 1
        last = History(world, market, 3).candles(token, "day", OPENS - 86_400 * 4, OPENS - 86_400, OPENS).rows()[-1]
        assert last[4] == market.board.words[market.board.row_of[token], b.CLOSE] == round(share.price * 100)


def test_the_next_day_begins_from_todays_close(world, tapes):
    tomorrow = day_tapes(world, next_trading_day(DAY))
    cash, index = tapes[:2]
    assert (tomorrow[0].previous_close == cash.auction[1]).all()
    assert (tomorrow[1].previous_close == index.auction[1]).all()


def test_prices_stand_on_their_ticks_inside_the_bands_with_bid_below_ask(tapes):
    for tape in (tapes[0], *tapes[2:]):
        tick = np.array([item.tick for item in tape.instruments])
        assert not (tape.last % tick).any()
        assert (tape.bid < tape.ask).all()
        assert (tape.last >= tape.lower_band).all()
        assert (tape.last <= tape.upper_band).all()


def test_the_open_and_the_close_are_livelier_than_noon(tapes):
    moves = np.abs(np.diff(np.log(tapes[0].last[::30].astype(float)), axis=0)).mean(axis=1)
    first, noon, last = moves[:20].mean(), moves[170:190].mean(), moves[-20:].mean()
    assert first > 1.4 * noon
    assert last > 1.1 * noon


def test_shares_move_together_and_the_index_with_them(tapes):
    moves = np.diff(np.log(tapes[0].last[::150].astype(float)), axis=0)
    among = np.corrcoef(moves.T)
    assert 0.15 < (among.sum() - len(among)) / (among.size - len(among)) < 0.8
    index = np.diff(np.log(tapes[1].last[::150, 0].astype(float)))
    assert np.corrcoef(index, moves.mean(axis=1))[0, 1] > 0.85


def test_options_keep_put_call_parity_and_rise_with_moneyness(tapes):
    options = tapes[3]
    price = {
        (item.expiry, item.strike, item.instrument_type): column for column, item in enumerate(options.instruments)
    }
    expiry = options.instruments[-1].expiry
    strikes = sorted({strike for when, strike, _ in price if when == expiry})
    calls = [int(options.bid[5000, price[expiry, strike, "CE"]]) for strike in strikes]
    assert calls == sorted(calls, reverse=True)
    forwards = [
        strike
        + int(options.last[5000, price[expiry, strike, "CE"]])
        - int(options.last[5000, price[expiry, strike, "PE"]])
        for strike in strikes
    ]
    assert max(forwards) - min(forwards) < 1000


def test_black_76_at_expiry_is_what_exercise_brings():
    worth = black76(np.array([105.0]), np.array([100.0]), np.array([0.0]), np.array([True]))
    assert worth[0] == pytest.approx(5.0)


def test_an_expiry_on_a_holiday_moves_to_the_day_before():
    assert weekly_expiry(date(2026, 11, 23)) == date(2026, 11, 23)
    assert weekly_expiry(date(2026, 11, 25)) == date(2026, 12, 1)
