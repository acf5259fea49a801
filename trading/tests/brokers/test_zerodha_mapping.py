"""Kite's words and ours; and only proof counts as a refusal."""

import dataclasses
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.brokers.zerodha.mapping import (
    Reply,
    classify_reply,
    error_for,
    holding_row,
    ist_time,
    modify_params,
    order_report,
    order_state,
    place_params,
    position_row,
    read_error_for,
    trade_row,
)
from trading.orders.broker_port import (
    AddressNotAllowed,
    BrokerUnreachable,
    OrderRefused,
    OrderTicket,
    RateLimited,
    SessionExpired,
    WriteOutcome,
)
from trading.orders.life_cycle import OrderState

NOW = datetime(2026, 11, 20, 5, 0, tzinfo=UTC)


def said(status, error_type="", words="", **more):
    return Reply(status, error_type, words, is_envelope=True, **more)


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (said(200, has_order_id=True), "accepted"),
        (said(200), "unknown"),
        (said(400, "InputException", "Invalid quantity"), "refused"),
        (said(400, "MarginException", "Insufficient funds"), "refused"),
        (said(400, "OrderException", "Order cannot be cancelled as it is being processed"), "refused"),
        (said(403, "TokenException", "Incorrect `api_key` or `access_token`."), "refused"),
        (said(428, "HoldingException", "Authorise holdings"), "refused"),
        (Reply(429), "refused"),
        (Reply(None, is_sent=False), "refused"),
        (Reply(None), "unknown"),
        (
            said(
                400,
                "OrderException",
                "Order request timed out. Please check the order book and confirm before placing again.",
            ),
            "unknown",
        ),
        (said(400, "NetworkException", "Gateway"), "unknown"),
        (said(400, "GeneralException", "Something"), "unknown"),
        (said(500, "OrderException", "OMS"), "unknown"),
        (said(503, "NetworkException", "OMS"), "unknown"),
        (Reply(502, "DataException", "HTTP 502 with text/html: <html>"), "unknown"),
        (Reply(403, "DataException", "HTTP 403 with text/html: <html>"), "unknown"),
        (Reply(302, "DataException", "HTTP 302"), "unknown"),
    ],
)
def test_what_a_reply_to_a_write_proves(reply, outcome):
    assert classify_reply(reply) == outcome


statuses = st.one_of(st.none(), st.sampled_from([200, 302, 400, 403, 404, 405, 410, 428, 500, 502, 503, 504]))
types = st.sampled_from(["", "InputException", "OrderException", "NetworkException", "DataException", "Odd"])


@given(st.builds(Reply, statuses, types, st.text(max_size=30), st.booleans(), st.booleans()))
def test_never_a_refusal_without_kites_own_4xx(reply):
    if classify_reply(reply) == WriteOutcome.REFUSED:
        assert reply.is_envelope
        assert 400 <= reply.status < 500


@given(st.builds(Reply, statuses, types, st.text(max_size=30), st.booleans(), st.booleans()))
def test_only_an_order_id_in_kites_own_200_is_an_acceptance(reply):
    if classify_reply(reply) == WriteOutcome.ACCEPTED:
        assert (reply.status, reply.is_envelope, reply.has_order_id, reply.error_type) == (200, True, True, "")


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (said(400, "InputException", "Invalid quantity"), OrderRefused),
        (said(403, "TokenException", "Incorrect"), SessionExpired),
        (Reply(429, "NetworkException", "Too many requests"), RateLimited),
        (said(403, "PermissionException", "IP not allowed to place orders for this app"), AddressNotAllowed),
        (said(400, "InputException", "No IPs configured for this app. Add allowed IPs"), AddressNotAllowed),
        (said(403, "TokenException", "IP not allowed to place orders for this app"), AddressNotAllowed),
        (Reply(None, is_sent=False), OrderRefused),
        (Reply(None), BrokerUnreachable),
        (Reply(502), BrokerUnreachable),
    ],
)
def test_each_failed_write_has_its_own_error(reply, error):
    assert type(error_for(reply)) is error


def test_a_failed_read_is_a_dead_session_or_nothing_known():
    assert type(read_error_for(said(403, "TokenException", "x"))) is SessionExpired
    assert type(read_error_for(said(400, "InputException", "x"))) is BrokerUnreachable


@pytest.mark.parametrize(
    ("status", "filled", "state"),
    [
        ("COMPLETE", 10, OrderState.FILLED),
        ("CANCELLED", 4, OrderState.CANCELLED),
        ("TRIGGER PENDING", 0, OrderState.TRIGGER_PENDING),
        ("PUT ORDER REQ RECEIVED", 0, OrderState.SUBMITTED),
        ("cancel pending", 0, OrderState.OPEN),
        ("SOMETHING NEW", 0, OrderState.SUBMITTED),
        ("SOMETHING NEW", 3, OrderState.OPEN),
    ],
)
def test_states_are_open_ended(status, filled, state):
    assert order_state(status, filled) == state


