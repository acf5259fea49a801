"""An account opens new risk with real money only after a person's word for that day, and while nothing is amiss.

Unarmed means no new risk and nothing else: exits, stops, flat-by and the kill switch ask for none of this.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.db import IntegrityError, transaction

from alphapanda.core.clock import market_now
from alphapanda.core.figures import age_of
from alphapanda.core.journal.services import record_event
from alphapanda.core.timezone import IST, day_of
from portfolio.models import Account
from trading.errors import NotAllowed
from trading.models import Arming, BookDifference, BookReading, BrokerSession, BrokerStanding, RiskLimit
from trading.orders import gates
from trading.orders.life_cycle import BrokerState, GateState
from trading.orders.readings import last_reading_age
from trading.orders.reconciliation import TIMES_TO_FREEZE

# Books older than this are none: the broker may be blind, and what it holds is unknown.
BOOKS_GOOD_FOR = timedelta(seconds=60)
NEEDED_LIMITS = {
    "max_order_value": "order value",
    "max_position": "position",
    "max_daily_loss": "daily loss",
}


def is_armed(account_id: UUID, now: datetime) -> bool:
    return Arming.objects.filter(account_id=account_id, day=day_of(now), ended_at__isnull=True).exists()


def why_no_orders(account: Account) -> str:
    """Return why a live account's broker takes no new orders now, in words; empty if it does."""
    standing = BrokerStanding.objects.filter(account=account).exclude(state=BrokerState.NORMAL).first()
    if standing:
        return standing.reason
    if not BrokerSession.objects.filter(account=account, state=BrokerSession.State.LIVE).exists():
        return "nobody is logged in"
    age = last_reading_age(account.pk)
    if age is None:
        return "its books have not been read yet"
    return f"its books were last read {age_of(age)} ago" if age > BOOKS_GOOD_FOR else ""


def what_lacks(account: Account, now: datetime) -> list[str]:
    """Return, in words, all that keeps a live account from being armed at market time ``now``."""
    lacking = [words] if (words := why_no_orders(account)) else []
    limits = RiskLimit.objects.filter(account=account, deployment__isnull=True).first()
    lacking += [f"no limit on {title}" for name, title in NEEDED_LIMITS.items() if getattr(limits, name, None) is None]
    midnight = now.astimezone(IST).replace(hour=0, minute=0, second=0, microsecond=0)
    if not BookReading.objects.filter(account=account, is_compared=True, market_time__gte=midnight).exists():
        lacking.append("positions have not been compared today")
    differing = BookDifference.objects.filter(account=account, times_seen__gte=TIMES_TO_FREEZE).exclude(quantity=0)
    lacking += [f"books differ: {row}" for row in differing]
    if gates.gate_in_force(account.pk) is GateState.HALTED:
        lacking.append("the gate is halted")
    return lacking


def arm(account: Account, by: str) -> Arming:
    """Let a live account open new risk until the day's end. Raises NotAllowed with all that lacks."""
    if account.mode != Account.Mode.LIVE:
        raise NotAllowed(f"{account.name} is a paper account: it needs no arming")
    now = market_now()
    if lacking := what_lacks(account, now):
        raise NotAllowed(f"{account.name} cannot be armed: {'; '.join(lacking)}")
    try:
        with transaction.atomic():
            arming = Arming.objects.create(account=account, day=day_of(now), armed_by=by, armed_at=now)
            record_event("account.armed", key=account.name, account_id=account.pk, payload={"by": by})
    except IntegrityError:
        raise NotAllowed(f"{account.name} is armed already") from None
    return arming


@transaction.atomic
def disarm(account: Account, by: str, reason: str = "") -> bool:
    """Let an account open no new risk any more. Returns whether it was armed."""
    now = market_now()
    armed = Arming.objects.filter(account=account, day=day_of(now), ended_at__isnull=True)
    was_armed = armed.update(ended_at=now, ended_by=by, reason=reason[:300]) > 0
    if was_armed:
        payload = {"by": by, "reason": reason}
        record_event("account.disarmed", key=account.name, account_id=account.pk, payload=payload)
    return was_armed


def why_no_new_risk(account: Account, now: datetime) -> str:
    """Return why a live account may open no new risk now, in words; empty if it may."""
    return why_no_orders(account) or ("" if is_armed(account.pk, now) else "it is not armed for today")
