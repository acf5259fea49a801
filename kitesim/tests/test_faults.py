"""Each fault shows itself to Zerodha's own client as it would on a bad day."""

import time

import pytest
import requests
from kiteconnect.exceptions import DataException, GeneralException, NetworkException, TokenException

from kitesim.server.faults import Faults
from kitesim.tests.test_rest import LIMIT_BUY, status_of, until
from kitesim.tests.ticker_callbacks import TickerCallbacks

INFY = 408065
MARKET_BUY = {**LIMIT_BUY, "order_type": "MARKET", "market_protection": -1, "quantity": 1}


@pytest.fixture(autouse=True)
def no_faults_left(sim):
    yield
    sim.clear_faults()


@pytest.fixture
def listening(sim, kite):
    """A ticker that hears one share's full packets."""
    callbacks = TickerCallbacks(sim, kite.access_token, full=[INFY])
    callbacks.wait_for("ticks")
    yield callbacks
    callbacks.leave()


@pytest.fixture
def orders_before(kite):
    return len(kite.orders())


def test_a_drop_before_acceptance_leaves_no_order(sim, kite, orders_before):
    sim.fault("drop_before_accept", count=1)
    with pytest.raises(requests.exceptions.ConnectionError):
        kite.place_order(**MARKET_BUY, tag="LOST")
    assert len(kite.orders()) == orders_before


def test_a_drop_after_acceptance_leaves_an_order_nobody_was_told_of(sim, kite):
    sim.fault("drop_after_accept", count=1)
    with pytest.raises(requests.exceptions.ConnectionError):
        kite.place_order(**MARKET_BUY, tag="GHOST")
    assert [order["tag"] for order in kite.orders()].count("GHOST") == 1
    assert sim.get("/sim/requests")[-1]["params"]["tag"] == "GHOST"


def test_a_delay_outlasts_the_clients_patience(sim, kite):
    sim.fault("delay", ms=700, count=1)
    kite.timeout = 0.3
    try:
        with pytest.raises(requests.exceptions.ReadTimeout):
            kite.place_order(**MARKET_BUY, tag="SLOW")
    finally:
        kite.timeout = 7
    until(lambda: "SLOW" in [order["tag"] for order in kite.orders()])


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"kind": "http", "status": 503, "error_type": "NetworkException"}, NetworkException),
        ({"kind": "http", "status": 500}, GeneralException),
        ({"kind": "html502"}, DataException),
        ({"kind": "no_content_type"}, KeyError),
    ],
)
def test_an_answer_that_proves_nothing(sim, kite, fault, error):
    sim.post("/sim/faults", {**fault, "count": 1})
    with pytest.raises(error):
        kite.place_order(**MARKET_BUY)


def test_what_a_fault_ate_is_on_record_as_not_accepted(sim, kite):
    sim.fault("http", status=503, count=1)
    with pytest.raises(GeneralException):
        kite.place_order(**MARKET_BUY, tag="EATEN")
    last = sim.get("/sim/requests")[-1]
    assert (last["accepted"], last["fault"], last["params"]["tag"]) == (False, "http", "EATEN")


def frames_of_the_newest_socket(sim):
    return sim.get("/sim/frames")["sockets"][-1]["frames"]


def sends_nothing_for_longer_than_a_heartbeat(sim):
    before = frames_of_the_newest_socket(sim)
    time.sleep(1.3)  # A heartbeat goes out each second: only time can show that none did.
    return frames_of_the_newest_socket(sim) == before


def test_a_half_open_socket_looks_connected_and_says_nothing(sim, listening):
    sim.fault("half_open")
    assert sends_nothing_for_longer_than_a_heartbeat(sim)
    assert listening.process.poll() is None


def test_updates_may_never_come_and_trades_may_lag(sim, kite):
    sim.fault("drop_order_updates", for_seconds=5)
    order_id = kite.place_order(**MARKET_BUY)
    until(lambda: status_of(kite, order_id) == "COMPLETE")
    assert kite.order_trades(order_id)
    sim.fault("lag_trades", seconds=60, count=1)
    assert kite.order_trades(order_id) == []


def test_the_book_lags_behind_the_writes(sim, kite, orders_before):
    sim.fault("lag_book", seconds=30, count=1)
    kite.place_order(**MARKET_BUY)
    assert len(kite.orders()) <= orders_before
    assert len(kite.orders()) == orders_before + 1


