"""What the account's owner trades in Kite itself is booked like any trade, counted, and never fought (exits.md 2)."""

from datetime import timedelta
from decimal import Decimal

import pytest

from alphapanda.core.clock.market_time import wall_now
from alphapanda.core.journal.models import Event
from alphapanda.dashboard import panels
from instruments.models import Instrument
from portfolio.models import Position, Trade
from tests.stories.oracle import violations
from trading.models import BookDifference, Order, RunInput, SeenOrder, SeenTrade
from trading.orders import readings
from trading.orders.reconciliation import is_frozen
from trading.orders.requests import place_manual


@pytest.fixture
def held(live, monkeypatch):
    """Ten shares bought by a deployment whose stop is 1 % away; every reading compares."""
    monkeypatch.setattr(readings, "_comparison_due", lambda account: True)
    last = live.last()
    terms = {"buy_at": str(last + 5), "sell_at": str(last + 900), "stop_percent": "1"}
    live.start(live.deploy(size=Decimal(10), product="MIS", parameters=terms))
    live.look()
    live.until(lambda: Position.objects.filter(quantity=10).exists(), "the entry is booked")
    return live


def hand(live, side, quantity, **more):
    before = SeenTrade.objects.count()
    live.by_their_hand(side, quantity, **more)
    live.until(lambda: SeenTrade.objects.count() > before, "the owner's trade is seen")


def quantities():
    """What each portfolio holds, the hand's under an empty name."""
    return {position.portfolio.name: position.quantity for position in Position.objects.order_by("portfolio__name")}


def agree(live):
    """No difference of the books is left, and new risk may be opened."""
    readings.read_and_book(live.account.pk)
    return not BookDifference.objects.exclude(quantity=0).exists() and not is_frozen(live.account, live.infy)


def test_a_purchase_is_the_hands_and_freezes_nothing(held):
    hand(held, "BUY", 4)
    assert quantities() == {"": 4, "test-one-lot 1": 10}
    assert agree(held)
    assert Trade.objects.get(portfolio__deployment_id=None).charges > 0
    assert violations(held) == []


def test_a_sale_closes_the_deployments_holding_and_its_run_hears_of_it(held):
    hand(held, "SELL", 4)
    assert quantities() == {"test-one-lot 1": 6}
    told = RunInput.objects.get(kind="closed_by_hand")
    assert (told.payload["signed_quantity"], told.payload["number"]) == (-4, None)
    held.shock(-3)
    held.until(lambda: quantities() == {"test-one-lot 1": 0}, "its stop left what was left")
    assert [order.quantity for order in Order.objects.filter(side="SELL")] == [6]
    assert violations(held) == []


def test_a_sale_of_more_than_is_held_leaves_the_rest_to_the_hand(held):
    hand(held, "SELL", 13)
    assert quantities() == {"": -3, "test-one-lot 1": 0}
    assert [trade.part for trade in Trade.objects.filter(signed_quantity__lt=0).order_by("sequence")] == [1, 2]
    assert violations(held) == []


def test_the_hands_own_holding_is_closed_first(held):
    place_manual(held.account, instrument=held.infy, side="BUY", quantity=2, order_type="MARKET", product="MIS", by="x")
    held.until(lambda: quantities() == {"": 2, "test-one-lot 1": 10}, "bought by hand here")
    hand(held, "SELL", 5)
    assert quantities() == {"": 0, "test-one-lot 1": 7}


def test_the_same_reading_again_books_nothing_more(held):
    hand(held, "BUY", 4)
    trades = Trade.objects.count()
    for _ in range(3):
        readings.read_and_book(held.account.pk)
    SeenTrade.objects.update(is_booked=False)  # a crash between the books and the note would leave it so
    readings.read_and_book(held.account.pk)
    assert (Trade.objects.count(), quantities()) == (trades, {"": 4, "test-one-lot 1": 10})


def test_an_exit_on_its_way_is_taken_back_where_the_hand_left_nothing(held):
    held.sim.fault("pending", seconds=600, count=1)
    held.shock(-3)
    held.until(lambda: Order.objects.filter(side="SELL").exclude(broker_order_id="").exists(), "the stop is on its way")
    hand(held, "SELL", 10)
    assert quantities() == {"test-one-lot 1": 0}
    held.until(lambda: held.sent("cancel"), "its cancellation has reached the broker")
    assert len(held.sent("place", accepted=True)) == 2


def test_it_waits_while_an_unanswered_order_could_be_its_own(held):
    held.sim.fault("drop_before_accept", count=1)
    place_manual(held.account, instrument=held.infy, side="BUY", quantity=2, order_type="MARKET", product="MIS", by="x")
    held.until(lambda: Order.objects.filter(state="unconfirmed").exists(), "nobody knows of it")
    hand(held, "BUY", 2)
    hand(held, "SELL", 1)
    assert quantities() == {"test-one-lot 1": 9}
    assert SeenTrade.objects.get(is_booked=False).signed_quantity == 2
    Order.objects.filter(state="unconfirmed").update(state="not_placed")
    assert agree(held)
    assert quantities() == {"": 2, "test-one-lot 1": 9}


def told(live, quantity, product, at):
    """A trade of the broker's books with its order, as a reading keeps them."""
    order = {"exchange": "NSE", "tradingsymbol": "INFY", "product": product, "signed_quantity": quantity}
    common = {"account": live.account, "broker_order_id": "900", "seen_at": wall_now(), **order}
    SeenOrder.objects.create(state="filled", broker_status="COMPLETE", filled_quantity=abs(quantity), **common)
    SeenTrade.objects.create(trade_id="1", day=at.date(), price=Decimal("1480.00"), traded_at=at, **common)
    readings.read_and_book(live.account.pk)


def test_what_was_traded_before_the_account_was_opened_is_no_trade_of_its_books(held):
    told(held, 4, "MIS", held.account.opened_at - timedelta(seconds=1))
    assert quantities() == {"test-one-lot 1": 10}
    SeenTrade.objects.filter(is_booked=False).update(traded_at=held.account.opened_at)
    readings.read_and_book(held.account.pk)
    assert quantities() == {"": 4, "test-one-lot 1": 10}


@pytest.mark.parametrize(("sold", "left"), [(3, {"": 0, "test-one-lot 1": 10}), (4, {"": 3, "test-one-lot 1": 10})])
def test_delivery_sold_that_our_books_never_had_is_not_booked(held, sold, left):
    hand(held, "BUY", 3, product="CNC")
    told(held, -sold, "CNC", held.now)
    assert quantities() == left


def test_a_name_nobody_here_lists_stays_a_difference(held):
    hand(held, "BUY", 1, tradingsymbol="TCS")
    assert not Instrument.objects.filter(tradingsymbol="TCS").exists()
    assert (quantities(), BookDifference.objects.get().tradingsymbol) == ({"test-one-lot 1": 10}, "TCS")


def test_the_brokers_own_squaring_off_is_booked(held):
    held.sim.ask("POST", "/sim/square_off", json={})
    held.until(lambda: quantities() == {"test-one-lot 1": 0}, "the broker's square-off is booked")
    assert agree(held)
    assert violations(held) == []


def test_live_says_what_was_traded_and_whose_holding_it_changed(held):
    hand(held, "SELL", 4)
    price = Trade.objects.get(signed_quantity=-4).price
    said = [row["words"] for row in panels.live_snapshot(None)["events"]["rows"]]
    assert f"Traded outside: sold 4 NSE:INFY MIS at {price:,.2f}; test-one-lot 1 \u22124" in said
    assert Event.objects.filter(kind="trade.outside").count() == 1
