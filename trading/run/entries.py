"""Whether a run may enter now, and with how many at what price; every refusal in words and numbers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from alphapanda.core.figures import signed_whole
from alphapanda.core.timezone import IST
from instruments.domain.order_terms import OrderType
from instruments.domain.prices import nearest_tick
from trading.run.context import RunContext
from trading.run.position import AskedDecision, RunPosition
from trading.run.sizing import Size, cut_to_value
from trading.run.stops import on_tick_away, wrong_side
from trading.run.terms import RunTerms
from trading.strategies.values import Enter, InstrumentSpec, Reason

# After a refusal the cause seldom goes within seconds: our own choice, so that a refused entry is no flood.
FIRST_BAR = timedelta(seconds=30)
LONGEST_BAR = timedelta(minutes=15)
# The gate values a market buy at what its protection lets it pay: at most 2 % over the ask, of an option 5 %
# (instruments/data, slabs). One percent more is for the ask: our own choice.
ROOM = {False: Decimal("1.03"), True: Decimal("1.06")}


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry ready to be asked; ``price`` is None at market."""

    quantity: int
    order_type: OrderType
    price: Decimal | None
    stop: Decimal
    target: Decimal | None


def entry_refusal(
    intent: Enter, position: RunPosition, ctx: RunContext, terms: RunTerms, seen_at: datetime
) -> Reason | None:
    """Return why the run may not enter now, or None; ``seen_at`` is the age of what it was decided on."""
    return (
        held_or_in_flight(position)
        or outside_session(intent.instrument, ctx)
        or outside_window(ctx, terms)
        or past_flat(intent.instrument, ctx)
        or entry_barred(position, ctx)
        or decided_on_old_data(seen_at, ctx, terms)
        or short_sale(intent, terms)
    )


def held_or_in_flight(position: RunPosition) -> Reason | None:
    if position.quantity:
        words = f"{signed_whole(position.quantity)} held already"
        return Reason(words, {"quantity": position.quantity}, "already_held")
    asked = position.entry or position.exit
    if asked:
        words = f"decision {asked.number} for {abs(asked.signed_quantity)} has not ended yet"
        return Reason(words, {"number": asked.number, "quantity": asked.signed_quantity}, "in_flight")
    return None


def outside_session(instrument: str, ctx: RunContext) -> Reason | None:
    session = ctx.session(instrument)
    if session is None:
        words = f"{instrument} is closed on {ctx.day:%d %b %Y}, or its hours are not known"
        return Reason(words, {"day": str(ctx.day)}, "no_session")
    if session.opens_at <= ctx.now < session.closes_at:
        return None
    hours = f"{time_of_day(session.opens_at)} to {time_of_day(session.closes_at)}"
    return Reason(f"{time_of_day(ctx.now)} is outside trading hours, {hours}", {"now": time_of_day(ctx.now)}, "closed")


def outside_window(ctx: RunContext, terms: RunTerms) -> Reason | None:
    now = ctx.now.astimezone(IST).time()
    if terms.enter_from and now < terms.enter_from:
        words = f"entries open {terms.enter_from:%H:%M}; {now:%H:%M:%S} now"
        return Reason(words, {"opens": f"{terms.enter_from:%H:%M}"}, "before_window")
    if terms.enter_until and now >= terms.enter_until:
        words = f"entries ended {terms.enter_until:%H:%M}; {now:%H:%M:%S} now"
        return Reason(words, {"ended": f"{terms.enter_until:%H:%M}"}, "after_window")
    return None


def past_flat(instrument: str, ctx: RunContext) -> Reason | None:
    flat_at = ctx.flat_at(instrument)
    if flat_at is None or ctx.now < flat_at:
        return None
    words = f"flat by {time_of_day(flat_at)}; no entries until the next trading day"
    return Reason(words, {"flat_by": time_of_day(flat_at)}, "after_flat_by")


def entry_barred(position: RunPosition, ctx: RunContext) -> Reason | None:
    until = position.entry_barred_until
    if until is None or ctx.now >= until:
        return None
    times = position.refused_entries
    words = f"the last {f'{times} entries were' if times > 1 else 'entry was'} not filled; next {time_of_day(until)}"
    return Reason(words, {"refused": times, "next": time_of_day(until)}, "entry_barred")


def decided_on_old_data(seen_at: datetime, ctx: RunContext, terms: RunTerms) -> Reason | None:
    age, allowed = (ctx.now - seen_at).total_seconds(), terms.fresh_within.total_seconds()
    if age <= allowed:
        return None
    words = f"decided on data {age:.0f} s old; {allowed:.0f} s allowed"
    return Reason(words, {"age_s": round(age, 3), "allowed_s": allowed}, "stale")


def short_sale(intent: Enter, terms: RunTerms) -> Reason | None:
    if intent.side == "BUY" or terms.may_short:
        return None
    return Reason(f"{terms.product} cannot be sold before it is bought", {"product": terms.product}, "no_short")


def plan_entry(intent: Enter, spec: InstrumentSpec, terms: RunTerms, last_price: Decimal) -> Entry | Reason:
    """Return the entry with its size, or why it cannot be made."""
    is_long = intent.side == "BUY"
    order_type, limit = order_price(intent, spec, terms, last_price)
    reference = limit if limit is not None else last_price
    stop = on_tick_away(intent.stop, is_long, spec)
    target = nearest_tick(intent.target, spec.tick_size) if intent.target is not None else None
    if misplaced := wrong_side(is_long, reference, stop, target):
        return misplaced
    wished: Size = terms.sizing.size(reference, stop, spec.lot_size)
    dearest = dearest_price(spec, limit, last_price, is_long=is_long)
    size = cut_to_value(wished, dearest, spec.lot_size, terms.largest_order)
    return Entry(size.quantity, order_type, limit, stop, target) if size.quantity else size.reason


def dearest_price(spec: InstrumentSpec, limit: Decimal | None, last_price: Decimal, *, is_long: bool) -> Decimal:
    """Return the price the gate will value the entry at, or a little more."""
    if is_long:
        return limit if limit is not None else last_price * ROOM[spec.segment.endswith("-OPT")]
    return max(limit or last_price, last_price)


def order_price(
    intent: Enter, spec: InstrumentSpec, terms: RunTerms, last_price: Decimal
) -> tuple[OrderType, Decimal | None]:
    if intent.limit_price is not None:
        return OrderType.LIMIT, nearest_tick(intent.limit_price, spec.tick_size)
    if terms.order_type == OrderType.LIMIT:
        return OrderType.LIMIT, terms.limit_price(spec, intent.side, last_price)
    return OrderType.MARKET, None


def rested_too_long(asked: AskedDecision, lives: timedelta) -> Reason:
    seconds, filled = lives.total_seconds(), abs(asked.filled)
    words = f"entry {asked.number} rested {seconds:.0f} s; {filled} filled"
    return Reason(words, {"rested_s": seconds, "filled": filled}, "entry_rested")


def bar_length(refused: int) -> timedelta:
    """Return how long no entry is asked after so many refused in a row: 30 s, doubling to 15 min."""
    return min(FIRST_BAR * 2 ** min(refused - 1, 10), LONGEST_BAR)


def time_of_day(moment: datetime) -> str:
    return f"{moment.astimezone(IST):%H:%M:%S}"
