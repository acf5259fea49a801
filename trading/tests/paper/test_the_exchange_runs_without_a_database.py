"""The paper exchange is pure: whoever gives it requests and books at their times gets the same fills."""

from datetime import timedelta
from decimal import Decimal

from instruments.tests.protections import SHARES
from trading.paper.depth import DepthQuote
from trading.paper.exchange import Exchange, Request, RequestKind
from trading.paper.orders import PaperOrder, PaperRules
from trading.tests.strategies.market_day import at

D = Decimal
INFY, TCS = 1, 2


def rules(_instrument, now):
    return PaperRules(D("0.05"), 1, "continuous", now + timedelta(hours=1), SHARES)


def book(price: str, now, size: int = 100) -> DepthQuote:
    last = D(price)
    return DepthQuote(((last - 1, size),), ((last + 1, size),), last, now)


def place(tag: str, quantity: int, arrives_at, price: str | None = None, instrument: int = INFY) -> Request:
    order = PaperOrder(tag, quantity, "LIMIT" if price else "MARKET", arrives_at, price=D(price) if price else None)
    return Request(tag, RequestKind.PLACE, tag, instrument, arrives_at, order=order)


def test_an_order_fills_from_the_first_book_after_it_arrives():
    exchange, now = Exchange(rules), at("10:00:00")
    exchange.add_request(place("A", 10, now + timedelta(seconds=1)))
    exchange.step({INFY: book("1500", now)}, now)
    assert not exchange.changed
    later = now + timedelta(seconds=2)
    exchange.step({INFY: book("1510", later)}, later)
    [fill] = exchange.trades
    assert (fill.signed_quantity, fill.price, fill.at, exchange.done) == (10, D(1511), later, ["A"])
    assert (exchange.changed["A"].order.state, exchange.interested) == ("filled", set())


def test_two_orders_of_one_step_take_no_share_twice():
    exchange, now = Exchange(rules), at("10:00:00")
    for tag in "AB":
        exchange.add_request(place(tag, 80, now))
    exchange.step({INFY: book("1500", now)}, now)
    assert [(fill.tag, fill.signed_quantity) for fill in exchange.trades] == [("A", 80), ("B", 20)]


def test_a_change_and_a_cancellation_are_answered_in_their_order():
    exchange, now = Exchange(rules), at("10:00:00")
    exchange.add_request(place("A", 10, now, price="1490"))
    exchange.step({INFY: book("1500", now)}, now)
    later = now + timedelta(seconds=1)
    exchange.add_request(Request("M", RequestKind.MODIFY, "A", INFY, later, price=D("1490.01"), number=1))
    exchange.step({}, later)
    assert exchange.changed["A"].modify_refusal == "price 1490.01 is off the tick of 0.05"
    exchange.add_request(Request("N", RequestKind.MODIFY, "A", INFY, later, price=D("1491"), number=2))
    exchange.add_request(Request("C", RequestKind.CANCEL, "A", INFY, later))
    exchange.step({}, later)
    standing = exchange.changed["A"]
    assert (standing.modify_number, standing.modify_refusal, standing.order.limit) == (2, "", D(1491))
    assert (standing.order.state, exchange.done) == ("cancelled", ["A", "M", "N", "C"])


def test_a_book_of_another_instrument_moves_nobody():
    exchange, now = Exchange(rules), at("10:00:00")
    exchange.add_request(place("A", 10, now))
    exchange.step({TCS: book("1500", now)}, now)
    assert (exchange.trades, exchange.changed["A"].order.state) == ([], "open")
