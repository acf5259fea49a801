"""Flat by a time of day, on the market's clock: also where feed or instrument is silent, and for positions by hand.

A run asks its own exits when it hears the time; what no run asked a few seconds after is asked here. So is every
derivative on a share on the trading day before it expires: it would be delivered, and that is not booked.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import NamedTuple

from alphapanda.core.figures import clock_minute
from alphapanda.core.timezone import IST
from instruments.domain.order_terms import Product
from instruments.domain.sessions import DaySchedule
from instruments.models import TradingSession
from portfolio.domain.settlement import leave_at
from portfolio.expiries import days_to_leave
from portfolio.models import Lot, Position
from trading.errors import NotAllowed
from trading.exits.opening import exit_holding, open_positions
from trading.models import Deployment, ExitPlan
from trading.orders.life_cycle import Urgency

# A run hears the time with the next frame or watermark; a feed that says neither for so long is silent.
RUN_HEARS_WITHIN = timedelta(seconds=5)
# As a run's own terms have it: before Zerodha's square-off begins, however early the session ends (kite.md 5.1).
BEFORE_CLOSE = timedelta(minutes=10)
WARNED_FROM = timedelta(minutes=15)
ACTOR = "the clock"


def exit_what_is_due(now: datetime) -> int:
    """Open the exit of every position past its flat-by that has none. Returns how many.

    One that cannot be left keeps no other in. Raises ExceptionGroup with what went wrong, after the others.
    """
    count, troubles = 0, []
    for position, at, reason in flat_times(now):
        if at > now or _is_being_left(position):
            continue
        try:
            count += _leave(position, reason)
        except Exception as trouble:
            troubles.append(trouble)
    if troubles:
        raise ExceptionGroup("positions past their flat-by could not be left", troubles)
    return count


class FlatTime(NamedTuple):
    """A position that must be flat today, when the clock asks it, and why."""

    position: Position
    at: datetime
    reason: str


def flat_times(now: datetime) -> list[FlatTime]:
    """Return the open positions that must be flat today, and when the clock asks it of them."""
    day = now.astimezone(IST).date()
    positions = open_positions(portfolio__account__is_active=True)
    instruments = {position.instrument_id: position.instrument for position in positions}
    schedules = TradingSession.objects.schedules(list(instruments.values()), day) if instruments else {}
    last_days = days_to_leave(instruments.values(), day, only_certain=True)
    deployments = Deployment.objects.in_bulk(
        [p.portfolio.deployment_id for p in positions if p.portfolio.deployment_id]
    )
    found = []
    for position in positions:
        deployment = deployments.get(position.portfolio.deployment_id) if position.portfolio.deployment_id else None
        schedule = schedules[position.instrument_id]
        found += [
            _flat_time(position, deployment, schedule, day),
            _time_before_delivery(position, deployment, schedule, last_days.get(position.instrument_id)),
        ]
    return sorted((one for one in found if one), key=lambda one: one.at)


def _flat_time(position: Position, deployment: Deployment | None, schedule: DaySchedule, day: date) -> FlatTime | None:
    at = _flat_at(position, deployment, schedule, day)
    return FlatTime(position, at, f"flat by {clock_minute(at)}") if at else None


def _time_before_delivery(
    position: Position, deployment: Deployment | None, schedule: DaySchedule, leave_by: date | None
) -> FlatTime | None:
    """When a derivative on a share is left before it is delivered: by its run's time, or its account's."""
    flat_by = deployment.flat_by if deployment else position.portfolio.account.flat_by
    at = leave_at(position.instrument.expiry, leave_by, flat_by, schedule)
    expiry = position.instrument.expiry
    if at is None or expiry is None:
        return None
    reason = f"flat by {clock_minute(at)}: expires on {expiry.day} {expiry:%b} and would be delivered"
    return FlatTime(position, at, reason)


def _flat_at(position: Position, deployment: Deployment | None, schedule: DaySchedule, day: date) -> datetime | None:
    """When the clock asks this position to be left today; None: it may be kept, or nobody trades it today."""
    if schedule.opens_at is None or schedule.closes_at is None:
        return None
    is_intraday = position.product == Product.MIS
    if deployment is None:
        account = position.portfolio.account
        if not is_intraday or account.flat_by is None:
            return None
        return _earliest(day, account.flat_by, schedule, position)
    if deployment.flat_by is None and not is_intraday:
        return None
    return _earliest(day, deployment.flat_by, schedule, position, is_intraday) + RUN_HEARS_WITHIN


def _earliest(
    day: date, flat_by: time | None, schedule: DaySchedule, position: Position, is_intraday: bool = True
) -> datetime:
    if schedule.opens_at is None or schedule.closes_at is None:
        raise ValueError(f"{day} has no session")
    times = [datetime.combine(day, flat_by, IST)] if flat_by else []
    if is_intraday:
        times.append(schedule.closes_at - BEFORE_CLOSE)
        if Lot.objects.open().filter(position=position, day__lt=day).exists():
            times.append(schedule.opens_at)  # carried over a night it should not have seen
    return min(times)


def _is_being_left(position: Position) -> bool:
    return (
        ExitPlan.objects.of_holding(position.portfolio_id, position.instrument_id, position.product)
        .filter(urgency__gte=Urgency.NOW, quantity__isnull=True)
        .exists()
    )


def _leave(position: Position, reason: str) -> int:
    try:
        exit_holding(position, Urgency.NOW, reason, ACTOR)
    except NotAllowed:
        return 0  # flat meanwhile
    return 1


def kept_on_purpose(now: datetime) -> list[Position]:
    """Return intraday positions by hand whose owner wants no square-off, from a quarter of an hour before the close."""
    day = now.astimezone(IST).date()
    held = open_positions(product=Product.MIS, portfolio__deployment_id=None, portfolio__account__flat_by=None)
    found = []
    for position in held:
        closes_at = position.instrument.schedule(day).closes_at
        if closes_at is not None and now >= closes_at - WARNED_FROM:
            found.append(position)
    return found
