"""The runaway breaker of a live account: too many refusals or round trips a minute, or too much turnover a day.

It closes the account's gate to new risk; exits pass, and a person opens it again. What a gate's rules judge is one
order; what runs away is many that each look right.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.db.models import F, Sum
from django.db.models.functions import Abs

from alphapanda.core.figures import rupees
from alphapanda.core.timezone import day_of
from portfolio.models import Account, Realisation, Trade
from trading.models import Gate, OrderTransition, RiskLimit
from trading.orders import gates
from trading.orders.life_cycle import GateState, OrderState

ACTOR = "breaker"
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Pace:
    """What an account did: orders its broker refused and positions opened and closed, both within the last minute
    and since its gate was last set; ``turnover`` in rupees, bought and sold, of the day."""

    refusals: int
    round_trips: int
    turnover: Decimal


def why_tripped(pace: Pace, limits: RiskLimit) -> str:
    """Return what is too much, in words; empty if nothing is. A limit is what is still allowed."""
    if pace.refusals > limits.max_refusals_minute:
        return f"{pace.refusals} orders refused within a minute; {limits.max_refusals_minute} allowed"
    if pace.round_trips > limits.max_round_trips_minute:
        allowed = limits.max_round_trips_minute
        return f"{pace.round_trips} positions opened and closed within a minute; {allowed} allowed"
    if limits.max_turnover_day is not None and pace.turnover > limits.max_turnover_day:
        return f"{rupees(pace.turnover)} traded today; {rupees(limits.max_turnover_day)} allowed"
    return ""


def watch_pace(account: Account, now: datetime) -> str:
    """Close the account's gate to new risk if it runs away; return why, or an empty word. ``now`` is market time."""
    limits = RiskLimit.objects.filter(account=account, deployment__isnull=True).first()
    if limits is None or gates.gate_in_force(account.pk) is not GateState.ACTIVE:
        return ""
    if words := why_tripped(pace_of(account, now), limits):
        gates.set_gate(GateState.REDUCE_ONLY, account, by=ACTOR, reason=words, only_stricter=True)
    return words


def pace_of(account: Account, now: datetime) -> Pace:
    opened_at = Gate.objects.filter(account=account).values_list("changed_at", flat=True).first()
    since = max(now - MINUTE, opened_at) if opened_at else now - MINUTE
    refused = OrderTransition.objects.filter(order__account=account, after=OrderState.REJECTED, market_time__gte=since)
    traded = Trade.objects.filter(account=account, day=day_of(now)).order_by()
    turnover = traded.aggregate(sum=Sum(Abs(F("signed_quantity")) * F("price")))["sum"]
    return Pace(refused.count(), _round_trips(account.pk, since), turnover or Decimal(0))


def _round_trips(account_id: UUID, since: datetime) -> int:
    """Closing orders of what had been opened within the same while; the day's end closes much, and opened it before."""
    closed = Realisation.objects.filter(
        lot__position__portfolio__account=account_id, trade__traded_at__gte=since, lot__trade__traded_at__gte=since
    )
    return closed.order_by().values("trade__broker_order_id").distinct().count()
