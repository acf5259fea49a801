"""Each text of a refusal that is known: what it means, whether it is final, and that a trader is told what to do."""

import pytest

from trading.brokers.zerodha.mapping import Reply, classify_reply, error_for, order_report
from trading.brokers.zerodha.rejections import REJECTIONS, Meaning, explained, rejection_in
from trading.orders.broker_port import AddressNotAllowed, BrokerUnreachable, OrderRefused
from trading.tests.brokers.test_zerodha_mapping import ROW

M = Meaning
TEXTS = [
    ("Insufficient funds. Required margin is 52000.00 but available margin is 4100.20.", M.MARGIN),
    ("RMS:Margin Exceeds,Required:52000, Available:4100", M.MARGIN),
    ("Market orders without market protection are not allowed via API.", M.PARAMETER),
    ("Price exceeds circuit limits. Place the order within 1350.00 and 1650.00.", M.PRICE_RANGE),
    (
        "Your order was cancelled by the exchange as the limit was outside the limit price protection range.",
        M.DIED_AT_TRIGGER,
    ),
    ("price is outside the current allowed limit price protection range", M.PRICE_RANGE),
    ("Tick size for this script is 0.10. Kindly enter price in the multiple of tick size.", M.TICK),
    ("Trigger price for stoploss buy orders should be higher than the last traded price (1484.20).", M.CROSSED),
    ("Trigger price for stoploss sell orders should be lower than the last traded price (1484.20).", M.CROSSED),
    ("Trigger price 1700 cannot be above the upper circuit price 1650", M.PRICE_RANGE),
    ("Order cannot be cancelled as it is being processed. Try later.", M.BEING_PROCESSED),
    ("Order cannot be modified as it is being processed. Try later.", M.BEING_PROCESSED),
    ("Maximum allowed order modifications exceeded.", M.MODIFIED_TOO_OFTEN),
    ("Too many requests", M.RATE),
    ("Order request timed out. Please check the order book and confirm before placing again.", M.TIMED_OUT),
    ("Incorrect `api_key` or `access_token`.", M.TOKEN),
    ("No IPs configured for this app. Add allowed IPs on the Kite developer console.", M.ADDRESS),
    ("IP not allowed to place orders for this app", M.ADDRESS),
    ("RMS:Blocked for NSE - INFY-BE MIS TRADING NOT ALLOWED", M.PRODUCT),
    ("Strike price is outside the allowed range for this contract.", M.STRIKE),
    ("Market order cannot be placed during this period", M.AUCTION),
    ("Market orders are currently not allowed", M.AUCTION),
    ("This share is traded in the periodic call auction for illiquid securities.", M.PERIODIC_CALL),
    ("Your order could not be converted to a After Market Order (AMO).", M.CLOSED),
    ("Please authorise your holdings at CDSL.", M.AUTHORISATION),
]


@pytest.mark.parametrize(("text", "meaning"), TEXTS)
def test_a_known_text_has_its_meaning_and_says_what_to_do(text, meaning):
    known = rejection_in(text)
    assert known.meaning is meaning
    assert explained(text).endswith(f": {known.advice}")
    assert order_report(ROW | {"status": "REJECTED", "status_message": text}).words == explained(text)


@pytest.mark.parametrize("row", REJECTIONS, ids=lambda row: row.pattern.pattern)
def test_every_row_of_the_table_is_met_by_a_text_somebody_saw(row):
    assert any(rejection_in(text) is row for text, _ in TEXTS)


@pytest.mark.parametrize(("text", "meaning"), TEXTS)
@pytest.mark.parametrize("error_type", ["InputException", "NetworkException", "GeneralException"])
def test_a_known_text_in_kites_own_400_is_final_whatever_its_type_but_for_a_timeout(text, meaning, error_type):
    is_final = meaning is not M.TIMED_OUT
    reply = Reply(400, error_type, text, is_envelope=True)
    assert classify_reply(reply) == ("refused" if is_final else "unknown")
    kind = AddressNotAllowed if meaning is M.ADDRESS else OrderRefused if is_final else BrokerUnreachable
    assert isinstance(error_for(reply), kind)


@pytest.mark.parametrize("status", [None, 200, 302, 500, 502, 503])
def test_a_known_text_without_kites_own_4xx_proves_nothing(status):
    reply = Reply(status, "OrderException", "Insufficient funds", is_envelope=status is not None)
    assert classify_reply(reply) == "unknown"


@pytest.mark.parametrize("text", ["", "Something nobody has seen", "17070 : odd"])
def test_an_unknown_text_is_shown_as_it_came(text):
    assert (rejection_in(text), explained(text)) == (None, text)
