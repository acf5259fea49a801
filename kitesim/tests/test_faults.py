"""Each fault shows itself to Zerodha's own client as it would on a bad day."""

import itertools
import time

import pytest
import requests
from kiteconnect.exceptions import DataException, GeneralException, NetworkException, TokenException

from kitesim.tests.ears import Ears, of_kind
from kitesim.tests.test_rest import LIMIT_BUY, status_of, until

INFY = 408065
MARKET_BUY = {**LIMIT_BUY, "order_type": "MARKET", "market_protection": -1, "quantity": 1}


@pytest.fixture(autouse=True)
def no_faults_left(sim):
    yield
    sim.clear_faults()


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


def test_a_half_open_socket_looks_connected_and_says_nothing(sim, kite):
    ears = Ears(sim, kite.access_token, seconds=2.5, full=[INFY])
    ears.wait_for("ticks")
    sim.fault("half_open")
    began = time.time()
    heard = {one["kind"] for one in ears.rest() if one["wall"] > began + 0.5}
    assert heard <= {"error", "closed"}  # of its own leaving


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


def test_frames_may_be_short_malformed_or_mispriced(sim, kite):
    ears = Ears(sim, kite.access_token, seconds=2.5, full=[INFY])
    sim.fault("bad_price", price=4294963533, count=2)
    mispriced = next(
        tick
        for heard in iter(lambda: ears.wait_for("ticks"), None)
        for tick in heard["ticks"]
        if tick["last_price"] > 40_000_000
    )
    assert mispriced["last_price"] == 42_949_635.33
    sim.fault("short_frame", count=1)
    assert any("unpack" in one["reason"] or one["code"] for one in of_kind(ears.rest(), "closed"))


def test_a_silent_ticker_sends_nothing_and_a_dumb_one_only_heartbeats(sim, kite):
    ears = Ears(sim, kite.access_token, seconds=5, full=[INFY])
    ears.wait_for("ticks")
    sim.fault("heartbeat_only", for_seconds=1.6)
    time.sleep(1.7)
    sim.fault("silent", for_seconds=1.5)
    heard = ears.rest()
    walls = [one["wall"] for one in heard]
    ticks = [one["wall"] for one in of_kind(heard, "ticks")]
    assert max(after - before for before, after in itertools.pairwise(ticks)) > 2.5
    assert max(after - before for before, after in itertools.pairwise(walls)) > 1.2


def test_sockets_are_cut_and_the_upgrade_refused(sim, kite):
    ears = Ears(sim, kite.access_token, seconds=2, full=[INFY])
    ears.wait_for("ticks")
    sim.fault("refuse_upgrade", for_seconds=5)
    sim.fault("close_sockets")
    heard = ears.rest()
    assert of_kind(heard, "closed")[0]["code"] == 1006
    assert not of_kind(heard, "connected")


def test_order_updates_come_twice_or_in_the_wrong_order(sim, kite):
    ears = Ears(sim, kite.access_token, seconds=3, full=[INFY])
    sim.fault("duplicate_order_updates", count=1)
    twice = kite.place_order(**MARKET_BUY)
    until(lambda: status_of(kite, twice) == "COMPLETE")
    sim.fault("reorder_order_updates", count=1)
    order_id = kite.place_order(**LIMIT_BUY, price=1400)
    until(lambda: status_of(kite, order_id) == "OPEN")
    kite.cancel_order("regular", order_id)
    orders = [one["order"] for one in of_kind(ears.rest(), "order")]
    assert [order["status"] for order in orders if order["order_id"] == twice] == ["COMPLETE", "COMPLETE"]
    assert [order["status"] for order in orders if order["order_id"] == order_id] == ["CANCELLED", "OPEN"]


def test_an_expired_token_ends_calls_and_socket(sim, kite):
    ears = Ears(sim, kite.access_token, seconds=1.5, full=[INFY])
    sim.fault("expire_token")
    with pytest.raises(TokenException):
        kite.orders()
    assert of_kind(ears.rest(), "closed")
