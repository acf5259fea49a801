"""Follow an account's exits up until each holding is flat: ``trading.exits`` in memory. Pure."""

from __future__ import annotations

from datetime import datetime

from alphapanda.core.timezone import day_of
from instruments.domain.order_terms import Product
from trading.exits.plan_state import Around, plan_state, refused_in_a_row
from trading.exits.plans import keep_denial, keep_step, signal_columns
from trading.exits.step import Act, Budget, Hours, Place, Reprice, next_step
from trading.lab.account import MemoryAccount, RunNews
from trading.lab.assessment import judge_signal
from trading.lab.values import MemoryPlan, MemorySignal, Named, Numbered, stored
from trading.orders.life_cycle import SignalState
from trading.orders.rate_budget import (
    EXIT_PLACES_DAY,
    EXIT_REQUESTS_MINUTE,
    EXIT_REQUESTS_SECOND,
    Span,
    window_start,
)


def follow_exits(account: MemoryAccount, now: datetime) -> bool:
    """Take one step of every exit that is due, most urgent first."""
    due = [plan for plan in account.open_plans.values() if plan.look_at <= now]
    due.sort(key=lambda plan: (-plan.urgency, plan.opened_at, plan.pk))
    for plan in due:
        _follow(account, plan, len(due), now)
    return bool(due)


def _follow(account: MemoryAccount, plan: MemoryPlan, plans: int, now: datetime) -> None:
    token, day = plan.instrument_id, day_of(now)
    schedule = account.facts.schedule(token, day)
    plan.deadline = schedule.closes_at if plan.product == Product.MIS else None
    quote = account.board.exit_quote(token, now)
    made = next_step(
        plan_state(plan, plan.orders, _around(account, plan, now), now),
        quote,
        _hours(account, token, now),
        Budget(*_exit_room(account, now), plans=plans),
        now,
    )
    keep_step(plan, made)
    for act in made.acts:
        _do(account, plan, act, now)
    if made.is_finished:
        _finish(account, plan, now)


def _around(account: MemoryAccount, plan: MemoryPlan, now: datetime) -> Around:
    refused = refused_in_a_row(plan.orders)
    entries = (
        order
        for order in account.live.values()
        if (order.portfolio_id, order.instrument_id, order.product, order.cancel_requested_at is not None)
        == (plan.portfolio_id, plan.instrument_id, plan.product, True)
        and order.may_still_fill
        and order.side != plan.side
    )
    return Around(
        holdings=account.books(account.out_today(now)).holdings(plan),  # type: ignore[arg-type]  # asked for instrument and product only
        lot_size=plan.instrument.lot_size,
        freeze=account.facts.freeze(plan.instrument_id, day_of(now)),
        entries_ending=sum(order.out_quantity for order in entries),
        refused_at=refused[-1].over_at if refused else None,
    )


def _hours(account: MemoryAccount, token: int, now: datetime) -> Hours:
    """A day the calendar does not know is not known to be closed: the exchange decides."""
    schedule = account.facts.schedule(token, day_of(now))
    if schedule.is_continuous(now) or not schedule.known:
        return Hours(True)
    if schedule.opens_at is not None and now < schedule.opens_at:
        return Hours(False, schedule.opens_at)
    return Hours(False, account.facts.next_open(token, day_of(now)))


def _do(account: MemoryAccount, plan: MemoryPlan, act: Act, now: datetime) -> None:
    _count_exit(account, now, is_place=isinstance(act, Place))
    if isinstance(act, Place):
        _place_exit(account, plan, act, now)
        return
    order = next(one for one in plan.orders if one.pk == act.order)
    if isinstance(act, Reprice):
        if not order.modify_pending and not order.cancel_requested_at:
            order.modify_number, order.modify_price = order.modify_number + 1, act.price
            order.modify_pending, order.is_modify_sent = True, False
    elif order.may_be_cancelled:
        order.cancel_requested_at = now


def _place_exit(account: MemoryAccount, plan: MemoryPlan, act: Place, now: datetime) -> None:
    columns = signal_columns(plan, act, account.board.exit_quote(plan.instrument_id, now), now)
    deployed = account.deployed.get(plan.portfolio_id)
    for name in ("price", "reference_price", "bid", "ask"):
        columns[name] = stored(columns[name])
    signal = MemorySignal(
        portfolio_id=plan.portfolio_id,
        instrument=plan.instrument,
        instrument_id=plan.instrument_id,
        deployment=Named(plan.portfolio_id) if deployed else None,
        run=Numbered(deployed.run_number) if deployed else None,
        plan=plan,
        **columns,
    )
    account.signals.append(signal)
    judge_signal(account, signal, now)
    plan.placed += 1
    if signal.state != SignalState.ORDERED:
        keep_denial(plan, signal.state_reason, now)


def _finish(account: MemoryAccount, plan: MemoryPlan, now: datetime) -> None:
    plan.finished_at, plan.needs_person = now, False
    del account.open_plans[plan.pk]
    if plan.run is not None and plan.number is not None:
        told = {"instrument": plan.instrument.key, "number": plan.number, "outcome": "flat"}
        account.news.append(RunNews(plan.run, "ended", told))


def _exit_room(account: MemoryAccount, now: datetime) -> tuple[int, int]:
    used = {span: count for span, (at, count) in account.used.items() if at == window_start(span, now)}
    second, minute, day = (used.get(span, 0) for span in (Span.SECOND, Span.MINUTE, Span.DAY))
    requests = min(EXIT_REQUESTS_SECOND - second, EXIT_REQUESTS_MINUTE - minute)
    return max(0, requests), max(0, min(requests, EXIT_PLACES_DAY - day))


def _count_exit(account: MemoryAccount, now: datetime, *, is_place: bool) -> None:
    for span in Span:
        if is_place or span is not Span.DAY:
            start = window_start(span, now)
            at, count = account.used.get(span, (start, 0))
            account.used[span] = start, (count if at == start else 0) + 1
