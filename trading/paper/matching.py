"""The paper exchange: fills against the book seen after an order's latency, pure and repeatable.

An order takes from the first book seen after it arrives, level by level; what is left of it rests
behind the quantity quoted at its price. A buy takes asks and a sell takes bids. Nothing fills
without depth, outside continuous trading, or better than the market showed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from alphapanda.core import figures
from instruments.domain.order_terms import OrderType, Validity
from trading.orders.life_cycle import OrderState
from trading.paper.depth import DepthQuote, Liquidity
from trading.paper.entry import entry_complaint, market_limit, range_complaint
from trading.paper.orders import Outcome, PaperFill, PaperOrder, PaperRules


def take_in_quote(previous: Liquidity | None, quote: DepthQuote) -> Liquidity:
    """Return what a new snapshot offers, less what we took of levels that have not changed."""
    return previous.followed_by(quote) if previous else Liquidity(quote)


def accept_order(order: PaperOrder, liquidity: Liquidity | None, rules: PaperRules, now: datetime) -> Outcome:
    """Take an order at the door at its arrival time; what may fill at once, fills.

    ``liquidity`` is the newest the exchange has, even from before the arrival: it is good
    for bands and triggers, but only a book from ``order.arrives_at`` on is taken from.
    """
    arrived = Outcome(order, liquidity)
    if order.is_of_day_before(now):
        return arrived.told("expired", "its day was over before it arrived", now, state=OrderState.EXPIRED)
    if refusal := entry_complaint(order, _quote(liquidity), rules):
        return arrived.told("rejected", refusal, now, state=OrderState.REJECTED)
    is_stop = order.trigger_price is not None
    state = OrderState.TRIGGER_PENDING if is_stop else OrderState.OPEN
    words = "waits for its trigger" if is_stop else "taken by the paper exchange"
    accepted = arrived.told("accepted", words, now, state=state, limit=None if is_stop else order.price)
    return accepted.then(match_order(accepted.order, liquidity, rules, now))


def match_order(order: PaperOrder, liquidity: Liquidity | None, rules: PaperRules, now: datetime) -> Outcome:
    """Return what one snapshot, or the passing of time, does to a resting order."""
    outcome = Outcome(order, liquidity)
    if order.is_done:
        return outcome
    if rules.closes_at is None or now >= rules.closes_at or order.is_of_day_before(now):
        return outcome.told("expired", "its session closed", now, state=OrderState.EXPIRED)
    if liquidity is None or not _may_trade(order, liquidity.quote, rules):
        return outcome
    outcome = _trigger_stop(outcome, liquidity.quote, rules)
    if outcome.order.state is OrderState.TRIGGER_PENDING or outcome.order.is_done:
        return outcome
    outcome = (
        _take_and_rest(_protect_price(outcome, rules), rules)
        if outcome.order.awaits_book
        else _wait_in_queue(outcome, rules)
    )
    return _end_if_done(outcome, now)


def match_orders(
    orders: Iterable[PaperOrder], liquidity: Liquidity | None, rules: PaperRules, now: datetime
) -> tuple[list[Outcome], Liquidity | None]:
    """Match an instrument's resting orders in price-time order; no share fills two of them."""
    outcomes = []
    for order in sorted(orders, key=_priority):
        outcome = match_order(order, liquidity, rules, now)
        liquidity = outcome.liquidity
        outcomes.append(outcome)
    return outcomes, liquidity


def cancel_order(order: PaperOrder, now: datetime) -> Outcome:
    """Cancel what is left; one that is done already stays as it is, and says so."""
    if order.is_done:
        return Outcome(order, None).told("cancel_refused", f"it is {order.state.value} already", now)
    words = f"cancelled with {order.filled} of {order.quantity} filled"
    return Outcome(order, None).told("cancelled", words, now, state=OrderState.CANCELLED)


def modify_order(
    order: PaperOrder, liquidity: Liquidity | None, rules: PaperRules, now: datetime, **changes: Any
) -> Outcome:
    """Change total ``quantity``, ``price`` or ``trigger_price`` of a working order.

    A new price, or a larger quantity, goes to the back of the queue and may take from the next
    book; a smaller quantity keeps its place. A change the exchange would refuse changes nothing.
    """
    quantity = changes.pop("quantity", order.quantity)
    changed = replace(order, signed_quantity=order.sign * quantity, **changes)
    if refusal := _change_complaint(order, changed, liquidity, rules):
        return Outcome(order, liquidity).told("modify_refused", refusal, now)
    if changes or quantity > order.quantity:
        limit = changed.price if order.limit and "price" in changes else order.limit
        changed = replace(changed, arrives_at=now, awaits_book=True, queue_ahead=None, limit=limit)
    return _end_if_done(Outcome(changed, liquidity).told("modified", "changed as asked", now), now)


def _change_complaint(order: PaperOrder, changed: PaperOrder, liquidity: Liquidity | None, rules: PaperRules) -> str:
    if order.is_done:
        return f"it is {order.state.value} already"
    if changed.quantity < order.filled:
        return f"{order.filled} are filled already"
    if order.limit is not None:  # whatever it was sent as, it is a limit order now
        price = changed.price or order.limit
        changed = replace(changed, order_type=OrderType.LIMIT, price=price, trigger_price=None)
    return entry_complaint(changed, _quote(liquidity), rules)


def _quote(liquidity: Liquidity | None) -> DepthQuote | None:
    return liquidity.quote if liquidity else None


def _may_trade(order: PaperOrder, quote: DepthQuote, rules: PaperRules) -> bool:
    """No book from before the order arrived, none without depth, none in an auction."""
    return rules.is_continuous and quote.has_depth and quote.at >= order.arrives_at


