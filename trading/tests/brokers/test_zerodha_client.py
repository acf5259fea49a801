"""The hardened client: keeps what the SDK loses, sends once, tells nobody the token."""

import json
import logging
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
import requests
import responses
from urllib3.exceptions import MaxRetryError, NewConnectionError

from alphapanda.core.timezone import IST
from trading.brokers.zerodha.addresses import AddressRefused, guard_address
from trading.brokers.zerodha.client import KiteClient, KiteError
from trading.brokers.zerodha.history import fetch_history, split_period
from trading.brokers.zerodha.orders import ZerodhaOrders
from trading.brokers.zerodha.pace import Pace
from trading.orders.broker_port import BrokerError, BrokerUnreachable, OrderRefused, OrderTicket, SessionExpired

ROOT = "http://127.0.0.1:1"
TICKET = OrderTicket(
    "AP1", "NSE:INFY", 10, "LIMIT", "MIS", "DAY", Decimal("1298.1"), None, None, datetime(2026, 11, 20, 5, tzinfo=UTC)
)


@pytest.fixture
def kite():
    with responses.RequestsMock() as mocked:
        yield mocked


@pytest.fixture
def client():
    return KiteClient("key", "canary-token", root=ROOT)


def refuses(kite, status, error_type, message, method="GET", path="/user/profile"):
    body = {"status": "error", "error_type": error_type, "message": message}
    kite.add(method, ROOT + path, json=body, status=status)


@pytest.mark.parametrize("error_type", ["MarginException", "HoldingException", "UserException", "Brand new"])
def test_keeps_the_error_type_the_sdk_loses(kite, client, error_type):
    refuses(kite, 400, error_type, "No funds")
    with pytest.raises(KiteError, match="No funds") as caught:
        client.profile()
    assert (caught.value.error_type, caught.value.code) == (error_type, 400)


def test_money_is_decimal_and_times_are_aware(kite, client):
    rows = [{"average_price": 1298.15, "order_timestamp": "2026-11-20 10:30:00", "exchange_timestamp": None}]
    kite.add("GET", ROOT + "/orders", body=_json(rows), content_type="application/json")
    (row,) = client.orders()
    assert row["average_price"] == Decimal("1298.15")
    assert row["order_timestamp"] == datetime(2026, 11, 20, 10, 30, tzinfo=IST)


def _json(data):
    return json.dumps({"status": "success", "data": data})


def test_a_page_in_place_of_an_answer_is_told_apart(kite, client):
    kite.add("GET", ROOT + "/user/profile", body="<html>Bad gateway</html>", status=502, content_type="text/html")
    with pytest.raises(KiteError, match="HTTP 502 with text/html: <html>Bad gateway") as caught:
        client.profile()
    assert not caught.value.reply.is_envelope


@pytest.mark.parametrize(
    ("body", "content_type"),
    [("{", "application/json"), ("[]", "application/json"), ("", ""), ("{}", "application/json")],
)
def test_half_an_answer_is_an_error(kite, client, body, content_type):
    kite.add("GET", ROOT + "/user/profile", body=body, headers={"content-type": content_type})
    with pytest.raises(KiteError):
        client.profile()


def test_a_redirect_is_not_followed(kite, client):
    kite.add("GET", ROOT + "/user/profile", status=302, headers={"Location": "http://elsewhere.example/"})
    with pytest.raises(KiteError, match="HTTP 302"):
        client.profile()
    assert len(kite.calls) == 1


def test_tls_is_verified_and_the_timeouts_are_apart(client, monkeypatch):
    seen = {}
    monkeypatch.setattr(client.reqsession, "request", lambda *a, **how: seen.update(how) or _ok())
    client.profile()
    assert seen["verify"] is True
    assert seen["timeout"] == (3.05, 7.0)
    assert seen["allow_redirects"] is False


def _ok():
    reply = requests.Response()
    reply.status_code, reply._content = 200, b'{"status":"success","data":{}}'
    reply.headers["content-type"] = "application/json"
    return reply


def test_debug_logging_cannot_be_switched_on(client):
    with pytest.raises(ValueError, match="access token"):
        client.debug = True


def test_the_token_shows_nowhere(kite, client, caplog):
    caplog.set_level(logging.DEBUG)
    kite.add("GET", ROOT + "/user/profile", body=requests.ConnectionError("canary-token at key:canary-token"))
    with pytest.raises(KiteError) as caught:
        client.profile()
    assert "canary" not in f"{caught.value!r} {client!r} {caplog.text}"


def test_a_dead_session_rings_the_hook(kite, client):
    rung = []
    client.set_session_expiry_hook(lambda: rung.append(True))
    refuses(kite, 403, "TokenException", "Incorrect `api_key` or `access_token`.")
    with pytest.raises(KiteError):
        client.profile()
    assert rung == [True]


def test_the_dump_is_bytes_and_json_in_its_place_is_an_error(kite, client):
    kite.add("GET", ROOT + "/instruments/NSE", body=b"a,b\n1,2\n", content_type="text/csv")
    assert client.instrument_dump("NSE") == b"a,b\n1,2\n"
    kite.add("GET", ROOT + "/instruments", json={"status": "success", "data": []})
    with pytest.raises(KiteError, match="did not come as CSV"):
        client.instrument_dump()


def test_an_accepted_order_gives_its_id(kite, client):
    kite.add("POST", ROOT + "/orders/regular", json={"status": "success", "data": {"order_id": "19"}})
    assert ZerodhaOrders(client).place_order(TICKET) == "19"
    assert "tag=AP1" in kite.calls[0].request.body


