"""Follow an account's exits up: load what stands, ask for the next step, do it, and keep when to look again.

One drain for all exits of an account, on market time, most urgent first. It is woken by tick commits, by bookings and
ends of its orders, and by the sweeper when ticks are silent.
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import structlog
from django.db import transaction

from alphapanda.core.clock import market_now
from alphapanda.core.journal.services import record_event
from alphapanda.core.telemetry.crashpoints import crashpoint
from alphapanda.core.timezone import IST
from instruments.domain.order_terms import OrderType
from portfolio.models import Account
from trading import wakeups
from trading.exits.state import deadline_of, read_hours, read_quote, read_state
from trading.exits.step import Act, Budget, NextStep, Place, Reprice, next_step
from trading.models import ExitPlan, Order, Signal
from trading.orders.attempts import attempt_row
from trading.orders.life_cycle import SignalState
from trading.orders.rates import count_exit, exit_room
from trading.orders.requests import ask_cancellation, request_modification
from trading.orders.transitions import write_run_input
from trading.risk.assessment import judge_signal
from trading.run.deployments import stop_if_flat

log = structlog.get_logger()
ACTOR = "exits"
# An exit outlives any one session; what the gate refuses for its form is asked again a little later.
EXITS_LIVE = timedelta(hours=8)
AFTER_DENIAL = timedelta(seconds=15)


def follow_exits(account_id: UUID | str) -> None:
    """Drain the account's exits that are due, five seconds at a time."""
    deadline = time.monotonic() + wakeups.LONGEST_DRAIN_SECONDS
    due = list(ExitPlan.objects.due(market_now()).filter(account_id=account_id))
    for plan in due:
        attempt_row(plan, "follow_exits", partial(follow_exit, plans=len(due)))
        crashpoint("exits.after_commit")
        if time.monotonic() > deadline:
            wakeups.wake_stage(wakeups.EXITS, account_id, "risk")
            return


@transaction.atomic
def follow_exit(plan: ExitPlan, plans: int = 1) -> None:
    """Take one step of an exit, under its account's lock: all of it is committed, or nothing."""
    account = Account.objects.locked(plan.account_id)
    locked = _locked(plan)
    if locked is None:
        return
    now = market_now()
    schedule = locked.instrument.schedule(now.astimezone(IST).date())
    locked.deadline = deadline_of(locked, schedule)
    made = next_step(
        read_state(locked, schedule, now),
        read_quote(locked, now),
        read_hours(locked.instrument, schedule, now),
        Budget(*exit_room(account, now), plans=plans),
        now,
    )
    keep_step(locked, made)
    for act in made.acts:
        do_act(locked, account, act, now)
    if made.is_finished:
        finish_exit(locked, now)
    crashpoint("exits.before_commit")
    locked.save()
    if made.is_finished and locked.deployment is not None:
        stop_if_flat(locked.deployment)


def _locked(plan: ExitPlan) -> ExitPlan | None:
    """The plan's row, read anew and locked; None if it has finished meanwhile."""
    rows = ExitPlan.objects.unfinished().select_for_update(no_key=True, of=("self",)).filter(pk=plan.pk)
    return rows.select_related("instrument", "portfolio", "deployment", "run").first()


def keep_step(plan: ExitPlan, made: NextStep) -> None:
    if made.needs_person and not plan.needs_person:
        payload = {"words": made.words}
        record_event("exit.needs_person", key=plan.key, account_id=plan.account_id, payload=payload)
    plan.step, plan.stepped_at, plan.look_at = made.step, made.stepped_at, made.look_at
    plan.state_reason, plan.needs_person = made.words[:300], made.needs_person


def do_act(plan: ExitPlan, account: Account, act: Act, now: datetime) -> None:
    count_exit(account, now, is_place=isinstance(act, Place))
    if isinstance(act, Place):
        place_exit(plan, act, now)
        return
    order = Order.objects.select_related("account").get(pk=act.order)  # type: ignore[misc]
    if isinstance(act, Reprice):
        request_modification(order, act.price, asked_by=ACTOR)
    else:
        ask_cancellation(order, ACTOR, now)


def place_exit(plan: ExitPlan, act: Place, now: datetime) -> None:
    """Ask the gate for the orders of one step. What it refuses for its form is kept in words, and asked again."""
    signal = _signal_of(plan, act, now)
    judge_signal(signal)
    signal.refresh_from_db(fields=["state", "state_reason"])
    plan.placed += 1
    if signal.state != SignalState.ORDERED:
        plan.state_reason, plan.look_at = signal.state_reason, now + AFTER_DENIAL
        plan.needs_person = plan.placed > 2


def _signal_of(plan: ExitPlan, act: Place, now: datetime) -> Signal:
    """The first step stands for the request itself: its time and its quote; each later one for its own."""
    is_first = not plan.placed
    at = plan.opened_at if is_first else now
    signal = Signal.objects.create(
        key=plan.key if is_first else f"{plan.key}/{plan.placed + 1}",
        plan=plan,
        run=plan.run,
        deployment=plan.deployment,
        account_id=plan.account_id,
        instrument=plan.instrument,
        epoch=plan.epoch if is_first else None,
        n=plan.n if is_first else None,
        ordinal=plan.number or 0,
        kind=Signal.Kind.EXIT,
        side=plan.side,
        quantity=act.quantity,
        order_type=OrderType.MARKET if act.price is None else OrderType.LIMIT,
        product=plan.product,
        price=act.price,
        reason=plan.reason,
        numbers=plan.numbers,
        **_quote_of_step(plan, is_first, now),
        market_time=at,
        send_by=at + EXITS_LIVE,
        received_at=plan.received_at if is_first else None,
        asked_by=plan.asked_by,
    )
    _announce(signal)
    return signal


def _announce(signal: Signal) -> None:
    payload = {"signal": str(signal), "reason": signal.reason}
    record_event("signal.new", key=str(signal.pk), account_id=signal.account_id, correlation=signal.pk, payload=payload)


def _quote_of_step(plan: ExitPlan, is_first: bool, now: datetime) -> dict[str, Any]:
    if is_first and plan.reference_price is not None:
        names = ("reference_price", "bid", "ask", "quote_at")
        return {name: getattr(plan, name) for name in names}
    quote = read_quote(plan, now)
    return {"reference_price": quote.last, "bid": quote.bid, "ask": quote.ask, "quote_at": quote.at}


def finish_exit(plan: ExitPlan, now: datetime) -> None:
    """All that was asked is closed and nothing is out: the run hears of it, after its fills."""
    plan.finished_at, plan.needs_person = now, False
    record_event("exit.finished", key=plan.key, account_id=plan.account_id, payload={"words": plan.state_reason})
    if plan.run_id and plan.number is not None:
        ref = f"exit:{plan.pk}:{plan.number}"
        write_run_input(plan.run_id, "ended", ref, plan.instrument.key, plan.number, outcome="flat")
