"""Rules that bound what we may lose; an order that only shrinks a position is free of them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from functools import partial

import msgspec

from alphapanda.core import figures
from instruments.domain.order_terms import Product
from market.domain.staleness import Liveness
from trading.orders.life_cycle import GATE_LABELS, GateState, effective_gate
from trading.risk.inputs import ProposedOrder
from trading.risk.verdicts import (
    Case,
    Said,
    Verdict,
    bounded_by,
    bounded_span,
    known_sum,
    not_asked,
    unknown_verdict,
    verdict_of,
)

LIVE = Liveness.LIVE
# How far from last, in percent, a stop's trigger may lie. Beyond the widest band of the cash market (20 %, kite.md 5.3)
# it could not fire today. An option's premium halves or doubles in a day, and its stops are set so: our own choice.
TRIGGER_COLLAR, OPTION_TRIGGER_COLLAR = Decimal(20), Decimal(100)
NO_DEPLOYMENT = "not of a deployment"


def _gate_in_force(case: Case) -> GateState:
    market = case.market
    return effective_gate(market.global_gate, market.account_gate, flag_raised=market.flag_file)


def gate_open(case: Case) -> Verdict:
    state = _gate_in_force(case)
    if case.market.flag_file:
        return verdict_of(False, "Halted", "Active", "halted by the flag file on disk")
    if None in (case.market.global_gate, case.market.account_gate):
        return unknown_verdict("the gate's state", "Active")
    words = f"the gate is {GATE_LABELS[state].lower()}"
    return verdict_of(state is not GateState.HALTED, GATE_LABELS[state], "Active", words)


def reduce_only(case: Case) -> Verdict:
    """Everything that is not proven to shrink a position is refused by a gate that only reduces."""
    state = _gate_in_force(case)
    refused = state is GateState.REDUCE_ONLY
    words = "only orders that shrink a position pass" if refused else "new positions are allowed"
    return verdict_of(not refused, GATE_LABELS[state], "Active", words)


def books_agree(case: Case) -> Verdict:
    frozen = case.market.books_frozen
    if frozen is None:
        return unknown_verdict("whether the books agree", "agree")
    words = "our books and the broker's differ" if frozen else "the books agree"
    return verdict_of(not frozen, "differ" if frozen else "agree", "agree", words)


def broker_takes_orders(case: Case) -> Verdict:
    broker = case.market.broker
    if broker is None:
        return unknown_verdict("the broker's state", "takes orders")
    problem = broker.problem
    return verdict_of(not problem, problem or "takes orders", "takes orders", problem or "the broker takes orders")


def is_armed(case: Case) -> Verdict:
    """New risk with real money needs a person's word for the day; getting out never does."""
    broker = case.market.broker
    if broker is None:
        return unknown_verdict("whether the account is armed", "armed")
    words = "the account is armed for today" if broker.is_armed else "nobody has armed the account for today"
    return verdict_of(broker.is_armed, "armed" if broker.is_armed else "not armed", "armed", words)


def day_known(case: Case) -> Verdict:
    yes = case.market.day_known
    words = "the calendar knows this day" if yes else "the calendar does not know this day"
    return verdict_of(yes, "known" if yes else "unknown", "known", words)


def feed_live(case: Case) -> Verdict:
    state = case.market.feed_state
    if state is None:
        return unknown_verdict("the feed's state", LIVE)
    return verdict_of(state == LIVE, state, LIVE, f"the price feed is {state}")


def quote_age(case: Case) -> Verdict:
    """The age of the signal's own quote. One from the future is no better: a clock is wrong."""
    allowed, state = case.limits.quote_max_age, case.market.quote_state
    if case.proposed.quote_at is None or state is None:
        return unknown_verdict("the quote's age", figures.age_of(allowed))
    age = case.now - case.proposed.quote_at
    verdict = bounded_span("quote age", abs(age), allowed)
    if state == LIVE or not verdict.passed:
        return verdict
    words = f"the instrument's price is {state}"
    return verdict_of(False, f"{figures.age_of(age)}, {state}", figures.age_of(allowed), words)


def signal_age(case: Case) -> Verdict:
    since, until = case.proposed.signal_at, case.proposed.expires_at
    if since is None or until is None:
        return unknown_verdict("the signal's time")
    return bounded_span("signal age", case.now - since, until - since)


def mis_cutoff(case: Case) -> Verdict:
    if case.proposed.product != Product.MIS:
        return not_asked("not an intraday product")
    return _before(case.now, case.market.mis_cutoff_at, "fresh intraday positions end")


def entry_window(case: Case) -> Verdict:
    if case.market.entries_until is None:
        return not_asked("no entry window")
    return _before(case.now, case.market.entries_until, "entries end")


def not_being_left(case: Case) -> Verdict:
    """What is being left is entered again only when nothing of it is held or out: an exit would close it at once."""
    being_left = case.exposure.is_being_left
    words = "an exit of this holding is under way" if being_left else "no exit is under way"
    return verdict_of(not being_left, "under way" if being_left else "none", "none under way", words)


def _before(now: datetime, until: datetime | None, what: str) -> Verdict:
    if until is None:
        return unknown_verdict("the cut-off time")
    return Verdict(now < until, partial(_say_before, now, until, what))