def test_a_refusal_is_proof(kite, client):
    refuses(kite, 400, "MarginException", "Insufficient funds", "POST", "/orders/regular")
    with pytest.raises(OrderRefused, match="Insufficient funds") as caught:
        ZerodhaOrders(client).place_order(TICKET)
    assert caught.value.code == "MarginException"


@pytest.mark.parametrize(
    "answer",
    [
        {"body": requests.ReadTimeout()},
        {"body": requests.ConnectionError("reset")},
        {"body": "<html>", "status": 504, "content_type": "text/html"},
        {"json": {"status": "success", "data": {}}},
        {"json": {"status": "success", "data": []}},
        {"json": {"status": "error", "error_type": "OrderException", "message": "OMS"}, "status": 500},
    ],
)
def test_anything_else_is_unknown_and_sent_once(kite, client, answer):
    kite.add("POST", ROOT + "/orders/regular", **answer)
    with pytest.raises(BrokerUnreachable):
        ZerodhaOrders(client).place_order(TICKET)
    assert len(kite.calls) == 1


def test_a_connection_that_never_was_is_proof_of_no_order(kite, client):
    never = requests.ConnectionError(MaxRetryError(None, "/", NewConnectionError(None, "refused")))
    kite.add("POST", ROOT + "/orders/regular", body=never)
    with pytest.raises(OrderRefused):
        ZerodhaOrders(client).place_order(TICKET)


def test_nobody_listening_is_proof_of_no_order(client):
    with pytest.raises(OrderRefused) as caught:
        ZerodhaOrders(client).place_order(TICKET)
    assert caught.value.code == "NetworkException"


def test_one_bad_row_makes_the_whole_read_fail(kite, client):
    kite.add("GET", ROOT + "/trades", json={"status": "success", "data": [{"trade_id": "1"}]})
    with pytest.raises(BrokerUnreachable, match="cannot be read"):
        ZerodhaOrders(client).trades()


def test_a_read_with_a_dead_token_says_so(kite, client):
    refuses(kite, 403, "TokenException", "Incorrect", path="/orders")
    with pytest.raises(SessionExpired):
        ZerodhaOrders(client).orders()


@pytest.mark.parametrize(
    ("url", "kind", "allowed"),
    [
        ("http://127.0.0.1:9000", "practice", True),
        ("http://[::1]:9000", "practice", True),
        ("ws://localhost:9000", "practice", True),
        ("https://api.kite.trade", "practice", False),
        ("https://127.0.0.1.evil.example", "practice", False),
        ("https://api.kite.trade", "live", True),
        ("http://api.kite.trade", "live", False),
        ("ws://ws.kite.trade", "live", False),
    ],
)
def test_practice_reaches_this_machine_only_and_tokens_never_go_in_the_clear(url, kind, allowed):
    if allowed:
        assert guard_address(url, kind) == url
        return
    with pytest.raises(AddressRefused):
        guard_address(url, kind)


# ---- history --------------------------------------------------------------------------------------------------


def ist(*parts):
    return datetime(*parts, tzinfo=IST)


def test_a_long_period_is_cut_into_what_one_request_may_span():
    pieces = list(split_period(ist(2026, 1, 1), ist(2026, 6, 30), 60))
    assert pieces[0][0] == ist(2026, 1, 1)
    assert pieces[-1][1] == ist(2026, 6, 30)
    assert all(until - since < timedelta(days=60) for since, until in pieces)
    assert all(b[0] - a[1] == timedelta(seconds=1) for a, b in pairwise(pieces))


def test_candles_are_exact_aware_and_told_once(kite, client):
    rows = '[["2026-11-20T09:15:00+0530",1300.1,1301,1299.05,1300,1200],["2026-11-20T09:16:00+0530",1,1,1,1,0]]'
    body = f'{{"status":"success","data":{{"candles":{rows}}}}}'
    url = ROOT + "/instruments/historical/408065/minute"
    kite.add("GET", url, body=body, content_type="application/json")
    kite.add("GET", url, body=body, content_type="application/json")
    candles = fetch_history(client, 408065, 1, ist(2026, 9, 10), ist(2026, 11, 20), Pace(1e6))
    assert len(candles) == 2
    assert len(kite.calls) == 2
    first = candles[0]
    assert (first.start, first.open, first.low, first.volume) == (
        ist(2026, 11, 20, 9, 15),
        Decimal("1300.1"),
        Decimal("1299.05"),
        1200,
    )


@pytest.mark.parametrize(
    "data",
    [
        "null",
        "{}",
        '{"candles":null}',
        '{"candles":"none"}',
        '{"candles":[null]}',
        '{"candles":[["2026-11-20T09:15:00+0530",1300.1]]}',
        '{"candles":[["yesterday",1,1,1,1,1]]}',
        '{"candles":[["2026-11-20T09:15:00+0530","high",1,1,1,1]]}',
    ],
)
def test_a_reply_without_candles_is_the_brokers_error_with_the_reply_in_words(kite, client, data):
    url = ROOT + "/instruments/historical/408065/minute"
    kite.add("GET", url, body=f'{{"status":"success","data":{data}}}', content_type="application/json")
    with pytest.raises(BrokerError, match=r"history of 408065"):
        fetch_history(client, 408065, 1, ist(2026, 11, 20), ist(2026, 11, 20), Pace(1e6))


def test_an_interval_kite_has_not_is_refused_in_words(client):
    with pytest.raises(ValueError, match="use one of 1, 3, 5"):
        fetch_history(client, 1, 7, ist(2026, 11, 20), ist(2026, 11, 20))


def test_requests_keep_their_pace():
    now, slept = [0.0], []
    pace = Pace(4, clock=lambda: now[0], sleep=lambda s: (slept.append(s), now.__setitem__(0, now[0] + s)))
    for _ in range(4):
        pace.wait()
    assert slept == [0.25, 0.25, 0.25]
