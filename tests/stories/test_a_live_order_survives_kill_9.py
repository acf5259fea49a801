"""Killed with -9 between any two steps of a live order: nothing is sent twice, lost, or booked twice."""

from decimal import Decimal

import pytest

from portfolio.models import Position, Trade
from tests.stories.killing import killed_at
from tests.stories.oracle import violations
from trading.models import Order, SeenOrder, SeenTrade
from trading.orders import execution
from trading.orders.requests import cancel_all, request_cancellation, request_modification

ENTRY = (
    "assess.before_commit",
    "assess.after_commit",
    "execute.before_claim",
    "execute.after_place",
    "execute.after_submitted",
    "books.after_reading",
    "trade_written",
    "book.before_commit",
    "book.after_commit",
)


@pytest.mark.parametrize("point", ENTRY)
def test_an_order_is_at_the_broker_once_and_booked_once(live, point, tmp_path):
    live.buy(3, product="MIS")
    killed_at(point, lambda: live.until_state("filled"), str(tmp_path))
    live.until_state("filled")
    assert [len(live.sent()), Position.objects.get().quantity] == [1, 3]
    assert violations(live) == []


def test_one_that_never_left_its_worker_is_not_sent_by_another(live, tmp_path):
    live.buy(3, product="MIS")
    killed_at("execute.after_claim", live.work, str(tmp_path))
    for _ in range(3):
        live.work()
    assert (Order.objects.get().state, live.sent()) == ("unconfirmed", [])


@pytest.mark.parametrize("point", ["execute.before_cancel", "execute.after_cancel"])
def test_a_cancellation_comes_through_and_is_not_repeated_each_second(live, point, tmp_path, monkeypatch):
    order = resting(live)
    request_cancellation(order, "tests")
    killed_at(point, live.work, str(tmp_path))
    live.work()
    already = len(live.sent("cancel"))
    live.work()
    assert len(live.sent("cancel")) == already
    monkeypatch.setattr("trading.orders.readings.SHOWS_AFTER", 0 * readings_wait())
    live.until_state("cancelled")
    assert len(live.sent("cancel")) == 1
    assert violations(live) == []


@pytest.mark.parametrize("point", ["execute.before_modify", "execute.after_modify"])
def test_a_change_of_price_is_asked_once_and_its_answer_is_the_books(live, point, tmp_path, monkeypatch):
    live.buy(3, product="MIS")
    live.until_state("filled")
    live.look()
    far = f"{live.last() * Decimal('1.01'):.1f}"
    live.buy(3, side="SELL", product="MIS", price=far)
    order = live.until(lambda: Order.objects.filter(side="SELL", state="open").first())
    near = Decimal(f"{live.last() * Decimal('1.005'):.1f}")
    assert request_modification(order, near, "tests")
    killed_at(point, live.work, str(tmp_path))
    monkeypatch.setattr("trading.orders.readings.SHOWS_AFTER", 0 * readings_wait())
    live.until(lambda: not Order.objects.filter(modify_pending=True).exists(), "the change is answered")
    order.refresh_from_db()
    expected = order.price if point == "execute.before_modify" else near
    assert (order.working_price, len(live.sent("modify"))) == (expected, 0 if expected != near else 1)
    assert SeenOrder.objects.get(tag=order.tag).price == expected


@pytest.mark.parametrize("point", ["trade_written", "outside.before_commit", "outside.after_commit"])
def test_a_trade_by_the_owners_hand_is_booked_once(live, point, tmp_path):
    live.by_their_hand("BUY", 4)
    killed_at(point, lambda: live.until(lambda: False), str(tmp_path))
    live.until(lambda: Position.objects.filter(quantity=4).exists(), "booked")
    live.work()
    assert (Trade.objects.count(), SeenTrade.objects.filter(is_booked=False).exists()) == (1, False)
    assert violations(live) == []


def test_a_strangers_cancellation_noted_and_never_sent_is_sent_once_the_book_shows_that_it_rests(
    live, tmp_path, monkeypatch
):
    live.by_their_hand("BUY", 5, order_type="LIMIT", price=str(live.last() - 20), market_protection="0")
    live.until(lambda: SeenOrder.objects.filter(state="open").exists(), "the owner's order is seen")
    assert cancel_all(None, "tests") == 1
    killed_at("strangers.before_cancel", live.work, str(tmp_path))
    live.work()
    assert live.sent("cancel") == []
    monkeypatch.setattr("trading.orders.readings.SHOWS_AFTER", 0 * readings_wait())
    live.until(lambda: SeenOrder.objects.get().state == "cancelled", "cancelled at the broker")
    assert len(live.sent("cancel")) == 1


def resting(live):
    live.buy(2, price=f"{live.last() * Decimal('0.99'):.1f}", product="MIS")
    return live.until_state("open")


def readings_wait():
    from trading.orders import readings

    return readings.SHOWS_AFTER


@pytest.mark.parametrize("point", ["execute.before_cancel", "execute.after_cancel"])
def test_on_paper_a_cancellation_is_left_to_the_next_worker(watched, point, tmp_path):
    watched.play("1500.00")
    watched.buy(10, price="1490.00")
    watched.play("1500.00", "1500.00")
    request_cancellation(Order.objects.get(), "tests")
    killed_at(point, watched.quiesce, str(tmp_path))
    watched.play("1500.00", "1500.00")
    assert Order.objects.get().state == "cancelled"


def test_what_a_sleeping_worker_sent_is_cancelled_by_the_id_it_was_given(live, monkeypatch):
    def give_up(point):
        if point == "execute.after_place":
            execution.move_order(Order.objects.get(), "not_placed", actor="tests", reason="its worker is dead")

    monkeypatch.setattr(execution, "crashpoint", give_up)
    live.buy(2, price=f"{live.last() * Decimal('0.99'):.1f}", product="MIS")
    live.until(lambda: live.sent("cancel", accepted=True), "it is taken back")
    (placed,) = live.sent(accepted=True)
    assert {call["order_id"] for call in live.sent("cancel")} == {placed["order_id"]}
