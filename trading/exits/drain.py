"""Follow an account's exits up: load what stands, ask for the next step, do it, and keep when to look again.

One drain for all exits of an account, on market time, most urgent first. It is woken by tick commits, by bookings and
ends of its orders, and by the sweeper when ticks are silent.
"""

from __future__ import annotations

import time
from datetime import datetime
from functools import partial
from uuid import UUID

import structlog
from django.db import transaction

from alphapanda.core.clock import market_now
from alphapanda.core.journal.services import record_event
from alphapanda.core.telemetry.crashpoints import crashpoint
from alphapanda.core.timezone import IST
from portfolio.models import Account
from trading import wakeups
from trading.exits.announcing import announce_exit
from trading.exits.plans import keep_denial, keep_step, signal_columns
from trading.exits.state import deadline_of, read_hours, read_quote, read_state
from trading.exits.step import Act, Budget, Place, Reprice, next_step
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
    if made.needs_person and not locked.needs_person:
        announce_exit(locked, "needs_person", words=made.words)
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
        keep_denial(plan, signal.state_reason, now)


def _signal_of(plan: ExitPlan, act: Place, now: datetime) -> Signal:
    is_first = not plan.placed
    signal = Signal.objects.create(
        **signal_columns(plan, act, read_quote(plan, now), now),
        plan=plan,
        run=plan.run,
        deployment=plan.deployment,
        account_id=plan.account_id,
        instrument=plan.instrument,
        epoch=plan.epoch if is_first else None,
        n=plan.n if is_first else None,
        received_at=plan.received_at if is_first else None,
    )
    _announce(signal)
    return signal


def _announce(signal: Signal) -> None:
    payload = {"signal": str(signal), "reason": signal.reason}
    record_event("signal.new", key=str(signal.pk), account_id=signal.account_id, correlation=signal.pk, payload=payload)


def finish_exit(plan: ExitPlan, now: datetime) -> None:
    """All that was asked is closed and nothing is out: the run hears of it, after its fills."""
    plan.finished_at, plan.needs_person = now, False
    announce_exit(plan, "finished", words=plan.state_reason)
    if plan.run_id and plan.number is not None:
        ref = f"exit:{plan.pk}:{plan.number}"
        write_run_input(plan.run_id, "ended", ref, plan.instrument.key, plan.number, outcome="flat")
