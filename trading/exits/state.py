"""What one step of an exit is told, read under its account's lock."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from alphapanda.core.timezone import IST
from instruments.domain.contracts import largest_order
from instruments.domain.order_terms import Product
from instruments.domain.sessions import DaySchedule
from instruments.models import FreezeQuantity, Instrument, TradingSession
from market.board import read_quotes
from market.domain.staleness import Liveness
from trading.exits.prices import ExitQuote
from trading.exits.step import Hours, Phase, PlanState, Slice
from trading.models import ExitPlan, Order, OrderTransition, PriceBand
from trading.orders.holdings import read_holdings
from trading.orders.life_cycle import OrderState
from trading.risk.exchange_rules import MOST_SLICES

REFUSED = (OrderState.REJECTED, OrderState.NOT_PLACED)
DOUBT = (OrderState.CREATED, OrderState.UNCONFIRMED, OrderState.SUBMITTED, OrderState.NEEDS_HUMAN)


def read_state(plan: ExitPlan, schedule: DaySchedule, now: datetime) -> PlanState:
    """Read what is held and out of the plan's holding, and how far the plan has come."""
    holdings = read_holdings(plan.account_id, plan.instrument_id, plan.product, now)
    orders = list(Order.objects.filter(signal__plan=plan).order_by("id"))
    closed = sum(order.filled_quantity for order in orders)
    refused = _refused_in_a_row(orders)
    lot, freeze = plan.instrument.lot_size, FreezeQuantity.objects.freeze_for(plan.instrument, schedule.day)
    return PlanState(
        sign=plan.sign,
        held=holdings.of(plan.portfolio_id).closes(-plan.sign),
        closable=holdings.closable(plan.portfolio_id, plan.sign),
        opened_at=plan.opened_at,
        slices=tuple(_slice(order) for order in orders if _is_out(order, now)),
        wanted=_wanted(plan, closed),
        limit=plan.limit,
        deadline=plan.deadline,
        step=plan.step,
        stepped_at=plan.stepped_at,
        entries_ending=_entries_ending(plan),
        lot_size=lot,
        largest=None if freeze is None else max(largest_order(freeze, lot), lot) * MOST_SLICES,
        is_held_back=holdings.shortfall(-plan.sign) > 0,
        receivable=holdings.of(plan.portfolio_id).waiting(-plan.sign),
        refused=len(refused),
        refused_at=_ended_at(refused[-1]) if refused else None,
        refusal=refused[-1].state_reason if refused else "",
    )


def _wanted(plan: ExitPlan, closed: int) -> int | None:
    """What is left of a part that was asked; a limit that was taken back wants nothing more."""
    if plan.withdrawn_by:
        return 0
    return None if plan.quantity is None else max(0, plan.quantity - closed)


def _is_out(order: Order, now: datetime) -> bool:
    return bool(order.out_quantity) and order.market_time.astimezone(IST).date() >= now.astimezone(IST).date()


def _slice(order: Order) -> Slice:
    return Slice(
        order=order.pk,
        quantity=order.out_quantity,
        phase=_phase(order),
        price=order.working_price if order.working_price is not None else order.price,
        asked_at=order.market_time,
        modifies=order.modify_number,
        refusals=order.modifies_refused,
    )


def _phase(order: Order) -> Phase:
    if order.ended_as or not order.may_still_fill or order.cancel_requested_at:
        return Phase.ENDING
    if order.state in DOUBT:
        return Phase.DOUBT
    return Phase.CHANGING if order.modify_pending else Phase.WORKING


def _refused_in_a_row(orders: Iterable[Order]) -> list[Order]:
    """Return the newest orders of the plan that came to nothing, one after the other; oldest first."""
    found: list[Order] = []
    for order in reversed(list(orders)):
        if order.state not in REFUSED or order.filled_quantity:
            break
        found.insert(0, order)
    return found


def _ended_at(order: Order) -> datetime:
    return OrderTransition.objects.filter(order=order).latest("id").market_time


def _entries_ending(plan: ExitPlan) -> int:
    """Units of entries of the same holding whose cancellation is out: they may still fill what must go again."""
    entries = Order.objects.live().filter(
        portfolio_id=plan.portfolio_id,
        instrument_id=plan.instrument_id,
        product=plan.product,
        cancel_requested_at__isnull=False,
    )
    return sum(order.out_quantity for order in entries.exclude(side=plan.side))


def read_quote(plan: ExitPlan, now: datetime) -> ExitQuote:
    """Read the board; a price that is dead is no price, and nothing is asked on it."""
    instrument, day = plan.instrument, now.astimezone(IST).date()
    band = PriceBand.objects.filter(instrument=instrument, day=day).first()
    quote = read_quotes([instrument], now).get(instrument.pk)
    known = quote is not None and quote.state != Liveness.DEAD
    return ExitQuote(
        segment=instrument.segment,
        day=day,
        tick_size=instrument.tick_size,
        last=quote.last_price if quote and known else None,
        bid=quote.bid if quote and known else None,
        ask=quote.ask if quote and known else None,
        at=quote.market_time if quote and known else None,
        band_low=band.low if band else None,
        band_high=band.high if band else None,
    )


def read_hours(instrument: Instrument, schedule: DaySchedule, now: datetime) -> Hours:
    """A day the calendar does not know is not known to be closed: the exchange decides."""
    if schedule.is_continuous(now) or not schedule.known:
        return Hours(True)
    if schedule.opens_at is not None and now < schedule.opens_at:
        return Hours(False, schedule.opens_at)
    day = TradingSession.objects.next_trading_day(instrument.exchange, instrument.security_class, schedule.day)
    return Hours(False, instrument.schedule(day).opens_at if day else None)


def deadline_of(plan: ExitPlan, schedule: DaySchedule) -> datetime | None:
    """An intraday holding must be flat when continuous trading ends; another may be left the next day."""
    return schedule.closes_at if plan.product == Product.MIS else None