ROW = {
    "order_id": 2611200000000000001,
    "status": "OPEN",
    "status_message": None,
    "status_message_raw": None,
    "exchange": "NSE",
    "tradingsymbol": "INFY",
    "transaction_type": "SELL",
    "product": "MIS",
    "quantity": 10,
    "filled_quantity": 4,
    "average_price": Decimal("1298.15"),
    "tag": "APAAAAAAAAAAAAAA",
    "tags": ["APAAAAAAAAAAAAAA", "mktp:2.00"],
    "order_timestamp": "2026-11-20 10:30:00",
    "exchange_update_timestamp": "2026-11-20 10:30:02",
}


def test_an_order_row_is_read_exactly():
    report = order_report(ROW)
    assert (report.broker_order_id, report.signed_quantity) == ("2611200000000000001", -10)
    assert (report.state, report.filled_quantity) == (OrderState.OPEN, 4)
    assert report.average_price == Decimal("1298.15")
    assert report.tags == {"APAAAAAAAAAAAAAA", "mktp:2.00"}
    assert report.placed_at == NOW


def test_an_unfilled_order_has_no_average():
    assert order_report(ROW | {"filled_quantity": 0, "average_price": 0}).average_price is None


def test_a_row_that_is_none_is_not_guessed_at():
    with pytest.raises(KeyError):
        order_report({key: value for key, value in ROW.items() if key != "filled_quantity"})


def test_a_trade_row_is_read_exactly():
    row = ROW | {"trade_id": "75894751", "fill_timestamp": "2026-11-20 10:30:00", "order_timestamp": "10:30:00"}
    booked = trade_row(row)
    assert (booked.trade_id, booked.signed_quantity, booked.price) == ("75894751", -10, Decimal("1298.15"))
    assert booked.traded_at == NOW
    with pytest.raises(ValueError, match="no time"):
        trade_row(row | {"fill_timestamp": None})


@pytest.mark.parametrize(
    "change",
    [
        {"average_price": 0},
        {"average_price": Decimal("NaN")},
        {"average_price": None},
        {"quantity": 0},
        {"quantity": Decimal("1.5")},
        {"trade_id": None},
        {"order_id": ""},
        {"transaction_type": "HOLD"},
    ],
)
def test_a_trade_of_nothing_is_no_trade(change):
    row = ROW | {"trade_id": "1", "fill_timestamp": "2026-11-20 10:30:00"} | change
    with pytest.raises((KeyError, TypeError, ValueError, ArithmeticError)):
        trade_row(row)


@pytest.mark.parametrize(
    ("order_type", "price", "limit"),
    [("LIMIT", Decimal("1.5"), Decimal("1.5")), ("LIMIT", 0, None), ("MARKET", 9, None)],
)
def test_only_a_limit_works_at_a_price(order_type, price, limit):
    assert order_report(ROW | {"order_type": order_type, "price": price}).price == limit


def test_delivery_held_is_what_is_settled_and_what_came_yesterday():
    row = {"exchange": "NSE", "tradingsymbol": "INFY", "quantity": 10, "t1_quantity": 5, "used_quantity": 3}
    assert (holding_row(row).quantity, holding_row(row).product) == (15, "CNC")


@pytest.mark.parametrize(
    ("order_type", "trigger", "form"),
    [
        ("MARKET", None, {"order_type": "LIMIT", "price": "1290.50", "validity": "DAY"}),
        ("LIMIT", None, {"order_type": "LIMIT", "price": "1290.50", "validity": "DAY"}),
        (
            "SL",
            Decimal("1291.00"),
            {"order_type": "SL", "price": "1290.50", "validity": "DAY", "trigger_price": "1291.00"},
        ),
    ],
)
def test_a_change_asks_for_another_price_and_never_names_the_quantity(order_type, trigger, form):
    asked = dataclasses.replace(ticket(order_type=order_type), trigger_price=trigger)
    assert modify_params(asked, Decimal("1290.50")) == form


def test_a_position_keeps_its_sign():
    assert position_row(ROW | {"quantity": -5}).quantity == -5


def test_times_are_indian_and_the_epoch_is_missing():
    assert ist_time("2026-11-20 10:30:00") == NOW
    assert ist_time("1970-01-01 05:30:00") is None
    assert ist_time("") is None


def ticket(**more):
    base = {"order_type": "LIMIT", "price": Decimal("1298.10"), "market_protection": None}
    return OrderTicket(
        "AP1", "NSE:INFY", -10, product="MIS", validity="DAY", trigger_price=None, market_time=NOW, **(base | more)
    )


def test_a_ticket_becomes_kites_form():
    assert place_params(ticket()) == {
        "exchange": "NSE",
        "tradingsymbol": "INFY",
        "transaction_type": "SELL",
        "quantity": "10",
        "product": "MIS",
        "order_type": "LIMIT",
        "validity": "DAY",
        "tag": "AP1",
        "price": "1298.10",
    }


def test_market_protection_goes_with_market_orders_only():
    market = place_params(ticket(order_type="MARKET", price=None, market_protection=Decimal(-1)))
    assert market["market_protection"] == "-1"
    assert "market_protection" not in place_params(ticket(market_protection=Decimal(2)))