def _trigger_stop(outcome: Outcome, quote: DepthQuote, rules: PaperRules) -> Outcome:
    """A stop fires on the last price; its limit must then lie within the exchange's range, or it is rejected."""
    order = outcome.order
    if order.state is not OrderState.TRIGGER_PENDING or order.trigger_price is None:
        return outcome
    if (quote.last_price - order.trigger_price) * order.sign < 0:
        return outcome
    if refusal := range_complaint(order.price, order, quote, rules):
        return outcome.told("rejected", refusal, quote.at, state=OrderState.REJECTED)
    words = f"triggered: last is {figures.plain(quote.last_price)}"
    return outcome.told("triggered", words, quote.at, state=OrderState.OPEN, limit=order.price)


def _protect_price(outcome: Outcome, rules: PaperRules) -> Outcome:
    """A market order works at its protected price, a limit order from then on (Kite since 1 Apr 2026)."""
    order = outcome.order
    if order.limit is not None or outcome.liquidity is None:
        return outcome
    limit = market_limit(order, outcome.liquidity.quote, rules)
    return replace(outcome, order=replace(order, limit=limit))


def _take_and_rest(outcome: Outcome, rules: PaperRules) -> Outcome:
    """Walk the other side of the book; join the queue with what is left."""
    outcome = _walk_depth(outcome, rules, at_level=True)
    order, liquidity = outcome.order, outcome.liquidity
    if liquidity is None or order.limit is None:
        return outcome
    ahead = liquidity.shown_at(order.limit, is_bid=order.is_buy)
    rested = replace(order, awaits_book=False, queue_ahead=ahead, seen_volume=liquidity.quote.volume)
    return replace(outcome, order=rested)


def _walk_depth(outcome: Outcome, rules: PaperRules, at_level: bool) -> Outcome:
    """Fill against quoted levels within the limit: a taker at their price, a resting order at its own."""
    if outcome.liquidity is None:
        return outcome
    is_bid = not outcome.order.is_buy
    for price, left in outcome.liquidity.levels(is_bid):
        quantity = _whole_lots(min(left, outcome.order.remaining), rules)
        if not outcome.order.accepts(price) or quantity <= 0:
            continue
        outcome = _fill_order(outcome, quantity, price if at_level else outcome.order.limit)
        if outcome.liquidity is not None:
            outcome = replace(outcome, liquidity=outcome.liquidity.less(is_bid, price, quantity))
    return outcome


def _wait_in_queue(outcome: Outcome, rules: PaperRules) -> Outcome:
    """Let what traded at our price pass the queue, then what stands through it."""
    order, liquidity = outcome.order, outcome.liquidity
    if liquidity is None or order.limit is None:
        return outcome
    traded = max(0, liquidity.quote.volume - (order.seen_volume or 0))
    reaching, ahead = _reached(order, liquidity, traded)
    shown = liquidity.shown_at(order.limit, is_bid=order.is_buy)
    # Those ahead of us may have left: never more before us than the book shows.
    ahead = shown if ahead is None else (ahead if shown is None else min(ahead, shown))
    waiting = replace(order, queue_ahead=ahead, seen_volume=liquidity.quote.volume)
    quantity = _whole_lots(min(reaching, order.remaining), rules)
    outcome = replace(outcome, order=waiting)
    if quantity > 0:
        outcome = _fill_order(replace(outcome, liquidity=liquidity.less_volume(quantity)), quantity, order.limit)
    return _walk_depth(outcome, rules, at_level=False)


def _reached(order: PaperOrder, liquidity: Liquidity, traded: int) -> tuple[int, int | None]:
    """Return the traded quantity that reached our place in the queue, and what is still ahead."""
    last, ahead = liquidity.quote.last_price, order.queue_ahead
    if not traded or not order.accepts(last):
        return 0, ahead
    left = max(0, traded - liquidity.volume_taken)
    if last != order.limit:  # it traded through our price: nobody is left before us
        return left, 0
    if ahead is None:
        return 0, None
    return max(0, left - ahead), max(0, ahead - traded)


def _whole_lots(quantity: int, rules: PaperRules) -> int:
    return quantity - quantity % rules.lot_size


def _fill_order(outcome: Outcome, quantity: int, price: Decimal | None) -> Outcome:
    order, liquidity = outcome.order, outcome.liquidity
    if price is None or liquidity is None:
        raise ValueError(f"{order.tag} has no price to fill at")
    ordinal = order.trade_count + 1
    trade = PaperFill(order.tag, ordinal, order.sign * quantity, price, liquidity.quote.at)
    filled = replace(order, filled=order.filled + quantity, trade_count=ordinal)
    words = f"filled {figures.whole(quantity)} at {figures.plain(price)}"
    told = replace(outcome, order=filled, trades=(*outcome.trades, trade))
    return told.told("filled", words, trade.at)


def _end_if_done(outcome: Outcome, now: datetime) -> Outcome:
    """End the order if it is filled whole, or if it was not to rest."""
    order = outcome.order
    if not order.remaining:
        return replace(outcome, order=replace(order, state=OrderState.FILLED))
    if order.validity == Validity.IOC and not order.awaits_book:
        return outcome.then(cancel_order(order, now)).with_liquidity(outcome.liquidity)
    return outcome


def _priority(order: PaperOrder) -> tuple[bool, Decimal, datetime, str]:
    """Better prices first, market orders before all, then first come."""
    price = order.limit or order.price
    best_first = -order.sign * price if price else Decimal("-Infinity")
    return order.is_buy, best_first, order.arrives_at, order.tag
