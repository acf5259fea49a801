"""An order without an answer counts as filled, is looked for in the broker's books, and is never sent again."""

from datetime import timedelta
from decimal import Decimal

import pytest

from alphapanda.core.clock.market_time import wall_now
from portfolio.models import Position
from tests.stories.oracle import violations
from trading.brokers import reading
from trading.models import BookDifference, BookReading, BrokerStanding, Order, SeenOrder
from trading.orders import readings


@pytest.fixture
def later(monkeypatch):
    """Let readings begin later by the wall's clock, as if somebody had waited."""

    def wait(seconds):
        monkeypatch.setattr(reading, "wall_now", lambda: wall_now() + timedelta(seconds=seconds))

    return wait


def asked_in_vain(live, kind="drop_before_accept", **terms):
    live.sim.fault(kind, count=1, **terms)
    live.buy(3, product="MIS")
    live.work()
    return Order.objects.latest("id")


@pytest.mark.parametrize("kind", ["drop_after_accept", "html502", "no_content_type"])
def test_what_was_taken_without_an_answer_is_found_by_its_tag(live, kind):
    asked_in_vain(live, kind, accept=True)
    order = live.until_state("filled")
    assert (len(live.sent()), order.filled_quantity, Position.objects.get().quantity) == (1, 3, 3)
    assert violations(live) == []


def test_what_is_in_no_book_stays_unconfirmed_and_counts_as_filled(live):
    order = asked_in_vain(live)
    for _ in range(5):
        live.work()
    order.refresh_from_db()
    assert (order.state, order.out_quantity) == ("unconfirmed", 3)
    assert order.reserved > 0
    assert live.sent(accepted=True) == []


def test_readings_without_a_later_order_prove_nothing(live, later):
    asked_in_vain(live)
    for seconds in (1, 70, 140, 300):
        later(seconds)
        live.work()
    assert Order.objects.get().state == "unconfirmed"


def test_three_readings_over_two_minutes_that_show_later_orders_prove_it(live, later):
    asked_in_vain(live)
    live.advance(5)
    live.by_their_hand("BUY", 1)
    for seconds, state in ((1, "unconfirmed"), (70, "unconfirmed"), (125, "not_placed")):
        later(seconds)
        live.work()
        assert Order.objects.get().state == state
    assert Order.objects.get().state_reason.startswith("its broker's books, read for two minutes")
    assert Order.objects.get().reserved == 0


def test_what_lives_after_all_is_taken_back_and_ends_new_risk(live):
    live.buy(2, price=f"{live.last() * Decimal('0.99'):.1f}", product="MIS")
    order = live.until_state("open")
    Order.objects.update(state="not_placed")
    SeenOrder.objects.update(is_taken=False)
    live.work()
    order.refresh_from_db()
    assert order.state == "needs_human"
    assert BrokerStanding.objects.get().state == "exits_only"
    assert live.until_state("cancelled").pk == order.pk


def test_unanswered_orders_are_looked_for_soon_and_then_each_minute(live):
    order = asked_in_vain(live)
    assert order.claimed_at is not None
    for after, is_due in ((0.5, False), (1.1, True)):
        BookReading.objects.update(began_at=order.claimed_at - timedelta(seconds=1))
        assert readings.reading_due(live.account, order.claimed_at + timedelta(seconds=after)) is is_due
    BookReading.objects.update(began_at=order.claimed_at + timedelta(seconds=31))
    for after, is_due in ((55, False), (62, True)):
        assert readings.reading_due(live.account, order.claimed_at + timedelta(seconds=after)) is is_due


ORDER = {
    "order_id": "2611230000000000099", "status": "OPEN", "exchange": "NSE", "tradingsymbol": "INFY", "product": "MIS",
    "transaction_type": "BUY", "quantity": 1, "filled_quantity": 0, "order_type": "LIMIT", "price": 1.5, "tags": [],
}  # fmt: skip
TRADE = ORDER | {"trade_id": "1", "average_price": 1.5, "fill_timestamp": "2026-11-23 10:00:01"}
UNREADABLE = [
    *(("/orders", data) for data in (None, "", [None], {})),
    *(("/orders", [ORDER | {name: None}]) for name in ("order_id", "status", "price", "filled_quantity")),
    *(("/trades", [TRADE | change]) for change in ({"quantity": 0}, {"average_price": 0}, {"trade_id": ""})),
    ("/trades", [TRADE | {"average_price": "NaN"}]),
    ("/portfolio/positions", {}),
    ("/portfolio/holdings", None),
]


def test_books_that_cannot_be_read_show_nothing_short_empty_or_flat(live):
    live.buy(3, product="MIS")
    live.until_state("filled")
    live.until(lambda: BookReading.objects.filter(trades__gt=0, is_compared=True).exists(), "compared")
    before = BookReading.objects.count()
    for path, data in UNREADABLE:
        live.sim.fault("wrong_data", method="GET", path=path, data=data)
        BookReading.objects.update(is_compared=False)
        live.work()
        live.sim.clear_faults()
        assert BookReading.objects.count() == before, (path, data)
    assert (Position.objects.get().quantity, SeenOrder.objects.count()) == (3, 1)
    assert not BookDifference.objects.exclude(quantity=0).exists()