def _say_before(now: datetime, until: datetime, what: str) -> Said:
    shown, bound = figures.clock_time(now), figures.clock_time(until)
    return Said(shown, bound, f"{what} at {bound}; it is {shown}")


def price_collar(case: Case) -> Verdict:
    """How far the order's price is from last; a market order is judged on the side it takes.

    A stop waits away from last on purpose: its trigger has a wider bound, and its limit is judged by the trigger.
    """
    order, allowed = case.proposed, case.limits.collar_percent
    if not order.reference_price:
        return unknown_verdict("the last price", figures.percent(allowed))
    if order.trigger_price:
        return _stop_collar(order, order.trigger_price, order.reference_price, allowed)
    price = order.price or _taken_price(case)
    if price is None:
        return unknown_verdict(f"the price a {order.side.lower()} would take", figures.percent(allowed))
    return _distance("limit" if order.price else "price", price, "last", order.reference_price, allowed)


def _stop_collar(order: ProposedOrder, trigger: Decimal, last: Decimal, allowed: Decimal) -> Verdict:
    widest = OPTION_TRIGGER_COLLAR if order.is_option else TRIGGER_COLLAR
    verdict = _distance("trigger", trigger, "last", last, widest)
    if not order.price or not verdict.passed:
        return verdict
    return _distance("limit", order.price, "its trigger", trigger, allowed)


def _distance(what: str, price: Decimal, whence: str, reference: Decimal, allowed: Decimal) -> Verdict:
    distance = (abs(price - reference) / reference * 100).quantize(Decimal("0.0001"))
    say = partial(_say_distance, what, price, whence, distance, allowed)
    return Verdict(distance <= allowed, say, distance, allowed)


def _say_distance(what: str, price: Decimal, whence: str, distance: Decimal, allowed: Decimal) -> Said:
    shown, bound = figures.percent(distance), figures.percent(allowed)
    return Said(shown, bound, f"{what} {figures.plain(price)} is {shown} from {whence}; {bound} allowed")


def _taken_price(case: Case) -> Decimal | None:
    order = case.proposed
    if order.bid is None and order.ask is None:
        return order.reference_price  # a feed without depth shows neither side
    return order.ask if order.signed_quantity > 0 else order.bid


def order_value(case: Case) -> Verdict:
    return _of_scope(case, "order value", case.proposed.value, case.own_limits.max_order_value, money=True)


def max_quantity(case: Case) -> Verdict:
    return _of_scope(case, "quantity", case.proposed.quantity, case.own_limits.max_quantity)


def position_size(case: Case) -> Verdict:
    """The position if everything out on this side fills, and this order too."""
    held = case.exposure.account_held if case.scope == "account" else case.exposure.held
    reach, sign = held.reachable_position(case.proposed.sign), case.proposed.sign
    after = None if reach is None else sign * reach + case.proposed.quantity
    return _of_scope(case, "position after", after, case.own_limits.max_position)


def max_gross(case: Case) -> Verdict:
    usage = case.usage
    after = known_sum(usage.gross, usage.reserved, case.proposed.value)
    return _of_scope(case, "gross exposure after", after, case.own_limits.max_gross, money=True)


def max_net(case: Case) -> Verdict:
    """Net exposure in this order's direction, with what is reserved on its side."""
    usage, sign = case.usage, case.proposed.sign
    reserved = usage.reserved_buys if sign > 0 else usage.reserved_sells
    net = None if usage.net is None else sign * usage.net
    after = known_sum(net, reserved, case.proposed.value)
    return _of_scope(case, f"net {case.proposed.side.lower()} exposure after", after, case.own_limits.max_net, True)


def open_orders(case: Case) -> Verdict:
    count = case.usage.open_orders
    after = known_sum(count, len(case.slices))
    return _of_scope(case, "open orders with this one", after, case.own_limits.max_open_orders)


def orders_per_minute(case: Case) -> Verdict:
    count = case.usage.orders_this_minute
    limit = case.own_limits.max_orders_per_minute
    return _of_scope(case, "orders this minute with this one", known_sum(count, len(case.slices)), limit)


def orders_per_day(case: Case) -> Verdict:
    count = case.usage.orders_today
    after = known_sum(count, len(case.slices))
    return _of_scope(case, "orders today with this one", after, case.own_limits.max_orders_per_day)


def daily_loss(case: Case) -> Verdict:
    """Realised and open loss, after charges; at the limit no new risk is taken."""
    limit = case.own_limits.max_daily_loss
    profit = case.usage.profit_today
    loss = None if profit is None else max(Decimal(0), -profit)
    verdict = _of_scope(case, "lost today", loss, limit, money=True)
    is_at_limit = loss is not None and limit is not None and loss >= limit and not verdict.skipped
    return msgspec.structs.replace(verdict, passed=False) if is_at_limit else verdict


def buying_power(case: Case) -> Verdict:
    required, available = case.exposure.required_funds, case.exposure.available_funds
    if required is None:
        return unknown_verdict("what the order needs")
    if available is None:
        return unknown_verdict("what funds are free")
    return bounded_by("needs", required, available, figures.money_words)


def _of_scope(
    case: Case, what: str, value: Decimal | int | None, limit: Decimal | int | None, money: bool = False
) -> Verdict:
    if case.scope == "deployment" and case.exposure.deployment is None:
        return not_asked(NO_DEPLOYMENT)
    return bounded_by(what, value, limit, figures.money_words if money else figures.whole)
