"""One step of getting out: what is held, out and quoted now, and the acts that follow. Pure: exits.md 3.

``next_step`` is asked whenever something was booked or ended, and as often as the plan's pace says. It never has more
out than is held, never asks anew for what is in doubt, and changes a working order's price before anything else.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from alphapanda.core.figures import clock_minute, plain, whole
from trading.exits.prices import ExitQuote, is_more_urgent_price, price_at_step, within_bounds

# exits.md 3.4, 3.7 and 3.2.
MOST_MODIFIES = 20
MOST_REFUSALS = 2
PACE = timedelta(seconds=2)
SLOWEST = timedelta(seconds=15)
PLANS_A_SECOND = 4
DOUBTED = timedelta(seconds=30)
LAST_MINUTE = timedelta(minutes=1)
# Our own choices: a cause seldom goes within seconds, and the third refusal is a person's business too.
LONGEST_RETRY = timedelta(minutes=1)
REFUSED_TOO_OFTEN = 3


class Phase(StrEnum):
    DOUBT = "doubt"  # placed, and no word of it yet
    WORKING = "working"
    CHANGING = "changing"  # a modification is out
    ENDING = "ending"  # its cancellation is out, or its trades are awaited


@dataclass(frozen=True, slots=True)
class Slice:
    """One order of the plan that may still fill. ``price`` is the limit it works at, if known."""

    order: Hashable
    quantity: int
    phase: Phase
    price: Decimal | None = None
    asked_at: datetime | None = None
    modifies: int = 0
    refusals: int = 0


@dataclass(frozen=True, slots=True)
class PlanState:
    """What a plan is to close and how far it has come; quantities in units, ``sign`` that of its orders."""

    sign: int
    held: int
    closable: int  # beyond what is out already
    opened_at: datetime
    slices: tuple[Slice, ...] = ()
    wanted: int | None = None  # left of a part that was asked; None: all that is held
    limit: Decimal | None = None
    deadline: datetime | None = None
    step: int = 0
    stepped_at: datetime | None = None
    entries_ending: int = 0  # units of entries whose cancellation is out
    lot_size: int = 1
    largest: int | None = None  # the most to ask at once
    is_held_back: bool = False  # the broker is known to hold less than our books
    receivable: int = 0  # units of it that a split or a bonus issue has not credited yet
    refused: int = 0  # orders refused in a row
    refused_at: datetime | None = None
    refusal: str = ""
    is_the_brokers: bool = False  # it squares off now: two sellers would make a short

    @property
    def out(self) -> int:
        return sum(one.quantity for one in self.slices)

    @property
    def retry_at(self) -> datetime | None:
        """When to ask again after refusals: 2 s, doubling to a minute."""
        if not self.refused or self.refused_at is None:
            return None
        return self.refused_at + min(timedelta(seconds=2 ** min(self.refused, 6)), LONGEST_RETRY)

    @property
    def left(self) -> int:
        """Units it still has to close."""
        return self.held if self.wanted is None else min(self.held, self.wanted)


@dataclass(frozen=True, slots=True)
class Hours:
    """Continuous trading of the instrument: whether it is on, and when it next begins."""

    is_open: bool
    opens_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Budget:
    """How many requests, and how many new orders, exits may still make now; and how many plans share them."""

    requests: int
    places: int
    plans: int = 1


@dataclass(frozen=True, slots=True)
class Place:
    quantity: int
    price: Decimal | None  # None: at market, with automatic protection


@dataclass(frozen=True, slots=True)
class Reprice:
    order: Hashable
    price: Decimal


@dataclass(frozen=True, slots=True)
class Withdraw:
    order: Hashable


Act = Place | Reprice | Withdraw


@dataclass(frozen=True, slots=True)
class NextStep:
    acts: tuple[Act, ...]
    look_at: datetime
    step: int
    stepped_at: datetime | None
    words: str = ""
    needs_person: bool = False
    is_finished: bool = False


def next_step(plan: PlanState, quote: ExitQuote, hours: Hours, budget: Budget, now: datetime) -> NextStep:
    """Return what is to be done now, when to look again, and in words what is waited for."""
    if not plan.left:
        return _let_go(plan, budget, now)
    if plan.is_the_brokers:
        return _leave_to_broker(plan, budget, now)
    if not hours.is_open:
        return _sleep(plan, hours, now)
    taken_back = list(_withdraw_excess(plan))
    acts: list[Act] = [*taken_back]
    step, stepped_at = plan.step, plan.stepped_at
    if _is_due(plan, quote, budget, now):
        step, stepped_at = plan.step + (stepped_at is not None), now
        gone = {act.order for act in taken_back}
        acts += (act for act in _follow_up(plan, quote, step, now) if act.order not in gone)
    acts = acts[: budget.requests]
    placed = _place(plan, quote, step, now)
    if placed and budget.places and budget.requests > len(acts):
        acts.append(placed)
        stepped_at = stepped_at or now
    words, needs_person = _words(plan, quote, placed, now)
    return NextStep(
        tuple(acts), _look_again(plan, quote, budget, stepped_at, now), step, stepped_at, words, needs_person
    )


def _let_go(plan: PlanState, budget: Budget, now: datetime) -> NextStep:
    """Nothing is left to close: take back what is out; finished once all of it, and every entry, is proven ended."""
    acts = _withdraw_all(plan)
    is_finished = not plan.slices and not plan.entries_ending
    words = "flat" if is_finished else "waits until what is out has ended"
    return NextStep(acts[: budget.requests], now + SLOWEST, plan.step, plan.stepped_at, words, is_finished=is_finished)


def _withdraw_all(plan: PlanState) -> tuple[Act, ...]:
    return tuple(Withdraw(one.order) for one in plan.slices if one.phase is not Phase.ENDING)


def _leave_to_broker(plan: PlanState, budget: Budget, now: datetime) -> NextStep:
    """What is out is taken back and nothing more is asked; whether it is left after all is for a person to see."""
    words = "the broker squares off now: ours is taken back, and nothing more is sent"
    acts = _withdraw_all(plan)[: budget.requests]
    return NextStep(acts, now + PACE, plan.step, plan.stepped_at, words, needs_person=True)


def _sleep(plan: PlanState, hours: Hours, now: datetime) -> NextStep:
    """Continuous trading is over or has not begun: what rests is left to the exchange, and nothing is asked."""
    look_at = hours.opens_at or now + timedelta(hours=1)
    words = f"no continuous trading now; asked again {clock_minute(look_at)}" if hours.opens_at else "no session known"
    missed = plan.deadline is not None and now >= plan.deadline
    return NextStep((), look_at, 0, None, words, needs_person=missed)


def _withdraw_excess(plan: PlanState) -> Iterable[Withdraw]:
    """Take back, newest first, what is out beyond the holding; what nobody has answered yet may fill all the same."""
    excess = plan.out - plan.held
    for one in reversed(plan.slices):
        if excess <= 0:
            return
        excess -= one.quantity
        if one.phase in (Phase.WORKING, Phase.DOUBT):
            yield Withdraw(one.order)


def _pace(quote: ExitQuote, budget: Budget, now: datetime) -> timedelta:
    """How long an order is left at its price: longer where nothing trades, and where many plans share the budget."""
    silent = now - quote.at if quote.at else SLOWEST
    shared = timedelta(seconds=budget.plans / PLANS_A_SECOND)
    return max(PACE, min(silent, SLOWEST), shared)


def _is_due(plan: PlanState, quote: ExitQuote, budget: Budget, now: datetime) -> bool:
    if not any(one.phase is Phase.WORKING for one in plan.slices):
        return False
    return plan.stepped_at is None or now - plan.stepped_at >= _pace(quote, budget, now)


def _asked_price(plan: PlanState, quote: ExitQuote, step: int, now: datetime) -> Decimal | None:
    if plan.limit is not None:
        return within_bounds(quote, plan.sign, plan.limit)
    is_last_minute = plan.deadline is not None and plan.deadline - LAST_MINUTE <= now < plan.deadline
    return price_at_step(quote, plan.sign, step, is_last_minute)


def _follow_up(plan: PlanState, quote: ExitQuote, step: int, now: datetime) -> Iterable[Reprice | Withdraw]:
    """Ask more of what is not taken; one that was changed too often is replaced once it has ended."""
    price = _asked_price(plan, quote, step, now)
    for one in plan.slices:
        if one.phase is not Phase.WORKING or price is None:
            continue
        if one.price is not None and not is_more_urgent_price(price, one.price, plan.sign):
            continue
        if one.modifies >= MOST_MODIFIES or one.refusals >= MOST_REFUSALS:
            yield Withdraw(one.order)
        else:
            yield Reprice(one.order, price)


def _place(plan: PlanState, quote: ExitQuote, step: int, now: datetime) -> Place | None:
    """Ask for what is neither out nor held back, in whole lots."""
    if plan.retry_at is not None and now < plan.retry_at:
        return None
    quantity = min(plan.left - plan.out, plan.closable, plan.largest or plan.held)
    quantity -= quantity % plan.lot_size
    if quantity <= 0:
        return None
    at_market = step == 0 and plan.limit is None
    return Place(quantity, None if at_market else _asked_price(plan, quote, step, now))


def _look_again(
    plan: PlanState, quote: ExitQuote, budget: Budget, stepped_at: datetime | None, now: datetime
) -> datetime:
    times = [(stepped_at or now) + _pace(quote, budget, now), now + SLOWEST]
    if plan.retry_at is not None and plan.retry_at > now:
        times.append(plan.retry_at)
    if plan.deadline is not None and plan.deadline - LAST_MINUTE > now:
        times.append(plan.deadline - LAST_MINUTE)
    return max(min(times), now + timedelta(seconds=1))


def _words(plan: PlanState, quote: ExitQuote, placed: Place | None, now: datetime) -> tuple[str, bool]:
    """Say what the plan waits for, and whether a person has to look."""
    doubted = [one for one in plan.slices if one.phase is Phase.DOUBT and one.asked_at is not None]
    if any(now - one.asked_at >= DOUBTED for one in doubted if one.asked_at):
        return f"no answer for {whole(sum(one.quantity for one in doubted))} asked; counted as out until proven", True
    lacking = plan.left - plan.out
    if placed is None and plan.refused:
        return f"refused: {plan.refusal}", plan.refused >= REFUSED_TOO_OFTEN
    if placed is None and 0 < lacking < plan.lot_size:
        return f"{whole(lacking)} left: less than a lot of {whole(plan.lot_size)}, which nobody takes", True
    if placed is None and lacking > 0 and plan.is_held_back:
        return f"the broker holds less than our books: {whole(lacking)} held back", True
    if placed is None and 0 < lacking <= plan.receivable:
        return f"{whole(lacking)} not credited yet: sold once they are", False
    if placed is None and lacking > 0:
        return f"{whole(lacking)} held back while other exits are out", False
    if quote.is_locked(plan.sign):
        return f"locked at the circuit {plain(quote.last)}: rests there and keeps its place", False
    if plan.slices:
        return f"{whole(plan.out)} working{_at(plan)}", False
    return "", False


def _at(plan: PlanState) -> str:
    prices = {one.price for one in plan.slices if one.price is not None}
    return f" at {plain(prices.pop())}" if len(prices) == 1 else ""
