"""Our side of Kite's protocol against the practice exchange, which shares no code with it."""

import json
import subprocess
import sys
import time
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
import requests
from django.conf import settings as django_settings
from django.core.management import call_command

from alphapanda.core.clock import market_now
from alphapanda.core.clock.market_time import forget_anchor
from alphapanda.core.timezone import IST
from portfolio.booking import open_account
from trading.brokers.zerodha import credentials, session
from trading.brokers.zerodha.client import KiteClient
from trading.brokers.zerodha.dumps import fetch_instrument_dump
from trading.brokers.zerodha.history import fetch_history
from trading.brokers.zerodha.orders import ZerodhaOrders
from trading.brokers.zerodha.pace import Pace
from trading.brokers.zerodha.practice import practice_request_token
from trading.orders.broker_port import BrokerUnreachable, OrderRefused, OrderTicket, SessionExpired
from trading.orders.life_cycle import OrderState, is_terminal

SIM = "--port 0 --seed 7 --date 2026-11-20 --open-at 10:00 --rate 5 --history-days 3 --no-limits"


@pytest.fixture(scope="module")
def sim():
    """A practice exchange at ten in the morning; its address."""
    process = subprocess.Popen(
        [sys.executable, "-m", "kitesim", *SIM.split()],
        cwd=django_settings.BASE_DIR,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    ready = json.loads(process.stdout.readline())
    yield ready["url"]
    process.terminate()
    process.wait(20)


@pytest.fixture
def account(db, sim, settings, monkeypatch):
    forget_anchor()  # another test's clock may still be remembered
    settings.KITE_ROOT, settings.KITE_LOGIN_ROOT = sim, sim + "/connect/login"
    monkeypatch.setenv("KITE_API_KEY_PRACTICE", "kitesim")
    monkeypatch.setenv("KITE_API_SECRET_PRACTICE", "kitesim-secret")
    monkeypatch.setenv("BROKER_KEY_PRACTICE", credentials.new_key())
    return open_account("Practice", "live", "zerodha", Decimal(0), Decimal(5))


@pytest.fixture
def client(account, sim):
    requests.delete(f"{sim}/sim/faults", timeout=5)
    opened = session.log_in(account, practice_request_token(account))
    token = credentials.unlock_token("Practice", opened.encrypted_access_token)
    return KiteClient(opened.api_key, token, sim)


@pytest.fixture
def orders(client):
    return ZerodhaOrders(client)


def fault(sim, kind, **terms):
    requests.post(f"{sim}/sim/faults", json={"kind": kind, **terms}, timeout=5).raise_for_status()


def ticket(client, tag, signed_quantity=1, away=Decimal("0.98"), **more):
    """A limit order that rests below the market, unless told otherwise."""
    last = Decimal(str(client.ltp("NSE:INFY")["NSE:INFY"]["last_price"]))
    price = (last * away).quantize(Decimal("0.1"))
    base = {"order_type": "LIMIT", "price": price, "market_protection": None}
    return OrderTicket(
        tag, "NSE:INFY", signed_quantity, product="MIS", validity="DAY", trigger_price=None, market_time=market_now(),
        **(base | more),
    )  # fmt: skip


def booked(orders, tag, until=lambda order: True, seconds=10):
    """Read the book until our order is there and as wanted, as the lookup by tag does."""
    stop = time.monotonic() + seconds
    while time.monotonic() < stop:
        for order in orders.orders():
            if tag in order.tags and until(order):
                return order
        time.sleep(0.15)
    pytest.fail(f"{tag} did not come so far in {seconds} s")


def test_login_profile_and_funds(client):
    assert client.profile()["user_id"] == "AP0001"
    assert isinstance(Decimal(str(client.margins()["equity"]["net"])), Decimal)


def test_the_command_logs_in_to_practice_by_itself(account, capsys):
    call_command("kite_login", "Practice", "--practice", "--json")
    assert json.loads(capsys.readouterr().out)["user_id"] == "AP0001"
    call_command("kite_logout", "Practice")
    with pytest.raises(SessionExpired):
        session.open_session("Practice")


def test_the_dump_has_kites_columns(client):
    header = client.instrument_dump("NSE").splitlines()[0].decode()
    assert header.startswith("instrument_token,exchange_token,tradingsymbol,name")
    assert len(fetch_instrument_dump().splitlines()) > len(client.instrument_dump("NSE").splitlines())


def test_history_is_exact_and_in_order(client):
    token = client.ltp("NSE:INFY")["NSE:INFY"]["instrument_token"]
    end = requests.get(f"{client.root}/sim/clock", timeout=5).json()
    now = _market_time(end)
    candles = fetch_history(client, token, 5, now - timedelta(days=4), now, Pace(10))
    assert candles
    assert [c.start for c in candles] == sorted({c.start for c in candles})
    assert all(c.low <= min(c.open, c.close) <= max(c.open, c.close) <= c.high for c in candles)
    assert all(c.start.tzinfo is IST for c in candles)


def _market_time(report):
    text = next(value for value in report.values() if isinstance(value, str) and "T" in value)
    return datetime.fromisoformat(text).astimezone(IST)


def test_an_order_rests_and_is_cancelled(client, orders):
    wanted = ticket(client, "APREST0000000001")
    order_id = orders.place_order(wanted)
    resting = booked(orders, wanted.tag, lambda o: o.state == OrderState.OPEN)
    assert (resting.broker_order_id, resting.signed_quantity, resting.filled_quantity) == (order_id, 1, 0)
    orders.request_cancel(
        OrderTicket(**{f: getattr(wanted, f) for f in wanted.__slots__} | {"broker_order_id": order_id})
    )
    assert booked(orders, wanted.tag, lambda o: is_terminal(o.state)).state == OrderState.CANCELLED


def test_a_market_order_fills_and_its_trades_add_up(client, orders):
    wanted = ticket(client, "APFILL0000000001", 3, order_type="MARKET", price=None, market_protection=Decimal(-1))
    order_id = orders.place_order(wanted)
    filled = booked(orders, wanted.tag, lambda o: o.state == OrderState.FILLED)
    trades = [trade for trade in orders.trades() if trade.broker_order_id == order_id]
    assert sum(trade.signed_quantity for trade in trades) == 3 == filled.filled_quantity
    assert all(trade.traded_at.tzinfo for trade in trades)
    assert any(p.tradingsymbol == "INFY" and p.quantity for p in orders.positions())


def test_a_refused_order_is_proof_and_leaves_none(client, orders):
    with pytest.raises(OrderRefused):
        orders.place_order(ticket(client, "APBAD00000000001", price=Decimal("1300.03")))
    assert not [o for o in orders.orders() if "APBAD00000000001" in o.tags]


@pytest.mark.parametrize(("kind", "is_there"), [("drop_after_accept", True), ("drop_before_accept", False)])
def test_silence_is_unknown_and_only_the_book_tells(client, orders, sim, kind, is_there):
    tag = f"AP{kind.upper().replace('_', '')[:14]}"
    wanted = ticket(client, tag)
    fault(sim, kind, count=1)
    with pytest.raises(BrokerUnreachable):
        orders.place_order(wanted)
    if is_there:
        booked(orders, tag)
    else:
        assert not [o for o in orders.orders() if tag in o.tags]
    sent = [r for r in requests.get(f"{sim}/sim/requests", timeout=5).json() if tag in json.dumps(r)]
    assert len(sent) <= 1


@pytest.mark.parametrize("kind", ["html502", "no_content_type"])
def test_a_foreign_answer_is_unknown(client, orders, sim, kind):
    wanted = ticket(client, f"AP{kind.upper().replace('_', '')}")
    fault(sim, kind, count=1)
    with pytest.raises(BrokerUnreachable):
        orders.place_order(wanted)


def test_a_dead_token_is_a_refusal_for_writes_and_reads(client, orders, sim):
    wanted = ticket(client, "APDEAD0000000001")
    fault(sim, "expire_token")
    with pytest.raises(SessionExpired):
        orders.place_order(wanted)
    with pytest.raises(SessionExpired):
        orders.positions()
