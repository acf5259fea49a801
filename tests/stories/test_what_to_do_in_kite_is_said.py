"""The card to hand over to Kite: what to leave there by hand, as the broker has it, and what to cancel before."""

import pytest
from django.urls import reverse

from alphapanda.dashboard import panels
from trading.brokers import standing
from trading.models import SeenOrder
from trading.orders import readings
from trading.orders.life_cycle import BrokerState


@pytest.fixture
def held(live, monkeypatch):
    """Three shares held, an order of the owner's own that rests; every reading compares."""
    monkeypatch.setattr(readings, "_comparison_due", lambda account: True)
    live.buy(3, product="MIS")
    live.until_state("filled")
    live.by_their_hand("BUY", 5, order_type="LIMIT", price=str(live.last() - 20), market_protection="0")
    live.until(lambda: SeenOrder.objects.filter(state="open").exists(), "the owner's order is seen")
    return live


def card():
    [found] = panels.handover_snapshot()["accounts"]
    return found


def legs():
    return [(row["what"], row["name"], row["where"], row["words"]) for row in card()["rows"]]


def test_it_says_what_to_leave_and_what_to_cancel_before(held):
    row = SeenOrder.objects.get(tag="")
    assert legs() == [("Sell 3", "INFY", "NSE MIS", "")]
    assert card()["first"] == [f"buy 5 INFY MIS at {row.price:,.2f}, order {row.broker_order_id}, not ours"]
    assert "takes orders; its positions were last read at" in card()["words"]
    assert card()["words"].endswith("1 position to leave, shorts first.")


def test_the_brokers_number_counts_where_the_books_differ(held):
    told = held.sim.ask("GET", "/portfolio/positions", headers=held.headers())["data"]
    told["net"][0]["quantity"] = -2
    held.sim.fault("wrong_data", method="GET", path="/portfolio/positions", data=told)
    held.work()
    assert legs() == [("Buy 2", "INFY", "NSE MIS", "our books say 3")]


def test_it_says_why_the_broker_takes_nothing(held):
    standing.restrict(held.account, BrokerState.DOWN, standing.ADDRESS, "orders are not taken from this address")
    assert card()["tone"] == "warn"
    assert "takes no new orders (orders are not taken from this address)" in card()["words"]


def test_the_page_shows_it(held, admin_client):
    page = admin_client.get(reverse("dashboard:handover")).content.decode()
    assert "Sell 3" in page
    assert "Buy 5 INFY MIS at" in page
