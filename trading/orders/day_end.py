"""The end of a day without proof: what is still awaited then is a person's (exits.md 4)."""

from datetime import datetime

from django.db.models import Q

from alphapanda.core.figures import clock_time
from alphapanda.core.timezone import IST
from instruments.models import TradingSession
from trading.models import Order
from trading.orders.holdings import TRADES_LATE
from trading.orders.life_cycle import OrderState
from trading.orders.transitions import move_order

ACTOR = "day end"


def call_for_people(now: datetime) -> int:
    """Hand over orders whose day is over and of which there is no proof, in words; returns how many.

    That is what its broker ended with trades to come, and what it never answered; on paper an order is asked again
    instead, for asking twice is one request. Trades that are heard of later are booked all the same.
    """
    silent = Q(state=OrderState.UNCONFIRMED) & ~Q(account__mode="paper")
    ended = ~Q(ended_as="") & Q(ended_at__lte=now - TRADES_LATE)
    waiting = Order.objects.live().exclude(state=OrderState.NEEDS_HUMAN).filter(silent | ended)
    over = [order for order in waiting.select_related("signal", "instrument") if _is_over(order, now)]
    return sum(move_order(order, OrderState.NEEDS_HUMAN, actor=ACTOR, reason=words_of(order)) for order in over)


def _is_over(order: Order, now: datetime) -> bool:
    return TradingSession.objects.is_over(order.market_time.astimezone(IST).date(), now)


def words_of(order: Order) -> str:
    """What is not known, and what a person compares."""
    if order.ended_as:
        ended = f"{order.ended_as.replace('_', ' ')} with {order.reported_filled} filled"
        return f"{ended}; {order.out_quantity} of them never came as trades until the day's end"
    return f"asked at {clock_time(order.market_time)} and not answered until the day's end"
