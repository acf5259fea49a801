"""The board holds the last packet of each instrument as exact money, with an age that decides its state."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from market.domain.staleness import DEFAULT_LIMITS, INSTRUMENT_LIMITS, AgeLimits, Liveness
from market.domain.ticks import TickBatch
from market.quotes import FeedState, QuoteBoard
from market.tests.frames import INFY, SBIN, full_rows

T0 = datetime(2026, 11, 20, 3, 45, tzinfo=UTC)
LIVE = FeedState("main", Liveness.LIVE, connected=True, epoch=2, n=7, market_time=T0)


@pytest.fixture
def board(valkey):
    return QuoteBoard(valkey)


def put(board, *ticks, at=T0):
    stamped = [{"exchange_timestamp": int(at.timestamp())} | tick for tick in ticks]
    board.write(TickBatch(full_rows(*stamped), 1_764_560_700_000), at, "main")


def test_a_quote_is_exact_money(board):
    board.write_feed(LIVE)
    put(board, {"last_price": 151_235, "close": 150_000, "volume": 4_000_000_000})
    quote = board.read([INFY], now=T0)[INFY]
    assert (quote.last_price, quote.bid, quote.ask) == (Decimal("1512.35"), Decimal("1512.3"), Decimal("1512.4"))
    assert (quote.close, quote.volume, quote.state) == (Decimal(1500), 4_000_000_000, Liveness.LIVE)
    assert len(quote.bids) == len(quote.asks) == 5


def test_the_last_packet_of_a_frame_stands(board):
    put(board, {"last_price": 100}, {"token": SBIN}, {"last_price": 105})
    assert board.read([INFY], now=T0)[INFY].last_price == Decimal("1.05")


def test_an_instrument_never_heard_of_is_missing_not_zero(board):
    put(board, {})
    assert set(board.read([INFY, SBIN], now=T0)) == {INFY}


def test_an_empty_side_of_the_book_is_no_quote(board):
    put(board, {"bid_price": 0, "ask_price": 0})
    quote = board.read([INFY], now=T0)[INFY]
    assert (quote.bid, quote.ask, quote.bids, quote.asks) == (None, None, (), ())


@pytest.mark.parametrize(("age", "state"), [(1, Liveness.LIVE), (60, Liveness.STALE), (1800, Liveness.DEAD)])
def test_the_state_follows_from_the_age_in_market_time(board, age, state):
    board.write_feed(LIVE)
    put(board, {})
    assert board.read([INFY], now=T0 + timedelta(seconds=age))[INFY].state == state


def test_the_age_is_that_of_the_exchange_time_however_lately_the_packet_came(board):
    board.write_feed(LIVE)
    put(board, {"exchange_timestamp": int((T0 - timedelta(days=3)).timestamp())})
    quote = board.read([INFY], now=T0)[INFY]
    assert (quote.age(T0), quote.market_time, quote.state) == (timedelta(days=3), T0, Liveness.DEAD)


def test_a_packet_without_a_time_is_of_unknown_age_and_dead(board):
    board.write_feed(LIVE)
    put(board, {"exchange_timestamp": 0})
    quote = board.read([INFY], now=T0)[INFY]
    assert (quote.age(T0), quote.state) == (None, Liveness.DEAD)


def test_an_instrument_may_have_limits_of_its_own(board):
    board.write_feed(LIVE)
    put(board, {})
    limits = {INFY: INSTRUMENT_LIMITS["index"]}
    assert board.read([INFY], T0 + timedelta(seconds=11), limits)[INFY].state == Liveness.STALE


def test_no_quote_is_better_than_its_feed(board):
    board.write_feed(FeedState("main", Liveness.STALE, connected=True))
    put(board, {})
    assert board.read([INFY], now=T0)[INFY].state == Liveness.STALE


def test_a_feed_that_says_nothing_is_dead(board, valkey):
    assert board.feed_state().state == Liveness.DEAD
    board.write_feed(LIVE)
    assert (board.feed_state("main").state, board.feed_state().n) == (Liveness.LIVE, 7)
    valkey.pexpire("feed:main", 2500)
    assert board.feed_state("main").state == Liveness.STALE
    valkey.delete("feed:main")
    assert board.feed_state("main").state == Liveness.DEAD


def test_an_unknown_age_is_dead():
    assert DEFAULT_LIMITS.judge(None) == Liveness.DEAD
    assert AgeLimits(timedelta(1), timedelta(2)).judge(timedelta(1)) == Liveness.STALE
