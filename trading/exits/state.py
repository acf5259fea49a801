"""What one step of an exit is told, read under its account's lock."""

from __future__ import annotations

from datetime import datetime

from alphapanda.core.timezone import IST
from instruments.domain.order_terms import Product
from instruments.domain.sessions import DaySchedule
from instruments.models import FreezeQuantity, Instrument, ProtectionStep, TradingSession
from market.board import read_quotes
from market.domain.staleness import Liveness
from trading.exits.plan_state import Around, plan_state, refused_in_a_row
from trading.exits.prices import ExitQuote
from trading.exits.step import Hours, PlanState
from trading.models import ExitPlan, Order, OrderTransition, PriceBand
from trading.orders.holdings import read_holdings
from trading.orders.square_off import is_the_brokers


def read_state(plan: ExitPlan, schedule: DaySchedule, now: datetime) -> PlanState:
    """Read what is held and out of the plan's holding, and how far the plan has come."""
    orders = list(Order.objects.filter(signal__plan=plan).select_related("signal__decision").order_by("id"))
    refused = refused_in_a_row(orders)
    around = Around(
        holdings=read_holdings(plan.account_id, plan.instrument_id, plan.product, now),
        lot_size=plan.instrument.lot_size,
        freeze=FreezeQuantity.objects.freeze_for(plan.instrument, schedule.day),
        entries_ending=_entries_ending(plan),
        refused_at=_ended_at(refused[-1]) if refused else None,
        is_the_brokers=is_the_brokers(plan.account, plan.instrument, plan.product, now),
    )
    return plan_state(plan, orders, around, now)


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
        protection=ProtectionStep.objects.in_force(instrument.segment, day),
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
