"""Every call of Zerodha's own REST client."""

import time
from datetime import datetime

import pytest
import requests
from kiteconnect import KiteConnect
from kiteconnect.exceptions import InputException, NetworkException, TokenException

INFY = 408065
LIMIT_BUY = {
    "variety": "regular",
    "exchange": "NSE",
    "tradingsymbol": "INFY",
    "transaction_type": "BUY",
    "quantity": 10,
    "product": "MIS",
    "order_type": "LIMIT",
}


def until(condition, seconds=5.0):
    """Wait for the exchange to get there; fails if it does not."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError("it never came")


def last_price(kite: KiteConnect, key: str = "NSE:INFY") -> float:
    return kite.ltp(key)[key]["last_price"]


def status_of(kite: KiteConnect, order_id: str) -> str:
    return kite.order_history(order_id)[-1]["status"]


def test_a_login_page_redirects_with_a_request_token(sim):
    answer = requests.post(
        sim.url + "/connect/login",
        data={"api_key": "kitesim", "redirect_url": "http://127.0.0.1/cb?x=1", "redirect_params": "state=s1"},
        allow_redirects=False,
        timeout=5,
    )
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("http://127.0.0.1/cb?x=1&action=login&type=login&status=success")
    assert answer.headers["Location"].endswith("&state=s1")


def test_the_login_page_asks_for_consent(sim):
    page = requests.get(sim.url + "/connect/login?api_key=kitesim&v=3", timeout=5)
    assert "practice exchange, not Zerodha" in page.text


def test_a_wrong_checksum_and_a_used_request_token_open_nothing(sim):
    token = sim.get("/connect/login?api_key=kitesim&skip=1")["data"]["request_token"]
    with pytest.raises(TokenException):
        KiteConnect("kitesim", root=sim.url).generate_session(token, "wrong")
    kite = KiteConnect("kitesim", root=sim.url)
    kite.generate_session(token, "kitesim-secret")
    with pytest.raises(TokenException):
        KiteConnect("kitesim", root=sim.url).generate_session(token, "kitesim-secret")


def test_a_second_login_ends_the_first(sim):
    first = sim.log_in()
    second = sim.log_in()
    with pytest.raises(TokenException):
        first.profile()
    assert second.profile()["user_id"] == "AP0001"
    assert second.invalidate_access_token() is True
    with pytest.raises(TokenException):
        second.profile()


@pytest.fixture
def kite(sim):
    return sim.log_in()


def test_the_dump_lists_shares_indices_futures_and_options(kite):
    rows = kite.instruments()
    assert len({row["instrument_token"] for row in rows}) == len(rows)
    infy = next(row for row in rows if row["tradingsymbol"] == "INFY")
    assert (infy["instrument_token"], infy["tick_size"], infy["lot_size"]) == (INFY, 0.1, 1)
    assert {row["segment"] for row in rows} == {"NSE", "INDICES", "NFO-FUT", "NFO-OPT"}
    assert {row["exchange"] for row in kite.instruments("NFO")} == {"NFO"}


def test_quotes_carry_depth_and_bands_and_miss_unknown_names(kite):
    quote = kite.quote("NSE:INFY", "NSE:NOSUCH", "NSE:NIFTY 50")
    assert set(quote) == {"NSE:INFY", "NSE:NIFTY 50"}
    infy = quote["NSE:INFY"]
    best_bid, best_ask = infy["depth"]["buy"][0]["price"], infy["depth"]["sell"][0]["price"]
    assert infy["lower_circuit_limit"] < best_bid < best_ask < infy["upper_circuit_limit"]
    assert infy["ohlc"]["low"] <= infy["last_price"] <= infy["ohlc"]["high"]
    assert kite.ohlc("NSE:INFY")["NSE:INFY"]["ohlc"]["close"] == infy["ohlc"]["close"]


def test_history_has_sixty_trading_days_and_ends_now(kite):
    days = kite.historical_data(INFY, "2026-08-01 00:00:00", "2026-11-23 15:30:00", "day")
    assert len(days) >= 60
    assert days[-2]["close"] == 1488.0 == kite.quote("NSE:INFY")["NSE:INFY"]["ohlc"]["close"]
    minutes = kite.historical_data(INFY, "2026-11-23 09:15:00", "2026-11-23 15:30:00", "minute")
    assert minutes[0]["date"].isoformat() == "2026-11-23T09:15:00+05:30"
    assert minutes[-1]["date"] > minutes[0]["date"]


def test_longer_candles_are_made_of_the_minutes(kite):
    span = ("2026-11-20 09:15:00", "2026-11-20 15:30:00")
    minutes, hours = (kite.historical_data(INFY, *span, interval) for interval in ("minute", "60minute"))
    assert hours[0]["open"] == minutes[0]["open"]
    assert hours[0]["high"] == max(bar["high"] for bar in minutes[:60])
    assert sum(bar["volume"] for bar in hours) == sum(bar["volume"] for bar in minutes)
    assert kite.historical_data(INFY, *span, "day", oi=True)[0]["oi"] == 0


@pytest.mark.parametrize(("interval", "first"), [("minute", "2026-09-01 00:00:00"), ("2minute", "2026-11-20 00:00:00")])
def test_too_long_a_span_and_an_unknown_interval_are_refused(kite, interval, first):
    with pytest.raises(InputException):
        kite.historical_data(INFY, first, "2026-11-23 15:30:00", interval)


def test_a_protected_market_order_fills_as_a_limit(kite):
    order_id = kite.place_order(**{**LIMIT_BUY, "order_type": "MARKET"}, market_protection=-1, tag="APTAG1")
    until(lambda: status_of(kite, order_id) == "COMPLETE")
    order = next(order for order in kite.orders() if order["order_id"] == order_id)
    assert (order["order_type"], order["filled_quantity"], order["tags"]) == ("LIMIT", 10, ["APTAG1", "mktp"])
    trades = kite.order_trades(order_id)
    assert sum(trade["quantity"] for trade in trades) == 10
    assert len(kite.trades()) >= len(trades)
    assert isinstance(trades[0]["fill_timestamp"], datetime)
    held = next(row for row in kite.positions()["net"] if row["tradingsymbol"] == "INFY")
    assert held["quantity"] == held["buy_quantity"] - held["sell_quantity"]


def test_a_resting_order_is_modified_and_cancelled(kite):
    far = round(last_price(kite) * 0.95)
    order_id = kite.place_order(**LIMIT_BUY, price=far)
    until(lambda: status_of(kite, order_id) == "OPEN")
    kite.modify_order("regular", order_id, price=far - 1, quantity=20)
    until(lambda: kite.order_history(order_id)[-1]["price"] == far - 1)
    kite.cancel_order("regular", order_id)
    until(lambda: status_of(kite, order_id) == "CANCELLED")
    assert kite.order_history(order_id)[-1]["cancelled_quantity"] == 20
    with pytest.raises(InputException):
        kite.cancel_order("regular", order_id)


def test_an_ioc_order_larger_than_the_book_fills_in_part(kite):
    price = round(last_price(kite, "NSE:BHEL") * 1.0005, 1)
    order_id = kite.place_order(
        **{**LIMIT_BUY, "tradingsymbol": "BHEL", "quantity": 12_000, "validity": "IOC", "price": price}
    )
    until(lambda: status_of(kite, order_id) in ("CANCELLED", "COMPLETE", "REJECTED"))
    order = kite.order_history(order_id)[-1]
    assert order["filled_quantity"] + order["cancelled_quantity"] == 12_000


def test_a_stop_waits_for_its_trigger(kite):
    last = round(last_price(kite))
    stop = {**LIMIT_BUY, "order_type": "SL", "trigger_price": last + 60, "price": last + 61}
    order_id = kite.place_order(**stop)
    until(lambda: status_of(kite, order_id) == "TRIGGER PENDING")
    kite.cancel_order("regular", order_id)


@pytest.mark.parametrize(
    "wrong",
    [
        {"order_type": "MARKET"},
        {"order_type": "MARKET", "market_protection": 0},
        {"price": 1400.03},
        {"price": 1400, "quantity": 0},
        {"price": 1400, "tag": "x" * 21},
        {"price": 1400, "product": "NRML"},
        {"price": 1400, "tradingsymbol": "NOSUCH"},
        {"order_type": "SL", "price": 1400, "trigger_price": 1401},
        {"price": 1400, "variety": "amo"},
    ],
)
def test_a_bad_ticket_is_refused_before_it_is_an_order(kite, sim, wrong):
    before = len(kite.orders())
    with pytest.raises(InputException):
        kite.place_order(**{**LIMIT_BUY, **wrong})
    assert len(kite.orders()) == before
    assert sim.get("/sim/requests")[-1]["accepted"] is False


def test_an_order_that_cannot_be_paid_is_rejected_after_it_was_taken(kite):
    order_id = kite.place_order(**{**LIMIT_BUY, "product": "CNC", "quantity": 5000}, price=round(last_price(kite)))
    until(lambda: status_of(kite, order_id) == "REJECTED")
    assert "Insufficient funds" in kite.order_history(order_id)[-1]["status_message"]


def test_margins_and_holdings_answer(kite):
    assert kite.margins()["equity"]["available"]["opening_balance"] == 1_000_000
    assert kite.margins("equity")["net"] <= 1_000_000
    assert kite.holdings() == []


def refused_of(calls: int, call) -> list[str]:
    refusals = []
    for _ in range(calls):
        try:
            call()
        except NetworkException as error:
            refusals.append(str(error))
    return refusals


def test_calls_beyond_the_limit_get_429(start_sim):
    sim = start_sim("--open-at", "10:00:00", "--rate", "0")
    kite = sim.log_in()
    assert refused_of(12, lambda: kite.place_order(**LIMIT_BUY, price=1400)) == ["Too many requests"] * 2
    assert len(kite.orders()) == 10
    assert "Too many requests" in refused_of(6, lambda: kite.ltp("NSE:INFY"))
