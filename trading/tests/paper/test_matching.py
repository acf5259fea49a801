"""The paper exchange gives no fill the market did not offer."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instruments.tests.protections import FUTURES, OPTIONS, SHARES
from trading.orders.life_cycle import OrderState, is_terminal
from trading.paper.depth import DepthQuote, Liquidity, restore_liquidity, save_liquidity
from trading.paper.matching import accept_order, cancel_order, match_order, match_orders, modify_order, take_in_quote
from trading.paper.orders import PaperOrder, PaperRules, restore_order, save_order

D = Decimal
NOW = datetime(2026, 11, 20, 5, 0, tzinfo=UTC)
RULES = PaperRules(D("0.05"), 1, "continuous", NOW + timedelta(hours=5), SHARES)
BIDS = ((D(100), 50), (D("99.95"), 80))
ASKS = ((D("100.05"), 30), (D("100.10"), 40), (D("100.50"), 500))
BOOK = DepthQuote(BIDS, ASKS, D(100), NOW, volume=1000, lower_band=D(90), upper_band=D(110))


def later(seconds=1, **changes):
    return replace(BOOK, at=NOW + timedelta(seconds=seconds), **changes)


def order(quantity, order_type="LIMIT", price=None, trigger=None, **more):
    return PaperOrder("AP1", quantity, order_type, NOW, price and D(price), trigger and D(trigger), **more)


def sent(the_order, book=BOOK, rules=RULES):
    return accept_order(the_order, book and Liquidity(book), rules, NOW)


def resting(the_order, book=BOOK):
    return sent(the_order, book).order


def fills(outcome):
    return [(t.signed_quantity, str(t.price)) for t in outcome.trades]


def kinds(outcome):
    return [event.kind for event in outcome.events]


def test_a_market_buy_walks_the_asks_and_a_market_sell_the_bids():
    assert fills(sent(order(60, "MARKET"))) == [(30, "100.05"), (30, "100.10")]
    assert fills(sent(order(-60, "MARKET"))) == [(-50, "100"), (-10, "99.95")]


def test_a_market_order_stops_at_its_protected_price_and_rests_there():
    outcome = sent(order(100, "MARKET", market_protection=D("0.2")))
    assert fills(outcome) == [(30, "100.05"), (40, "100.10")]
    assert (outcome.order.state, outcome.order.limit, outcome.order.remaining) == ("open", D("100.20"), 30)


OPTION = replace(RULES, protection=OPTIONS)


def test_automatic_protection_of_an_option_at_two_rupees_is_five_percent():
    quote = replace(BOOK, last_price=D(2), bids=((D("1.95"), 50),), asks=((D("2.05"), 50),), lower_band=None)
    unbanded = replace(quote, upper_band=None)
    rested = sent(order(-100, "MARKET"), unbanded, OPTION).order
    assert (rested.limit, rested.filled) == (D("1.90"), 50)


@pytest.mark.parametrize(("quantity", "price"), [(10, "140.05"), (-10, "59.95")])
def test_a_limit_outside_the_exchanges_range_is_rejected(quantity, price):
    wide = replace(BOOK, lower_band=D(1), upper_band=D(1000))
    outcome = sent(order(quantity, price=price), wide, OPTION)
    assert (outcome.order.state, "limit price protection" in outcome.order.words) == ("rejected", True)
    assert sent(order(quantity, price=price), wide).order.state != "rejected"  # a share has no such range


def test_a_stops_limit_is_checked_when_it_triggers():
    wide = replace(BOOK, lower_band=D(1), upper_band=D(1000))
    waiting = sent(order(-10, "SL", price="50", trigger="90"), wide, OPTION).order
    assert waiting.state == "trigger_pending"
    fallen = replace(wide, last_price=D(89), at=NOW + timedelta(seconds=1))
    assert match_order(waiting, Liquidity(fallen), OPTION, fallen.at).order.state == "rejected"


def test_protection_ends_on_the_last_tick_inside_the_exchanges_range():
    future = replace(RULES, protection=FUTURES)
    quote = replace(BOOK, last_price=D("100.05"), lower_band=None, upper_band=None)
    wide = order(-1000, "MARKET", market_protection=D(50))
    assert sent(wide, quote, future).order.limit == D("97.05")  # 3 % is 97.0485


def test_protection_stays_inside_the_band():
    assert resting(order(1000, "MARKET", market_protection=D(50))).limit == D(110)


def test_a_limit_takes_what_is_within_it_and_rests_behind_the_quoted_size():
    outcome = sent(order(100, price="100.05"))
    assert fills(outcome) == [(30, "100.05")]
    assert outcome.order.queue_ahead == 0
    assert resting(order(10, price="99.95")).queue_ahead == 80


def test_an_order_never_trades_with_the_book_that_caused_it():
    early = replace(order(10, "MARKET"), arrives_at=NOW + timedelta(milliseconds=50))
    arrived = accept_order(early, Liquidity(BOOK), RULES, early.arrives_at)
    assert (fills(arrived), arrived.order.state) == ([], "open")
    moved = Liquidity(later(asks=((D("100.30"), 30),)))
    assert fills(match_order(arrived.order, moved, RULES, moved.quote.at)) == [(10, "100.30")]


def test_no_quote_or_no_depth_is_no_fill():
    arrived = sent(order(10, "MARKET"), book=None)
    assert (fills(arrived), arrived.order.state) == ([], "open")
    assert fills(sent(order(10, "MARKET"), replace(BOOK, bids=(), asks=()))) == []


def test_without_depth_a_resting_order_and_a_market_order_wait():
    blind = Liquidity(later(bids=(), asks=(), last_price=D("99.90"), volume=9999))
    assert fills(match_order(resting(order(10, price="99.95")), blind, RULES, NOW)) == []
    waiting = match_order(resting(order(10, "MARKET"), None), blind, RULES, NOW)
    assert (fills(waiting), waiting.order.awaits_book) == ([], True)


def test_the_queue_moves_as_volume_trades_at_the_price():
    waiting = resting(order(10, price="99.95"))
    at_price = later(last_price=D("99.95"), volume=1060)
    outcome = match_order(waiting, Liquidity(at_price), RULES, at_price.at)
    assert (fills(outcome), outcome.order.queue_ahead) == ([], 20)
    more = later(2, last_price=D("99.95"), volume=1084)
    assert fills(match_order(outcome.order, Liquidity(more), RULES, more.at)) == [(4, "99.95")]


def test_volume_above_our_bid_does_not_move_the_queue():
    waiting = resting(order(10, price="99.95"))
    outcome = match_order(waiting, Liquidity(later(last_price=D(100), volume=5000)), RULES, NOW)
    assert (fills(outcome), outcome.order.queue_ahead) == ([], 80)


def test_a_price_traded_through_fills_at_our_limit():
    waiting = resting(order(10, price="99.95"))
    through = later(last_price=D("99.90"), volume=1005)
    assert fills(match_order(waiting, Liquidity(through), RULES, NOW)) == [(5, "99.95")]


def test_an_offer_at_our_bid_fills_at_our_limit_not_better():
    waiting = resting(order(10, price="99.95"))
    crossed = later(bids=((D("99.50"), 10),), asks=((D("99.60"), 6), (D("99.95"), 3)))
    assert fills(match_order(waiting, Liquidity(crossed), RULES, NOW)) == [(6, "99.95"), (3, "99.95")]


def test_those_ahead_may_leave_the_queue():
    waiting = resting(order(10, price="99.95"))
    thinner = later(bids=((D(100), 50), (D("99.95"), 12)))
    assert match_order(waiting, Liquidity(thinner), RULES, NOW).order.queue_ahead == 12


def test_below_the_shown_levels_the_queue_is_unknown():
    five = tuple((D(100) - D(n) / 20, 10) for n in range(5))
    assert resting(order(10, price="99"), replace(BOOK, bids=five)).queue_ahead is None


def test_two_of_our_orders_cannot_take_the_same_shares():
    first, second = (replace(order(30, "MARKET"), tag=tag) for tag in ("AP1", "AP2"))
    after_first = sent(first)
    outcome = accept_order(second, after_first.liquidity, RULES, NOW)
    assert fills(outcome) == [(30, "100.10")]


def test_two_resting_orders_do_not_share_traded_volume():
    orders = [replace(resting(order(50, price="99.95")), tag=tag) for tag in ("AP1", "AP2")]
    outcomes, _ = match_orders(orders, Liquidity(later(last_price=D("99.90"), volume=1060)), RULES, NOW)
    assert [fills(outcome) for outcome in outcomes] == [[(50, "99.95")], [(10, "99.95")]]


def test_depth_we_took_is_gone_while_the_level_shows_the_same():
    left = sent(order(30, "MARKET")).liquidity
    assert take_in_quote(left, later()).levels(is_bid=False)[0] == (D("100.05"), 0)
    assert take_in_quote(left, later(asks=((D("100.05"), 31),))).levels(is_bid=False) == ((D("100.05"), 31),)


def test_a_stop_waits_for_the_last_price():
    stop = resting(order(-10, "SL-M", trigger="99"))
    assert stop.state == OrderState.TRIGGER_PENDING
    assert match_order(stop, Liquidity(later(last_price=D("99.05"))), RULES, NOW).order.state == "trigger_pending"
    fell = later(last_price=D(99), bids=((D("98.90"), 7), (D("98.80"), 9)))
    outcome = match_order(stop, Liquidity(fell), RULES, NOW)
    assert kinds(outcome)[0] == "triggered"
    assert fills(outcome) == [(-7, "98.90"), (-3, "98.80")]


def test_a_stop_limit_does_not_fill_beyond_its_limit():
    stop = resting(order(-10, "SL", price="98.85", trigger="99"))
    fell = later(last_price=D("98.95"), bids=((D("98.90"), 7), (D("98.80"), 9)))
    outcome = match_order(stop, Liquidity(fell), RULES, NOW)
    assert (fills(outcome), outcome.order.state) == ([(-7, "98.90")], "open")


def test_an_ioc_takes_what_is_there_and_is_cancelled():
    outcome = sent(order(100, price="100.05", validity="IOC"))
    assert (fills(outcome), outcome.order.state) == ([(30, "100.05")], "cancelled")
    assert outcome.order.words == "cancelled with 30 of 100 filled"


def test_a_locked_market_queues():
    locked = replace(BOOK, bids=((D(110), 900_000),), asks=(), last_price=D(110))
    waiting = resting(order(10, price="110"), locked)
    assert (waiting.state, waiting.queue_ahead) == ("open", 900_000)


@pytest.mark.parametrize(
    ("the_order", "rules", "words"),
    [
        (order(10, price="110.05"), RULES, "outside the day's band"),
        (order(10, price="100.03"), RULES, "off the tick"),
        (order(10, price="100"), replace(RULES, lot_size=65), "not in lots of 65"),
        (order(10, price="100"), replace(RULES, freeze_quantity=9), "above the freeze quantity 9"),
        (order(10, price="100"), replace(RULES, phase="auction"), "it is auction"),
        (order(10, price="100"), replace(RULES, phase=None), "it is closed"),
        (order(10, "SL-M", trigger="101"), replace(RULES, takes_sl_m=False), "use SL"),
        (order(10, "SL-M", trigger="99"), RULES, "would fire at once"),
        (order(10, "SL", price="100.50", trigger="101"), RULES, "wrong side of trigger"),
        (order(10, "MARKET", market_protection=D(0)), RULES, "needs market protection"),
        (order(10, "MARKET", price="100"), RULES, "MARKET takes no price"),
        (order(10, "LIMIT"), RULES, "LIMIT needs a price"),
    ],
)
def test_rejects_what_the_exchange_would(the_order, rules, words):
    outcome = sent(the_order, rules=rules)
    assert outcome.order.state == OrderState.REJECTED
    assert words in outcome.order.words
    assert outcome.trades == ()


def test_nothing_fills_in_the_auction():
    waiting = resting(order(10, price="99.95"))
    through = Liquidity(later(last_price=D(90), volume=9999, asks=((D(90), 100),)))
    outcome = match_order(waiting, through, replace(RULES, phase="auction"), NOW)
    assert (fills(outcome), outcome.order.state) == ([], "open")


def test_a_day_order_expires_at_the_close_of_its_own_session():
    waiting = resting(order(10, price="99.95"))
    outcome = match_order(waiting, Liquidity(BOOK), RULES, RULES.closes_at)
    assert (outcome.order.state, kinds(outcome)) == (OrderState.EXPIRED, ["expired"])


def test_cancelling_keeps_what_was_filled_and_refuses_what_is_done():
    part = sent(order(100, price="100.05")).order
    assert cancel_order(part, NOW).order.state == OrderState.CANCELLED
    whole = sent(order(10, "MARKET")).order
    outcome = cancel_order(whole, NOW)
    assert (outcome.order.state, kinds(outcome)) == (OrderState.FILLED, ["cancel_refused"])


def test_a_new_price_goes_to_the_back_and_may_take_the_next_book():
    waiting = resting(order(10, price="99.95"))
    changed = modify_order(waiting, Liquidity(BOOK), RULES, NOW, price=D("100.05")).order
    assert fills(match_order(changed, Liquidity(later()), RULES, NOW)) == [(10, "100.05")]


def test_a_smaller_quantity_keeps_its_place():
    waiting = resting(order(10, price="99.95"))
    changed = modify_order(waiting, Liquidity(BOOK), RULES, NOW, quantity=5).order
    assert (changed.queue_ahead, changed.remaining) == (80, 5)


def test_a_refused_change_changes_nothing():
    part = sent(order(100, price="100.05")).order
    for change in ({"price": D("100.03")}, {"quantity": 20}, {"price": D(120)}):
        outcome = modify_order(part, Liquidity(BOOK), RULES, NOW, **change)
        assert kinds(outcome) == ["modify_refused"]
        assert replace(outcome.order, words=part.words) == part


def test_reducing_to_what_is_filled_completes_the_order():
    part = sent(order(100, price="100.05")).order
    assert modify_order(part, Liquidity(BOOK), RULES, NOW, quantity=30).order.state == OrderState.FILLED


def test_orders_and_books_survive_json():
    part = sent(order(100, "MARKET", market_protection=D("0.2")))
    assert restore_order(json.loads(json.dumps(save_order(part.order)))) == part.order
    assert restore_liquidity(json.loads(json.dumps(save_liquidity(part.liquidity)))) == part.liquidity


prices = st.integers(1960, 2040).map(lambda n: D(n) / 20)
sizes = st.integers(1, 60)


@st.composite
def books(draw, at=0):
    mid = draw(st.integers(1980, 2020))
    bids = [(D(mid - gap) / 20, draw(sizes)) for gap in sorted(draw(st.sets(st.integers(1, 12), max_size=5)))]
    asks = [(D(mid + gap) / 20, draw(sizes)) for gap in sorted(draw(st.sets(st.integers(1, 12), max_size=5)))]
    last = draw(prices)
    return DepthQuote(tuple(bids), tuple(asks), last, NOW + timedelta(seconds=at), 0, D(90), D(110))


@st.composite
def days(draw):
    volume, found = 1000, []
    for n in range(draw(st.integers(1, 6))):
        volume += draw(st.integers(0, 100))
        found.append(replace(draw(books(at=n)), volume=volume))
    return found


@st.composite
def any_orders(draw, tag="AP1"):
    sign, quantity = draw(st.sampled_from([1, -1])), draw(st.integers(1, 150))
    order_type = draw(st.sampled_from(["MARKET", "LIMIT", "SL", "SL-M"]))
    trigger = draw(prices) if order_type in ("SL", "SL-M") else None
    price = {"LIMIT": draw(prices), "SL": trigger and trigger + sign * D("0.5")}.get(order_type)
    validity = "DAY" if trigger else draw(st.sampled_from(["DAY", "IOC"]))
    return PaperOrder(tag, sign * quantity, order_type, NOW, price, trigger, validity, D(1))


def run(the_orders, day):
    """Send the orders into the first book, then show them the rest; return each step."""
    liquidity, steps, orders = None, [], list(the_orders)
    for n, book in enumerate(day):
        liquidity = take_in_quote(liquidity, book)
        outcomes, liquidity = (
            _arrivals(orders, liquidity) if n == 0 else match_orders(orders, liquidity, RULES, book.at)
        )
        steps += [(book, outcome) for outcome in outcomes]
        orders = [outcome.order for outcome in outcomes]
    return steps, orders


def _arrivals(orders, liquidity):
    outcomes = []
    for each in orders:
        outcome = accept_order(each, liquidity, RULES, NOW)
        liquidity = outcome.liquidity
        outcomes.append(outcome)
    return outcomes, liquidity


two_orders = st.tuples(any_orders("AP1"), any_orders("AP2"), any_orders("AP3"))


@settings(max_examples=200)
@given(two_orders, days())
def test_no_fill_is_better_than_the_book_or_beyond_the_limit(the_orders, day):
    steps, _ = run(the_orders, day)
    for book, outcome in steps:
        for trade in outcome.trades:
            limit, sign = outcome.order.limit, 1 if trade.signed_quantity > 0 else -1
            shown = book.asks if sign > 0 else book.bids
            assert (limit - trade.price) * sign >= 0
            assert trade.price == limit or trade.price in dict(shown)
            assert trade.price == limit or (trade.price - shown[0][0]) * sign >= 0


@settings(max_examples=200)
@given(two_orders, days())
def test_filled_is_the_sum_of_trades_and_never_more_than_asked(the_orders, day):
    steps, orders = run(the_orders, day)
    for each in orders:
        trades = [t for _, o in steps for t in o.trades if t.tag == each.tag]
        assert abs(sum(t.signed_quantity for t in trades)) == each.filled <= each.quantity
        assert [t.ordinal for t in trades] == list(range(1, len(trades) + 1))
        assert (each.filled == each.quantity) == (each.state == OrderState.FILLED)


@settings(max_examples=100)
@given(two_orders, days())
def test_takers_take_no_more_than_a_level_shows(the_orders, day):
    steps, _ = run(the_orders, day[:1])
    taken = {}
    for _, outcome in steps:
        for t in outcome.trades:
            key = (t.signed_quantity > 0, t.price)
            taken[key] = taken.get(key, 0) + abs(t.signed_quantity)
    for (is_buy, price), quantity in taken.items():
        assert quantity <= dict(day[0].asks if is_buy else day[0].bids)[price]


@settings(max_examples=50)
@given(two_orders, days())
def test_the_same_day_gives_the_same_trades_also_after_a_restart(the_orders, day):
    steps, orders = run(the_orders, day)
    again, _ = run([restore_order(save_order(o)) for o in the_orders], day)
    assert [o.trades for _, o in steps] == [o.trades for _, o in again]
    assert all(o.order.words for _, o in steps if is_terminal(o.order.state))
    assert [restore_order(save_order(o)) for o in orders] == orders