def test_an_order_may_hang_on_its_way(sim, kite):
    sim.fault("pending", seconds=1.5, count=1)
    hanging = kite.place_order(**MARKET_BUY)
    assert status_of(kite, hanging) == "OPEN PENDING"
    until(lambda: status_of(kite, hanging) == "COMPLETE")


def test_an_order_may_be_rejected_after_it_was_taken(sim, kite):
    sim.fault("reject", message="RMS:Blocked", count=1)
    refused = kite.place_order(**MARKET_BUY)
    until(lambda: status_of(kite, refused) == "REJECTED")
    assert kite.order_history(refused)[-1]["status_message_raw"] == "RMS:Blocked"


def test_an_unknown_fault_is_refused_with_the_known_ones(sim):
    assert "half_open" in sim.fault("gremlins")["message"]


def test_a_price_may_be_wrong_on_the_wire(sim, listening):
    sim.fault("bad_price", price=4294963533, count=2)
    heard = listening.wait_for("ticks", lambda one: any(tick["last_price"] > 40_000_000 for tick in one["ticks"]))
    assert max(tick["last_price"] for tick in heard["ticks"]) == 42_949_635.33


def test_a_fault_of_one_frame_waits_for_a_moment_that_sends_one():
    faults = Faults()
    faults.add({"kind": "short_frame", "count": 1})
    assert faults.spoiler() is not None  # a moment in which nobody's instruments changed
    spoil = faults.spoiler()
    assert [spoil(b"123456"), spoil(b"abcdef")] == [b"1234", b"abcd"]  # each socket's frame of one moment
    assert faults.spoiler() is None


def test_a_short_frame_loses_its_tick_without_a_word(sim, listening):
    sim.fault("short_frame", count=1)
    assert listening.wait_for("ticks", lambda one: not one["ticks"])
    assert listening.wait_for("ticks", lambda one: bool(one["ticks"]))


def test_a_malformed_frame_costs_zerodhas_client_its_connection(sim, listening):
    sim.fault("malformed_frame", count=1)
    assert listening.wait_for("closed")["code"] == 1006


def test_a_dumb_ticker_sends_only_heartbeats(sim, listening):
    sim.fault("heartbeat_only")
    since = time.time()
    listening.wait_for("heartbeat", lambda one: one["wall"] > since)
    assert [one["kind"] for one in listening.next("heartbeat", 2)] == ["heartbeat", "heartbeat"]


def test_a_silent_ticker_sends_not_even_heartbeats_and_speaks_again(sim, listening):
    sim.fault("silent")
    assert sends_nothing_for_longer_than_a_heartbeat(sim)
    sim.clear_faults()
    since = time.time()
    listening.wait_for("ticks", lambda one: one["wall"] > since)


def test_sockets_are_cut_and_the_upgrade_refused(sim, listening):
    sim.fault("refuse_upgrade")
    sim.fault("close_sockets")
    assert listening.wait_for("closed")["code"] == 1006
    heard = listening.until("closed")  # Zerodha's client tries again after two seconds, and is refused.
    assert "connected" not in [one["kind"] for one in heard]


def test_order_updates_come_twice_or_in_the_wrong_order(sim, kite, listening):
    sim.fault("duplicate_order_updates", count=1)
    twice = kite.place_order(**MARKET_BUY)
    told = [one["order"] for one in listening.next("order", 2) if one["kind"] == "order"]
    assert [(order["order_id"], order["status"]) for order in told] == [(twice, "COMPLETE")] * 2
    sim.fault("reorder_order_updates", count=1)
    order_id = kite.place_order(**LIMIT_BUY, price=1400)
    until(lambda: status_of(kite, order_id) == "OPEN")
    kite.cancel_order("regular", order_id)
    told = [one["order"] for one in listening.next("order", 2) if one["kind"] == "order"]
    assert [(order["order_id"], order["status"]) for order in told] == [(order_id, "CANCELLED"), (order_id, "OPEN")]


def test_an_expired_token_ends_calls_and_socket(sim, kite, listening):
    sim.fault("expire_token")
    with pytest.raises(TokenException):
        kite.orders()
    assert listening.wait_for("closed")
