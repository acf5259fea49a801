"""Orders meet the book by price, then by time."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kitesim.exchange import board as b
from kitesim.exchange.board import Board
from kitesim.exchange.listing import SHARES, option_row, share_row
from kitesim.exchange.matching import Matcher, automatic_protection, is_triggered, protected_price
from kitesim.exchange.orders import Order, Trade
from kitesim.exchange.positions import fold_positions

NOON = 1_795_415_400
DAY = date(2026, 11, 23)
ORDER = Order(
    "1", "AP0001", "NSE", "INFY", 408065, "BUY", 100, "MIS", "LIMIT", 150_100, 0, "DAY", 0, 0, None, 0, "AP", NOON
)


@pytest.fixture
def board() -> Board:
    """INFY: bids 1500.0 × 50, 1499.9 × 60; asks 1500.2 × 30, 1500.4 × 40; last trade 1500.2 × 20 at noon."""
    made = Board([share_row(next(share for share in SHARES if share.symbol == "INFY"))])
    words = made.words[0]
    words[b.BID_PRICE[:2]], words[b.BID_QUANTITY[:2]] = [150_000, 149_990], [50, 60]
    words[b.ASK_PRICE[:2]], words[b.ASK_QUANTITY[:2]] = [150_020, 150_040], [30, 40]
    words[b.LAST], words[b.LAST_QUANTITY], words[b.LAST_TRADE_TIME] = 150_020, 20, NOON
    made.lower_band[0], made.upper_band[0] = 135_000, 165_000
    return made


def test_an_arriving_order_walks_the_levels_its_limit_allows(board):
    assert Matcher().arrive(board, 0, replace(ORDER)) == [(150_020, 30), (150_040, 40)]
    assert Matcher().arrive(board, 0, replace(ORDER, price=150_030)) == [(150_020, 30)]
    assert Matcher().arrive(board, 0, replace(ORDER, side="SELL", price=150_000)) == [(150_000, 50)]


def test_what_one_order_took_is_gone_for_the_next_until_the_book_is_new(board):
    matcher = Matcher()
    assert matcher.arrive(board, 0, replace(ORDER, quantity=30)) == [(150_020, 30)]
    assert matcher.arrive(board, 0, replace(ORDER, quantity=30)) == [(150_040, 30)]
    matcher.refresh(np.array([0]))
    assert matcher.arrive(board, 0, replace(ORDER, quantity=30)) == [(150_020, 30)]


def test_a_resting_order_trades_at_its_own_price(board):
    resting = replace(ORDER, price=150_030)
    assert Matcher().look_again(board, 0, resting, NOON + 2) == [(150_030, 30)]


def test_a_resting_order_waits_behind_the_quantity_that_was_there_first(board):
    matcher, resting = Matcher(), replace(ORDER, price=150_000)
    assert matcher.arrive(board, 0, resting) == []
    assert resting.ahead == 50
    board.words[0, b.LAST], board.words[0, b.LAST_QUANTITY] = 150_000, 40
    assert matcher.look_again(board, 0, resting, NOON) == []
    assert matcher.look_again(board, 0, resting, NOON) == [(150_000, 30)]


def test_a_stop_is_touched_from_its_own_side():
    assert is_triggered(replace(ORDER, trigger=150_000), 150_000)
    assert not is_triggered(replace(ORDER, trigger=150_000), 149_990)
    assert is_triggered(replace(ORDER, side="SELL", trigger=150_000), 149_990)


def test_a_market_order_becomes_a_limit_inside_the_bands(board):
    assert protected_price(replace(ORDER, protection=1.0), board, 0) == 151_530  # 1515.202, away from last
    assert protected_price(replace(ORDER, protection=50.0), board, 0) == 165_000
    assert protected_price(replace(ORDER, side="SELL", protection=1.0), board, 0) == 148_510  # 1485.198


@pytest.mark.parametrize(
    ("last", "is_option", "percent"),
    [
        (99_95, False, 2.0),
        (100_00, False, 1.0),
        (499_95, False, 1.0),
        (1484_00, False, 0.5),
        (2_00, True, 5.0),
        (10_00, True, 3.0),
        (100_00, True, 2.0),
        (500_00, True, 1.0),
    ],
)
def test_automatic_protection_is_the_brokers_slab_by_price(last, is_option, percent):
    assert automatic_protection(last, is_option) == percent


@pytest.mark.parametrize(("side", "last", "price"), [("SELL", 148_400, 147_650), ("BUY", 148_400, 149_150)])
def test_a_share_at_1484_stops_half_a_percent_away(board, side, last, price):
    board.words[0, b.LAST] = last
    assert protected_price(replace(ORDER, side=side, protection=-1), board, 0) == price


def test_an_option_at_two_rupees_stops_at_1_90(board):
    option = option_row(date(2026, 12, 1), 26_000, "CE")
    board.instruments[0], board.words[0, b.LAST], board.lower_band[0] = option, 200, 5
    assert protected_price(replace(ORDER, side="SELL", protection=-1), board, 0) == 190
    board.words[0, b.LAST] = 5
    assert protected_price(replace(ORDER, side="SELL", protection=-1), board, 0) == 5  # never nothing


trades = st.lists(
    st.tuples(st.sampled_from(["BUY", "SELL"]), st.integers(1, 500), st.integers(100, 200_000)), max_size=20
)


@given(trades, st.integers(100, 200_000))
@settings(max_examples=100, deadline=None)
def test_profit_is_what_came_in_less_what_went_out(drawn, last):
    booked = [
        Trade(str(n), "1", "1", "AP", "NSE", "INFY", 408065, "MIS", side, quantity, price, NOON, 0.0)
        for n, (side, quantity, price) in enumerate(drawn)
    ]
    for position in fold_positions(booked, []).values():
        cash = -sum(trade.signed_quantity * trade.price for trade in booked)
        assert position.profit(last) == cash + position.quantity * last
