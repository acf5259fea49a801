from datetime import date

import pytest
from django.urls import path
from rest_framework.test import APIClient

from instruments.api import InstrumentViewSet, TradingSessionViewSet
from instruments.calendar import load_calendar
from instruments.tests.dumps_of import future, index, load, option, share, shares

urlpatterns = [
    path("instruments/", InstrumentViewSet.as_view({"get": "list"})),
    path("sessions/", TradingSessionViewSet.as_view({"get": "list"})),
]
pytestmark = [pytest.mark.django_db, pytest.mark.urls("instruments.tests.test_api_reads_instruments")]


@pytest.fixture
def client(admin_user):
    client = APIClient()
    client.force_authenticate(admin_user)
    return client


def symbols(answer) -> list[str]:
    return [row["tradingsymbol"] for row in answer.json()["results"]]


def test_strangers_see_nothing():
    assert APIClient().get("/instruments/").status_code == 401


def test_money_is_text_and_the_class_is_told(client):
    load(index(), share(), future(), option())
    (call,) = client.get("/instruments/", {"key": "NFO:NIFTY26AUG25000CE"}).json()["results"]
    assert (call["strike"], call["tick_size"], call["lot_size"]) == ("25000.0000", "0.0500", 65)
    (infy,) = client.get("/instruments/", {"tradingsymbol": "INFY"}).json()["results"]
    assert (infy["key"], infy["security_class"]) == ("NSE:INFY", "equity_fno")


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"exchange": "NSE"}, ["INFY", "NIFTY 50"]),
        ({"q": "nifty 25000"}, ["NIFTY26AUG25000CE"]),
        ({"instrument_type": "FUT", "listed": "true"}, ["INFY26AUGFUT"]),
        ({"expiry_from": "2026-08-25"}, ["INFY26AUGFUT", "NIFTY26AUG25000CE"]),
        ({"expiry_to": "2026-08-24"}, []),
        ({"instrument_token": "408065"}, ["INFY"]),
        ({"key": "nonsense"}, []),
    ],
)
def test_instruments_are_filtered(client, asked, expected):
    load(index(), share(), future(), option())
    assert symbols(client.get("/instruments/", asked)) == expected


def test_a_filter_that_is_no_date_is_refused(client):
    assert client.get("/instruments/", {"expiry_from": "soon"}).status_code == 400


def test_every_instrument_is_on_exactly_one_page(client):
    load(*shares(250))
    seen, address = [], "/instruments/"
    while address:
        answer = client.get(address)
        seen += symbols(answer)
        address = answer.json()["next"]
    assert len(seen) == len(set(seen)) == 250


def test_sessions_give_each_phase_with_its_moments(client):
    load_calendar(years=[2026])
    asked = {"exchange": "NSE", "security_class": "equity_fno", "day": str(date(2026, 8, 3))}
    (session,) = client.get("/sessions/", asked).json()["results"]
    assert [phase["kind"] for phase in session["phases"]] == ["pre_open", "continuous", "auction", "post_close"]
    assert session["phases"][1]["opens_at"] == "2026-08-03T09:15:00.000000+05:30"
    assert session["phases"][2]["steps"][0]["kind"] == "reference"
