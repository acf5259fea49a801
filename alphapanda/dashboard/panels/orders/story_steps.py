"""The steps of an order's story, in the order they were written down: what happened, when, and whose it was."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, TypedDict

from alphapanda.core.figures import clock_millis, exact, plain, rupees, short_rupees
from alphapanda.core.journal.models import Event
from alphapanda.dashboard.panels.naming import side_word, symbol_of
from alphapanda.dashboard.panels.orders.story_rows import BROKER, EXCHANGE, OURS, Story
from trading.models import Fill, OrderTransition
from trading.orders.life_cycle import ORDER_LABELS, OrderState

S = OrderState
WHOSE = {S.CREATED: OURS, S.UNCONFIRMED: OURS, S.SUBMITTED: BROKER, S.OPEN: EXCHANGE, S.TRIGGER_PENDING: EXCHANGE}
ICONS = {
    S.OPEN: ("working", "ours"),
    S.TRIGGER_PENDING: ("working", "ours"),
    S.REJECTED: ("cross", "fault"),
    S.CANCELLED: ("bar", ""),
    S.EXPIRED: ("bar", ""),
    S.NOT_PLACED: ("bar", ""),
    S.NEEDS_HUMAN: ("warn", "warn"),
}


class CheckRow(TypedDict):
    key: str
    name: str
    code: str
    passed: bool
    failed: bool
    icon: str
    value: str
    limit: str
    words: str
    ratio: str | None
    tone: str
    spoken: str


@dataclass(frozen=True)
class Step:
    """One thing that happened. ``wall`` orders the steps and times them; ``market`` is the time of day shown."""

    wall: datetime
    market: datetime | None
    short: str
    whose: str
    title: str
    icon: str = "tick"
    tone: str = ""
    context: str = ""
    lines: tuple[tuple[str, bool], ...] = ()  # text, and whether it is a raw message
    checks: tuple[CheckRow, ...] = ()
    in_flow: bool = True


def list_steps(story: Story) -> list[Step]:
    found = [
        *_before(story),
        *(_moved(story, each) for each in story.transitions[1:] if each.after != S.FILLED),
        *(_beside(each) for each in story.events if not _is_stale(story, each)),
        *_filled(story),
    ]
    return sorted(found, key=lambda step: step.wall)


def _before(story: Story) -> Iterator[Step]:
    if story.signal.received_at and story.signal.reference_price is not None:
        yield _tick_step(story, story.signal.received_at)
    yield _signal_step(story)
    yield _checks_step(story)
    yield _order_step(story)


def _tick_step(story: Story, received_at: datetime) -> Step:
    return Step(
        wall=received_at,
        market=story.signal.quote_at,
        short="Tick",
        whose=OURS,
        title=f"Tick {plain(story.signal.reference_price)}",
        icon="live",
        tone="quiet",
        lines=_quote(story),
    )


def _signal_step(story: Story) -> Step:
    signal = story.signal
    return Step(
        wall=signal.created_at,
        market=signal.market_time,
        short="Signal",
        whose=OURS,
        title=f"Signal: {side_word(signal.side).lower()} {signal.quantity} {symbol_of(signal.instrument)}",
        icon="signal",
        tone="ours",
        context=_run(story),
        lines=_why(story),
    )


def _order_step(story: Story) -> Step:
    order, created = story.order, story.transitions[0]
    reserved = f" Reserved {short_rupees(order.reserved)}." if order.reserved else ""
    return Step(
        wall=created.written_at,
        market=created.market_time,
        short="Order",
        whose=OURS,
        title="Order written",
        lines=((f"Tag {order.tag}.{reserved}", False),),
        in_flow=False,
    )


def _quote(story: Story) -> tuple[tuple[str, bool], ...]:
    signal = story.signal
    depth = f" Bid {plain(signal.bid)}, ask {plain(signal.ask)}." if signal.bid and signal.ask else ""
    return ((f"{symbol_of(signal.instrument)} last price.{depth}", False),)


def _run(story: Story) -> str:
    run = story.signal.run
    return f"{story.order.deployment}, run {run.number}" if run else f"by hand, {story.signal.asked_by}"


def _why(story: Story) -> tuple[tuple[str, bool], ...]:
    signal = story.signal
    numbers = values_in_words(signal.numbers)
    ends = [
        f"Stop {plain(signal.stop)}" if signal.stop is not None else "",
        f"target {plain(signal.target)}" if signal.target is not None else "",
    ]
    reason = signal.reason if signal.reason.endswith(".") else f"{signal.reason}."
    lines = [f"{reason[:1].upper()}{reason[1:]}", numbers, ", ".join(filter(None, ends))]
    return tuple((line if line.endswith(".") else f"{line}.", False) for line in lines if line)


def values_in_words(values: dict[str, Any]) -> str:
    """Names and values as a reader wants them: low 2,064.60, long only no."""
    return ", ".join(f"{name.replace('_', ' ')} {value_words(value)}" for name, value in values.items())


def value_words(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    number = exact(str(value)) if isinstance(value, str | float) else None
    if number is None:
        return str(value)
    decimals = -int(number.normalize().as_tuple().exponent)
    return plain(number, max(2, decimals) if decimals > 0 else 0)


def _checks_step(story: Story) -> Step:
    decision = story.signal.decision
    checks = [check_row(check) for check in decision.checks]
    failed = [check for check in checks if not check["passed"]]
    return Step(
        wall=decision.decided_at,
        market=decision.market_time,
        short="Checks",
        whose=OURS,
        title=f"{len(failed)} of {len(checks)} checks failed" if failed else f"{len(checks)} checks passed",
        icon="cross" if failed else "tick",
        tone="fault" if failed else "",
        context="it only shrinks a position" if decision.only_shrinks else "the nearest to their limits",
        checks=tuple(sorted(checks, key=lambda check: (check["passed"], -float(check["ratio"] or -1)))),
    )


def check_row(check: dict[str, Any]) -> CheckRow:
    """One risk check as a row: failed ones first, then the nearest to their limit."""
    scope = {"deployment": ", strategy", "account": ", account"}.get(check["scope"], "")
    return {
        "key": f"{check['code']}-{check['scope']}",
        "name": check["title"] + scope,
        "code": check["code"],
        "passed": check["passed"],
        "failed": not check["passed"],
        "icon": "tick" if check["passed"] else "cross",
        "value": check["value"],
        "limit": limit_words(check),
        "words": check["words"],
        "ratio": check.get("used"),
        "tone": "" if check["passed"] else "fault",
        "spoken": check["words"],
    }


def limit_words(check: dict[str, Any]) -> str:
    """of ₹2.50 L; of ₹2.50 L, not binding: only shrinks a position; no limit set."""
    freed = check.get("skipped") or ""
    if check.get("used") is None:
        return freed or str(check["limit"])
    return f"of {check['limit']}" + (f", not binding: {freed}" if freed else "")


def _moved(story: Story, step: OrderTransition) -> Step:
    state = S(step.after)
    if state == S.UNCONFIRMED:
        return _claimed_step(step)
    if state == S.SUBMITTED:
        return _accepted_step(story, step)
    icon, tone = ICONS.get(state, ("tick", ""))
    where = f" at {story.order.instrument.exchange}" if state == S.OPEN else ""
    return Step(
        wall=step.written_at,
        market=step.market_time,
        short=ORDER_LABELS[state],
        whose=WHOSE.get(state, EXCHANGE),
        title=f"{ORDER_LABELS[state]}{where}",
        icon=icon,
        tone=tone,
        context=step.actor,
        lines=((step.reason, False),) if step.reason else (),
    )


def _is_stale(story: Story, event: Event) -> bool:
    """Whether it says that the order works at a price, written after all of it was filled there."""
    is_done = event.kind == "order.modified" and not event.payload.get("refusal")
    return is_done and story.order.state == S.FILLED and event.written_at > story.fills[-1].written_at


def _beside(event: Event) -> Step:
    """A change of price or a cancellation on its way, and its answer: the order stays in its state."""
    icon, tone, title, line = beside_words(event.kind, event.payload)
    return Step(
        wall=event.written_at,
        market=event.market_time,
        short=title,
        whose=OURS if event.kind.endswith("_requested") else EXCHANGE,
        title=title,
        icon=icon,
        tone=tone,
        context=f"asked by {event.payload['by']}" if "by" in event.payload else "",
        lines=((line, False),) if line else (),
        in_flow=False,
    )


def beside_words(kind: str, payload: dict[str, Any]) -> tuple[str, str, str, str]:
    """Return icon, tone, title and what else there is to say of what happened to an order in its state."""
    price = plain(exact(payload["price"])) if payload.get("price") else ""
    if kind == "order.modify_requested":
        before = plain(exact(payload["from"])) if payload.get("from") else ""
        return "signal", "ours", f"Asked to change to {price}", f"Not taken at {before}." if before else ""
    if kind == "order.modified":
        refusal = str(payload.get("refusal", ""))
        return ("cross", "warn", "Change refused", f"{refusal}.") if refusal else ("tick", "", f"Works at {price}", "")
    if kind == "order.awaits_trades":
        ended = ORDER_LABELS[OrderState(payload["ended_as"])]
        line = f"Its broker says more is filled than is booked: {payload['awaited']} to come."
        return "stale", "warn", f"{ended}, trades to come", line
    return "bar", "", "Asked to cancel", ""


def _claimed_step(step: OrderTransition) -> Step:
    words = f"Worker {step.actor}. From here it counts as filled until proven otherwise."
    return Step(
        wall=step.written_at,
        market=step.market_time,
        short="Claimed",
        whose=OURS,
        title="Claimed and sent",
        lines=((words, False),),
    )


def _accepted_step(story: Story, step: OrderTransition) -> Step:
    order_id = story.order.broker_order_id
    return Step(
        wall=step.written_at,
        market=step.market_time,
        short="Accepted",
        whose=story.accepted_by,
        title="Accepted",
        context="proof of acceptance",
        lines=((f"order_id {order_id}", True),) if order_id else (),
    )


def _filled(story: Story) -> Iterator[Step]:
    left = story.order.quantity
    for fill in story.fills:
        left -= abs(fill.signed_quantity)
        yield _fill_step(fill, left)
    if story.fills and story.entries:
        last = story.fills[-1]
        yield Step(
            wall=last.written_at,
            market=last.trade.booked_at,
            short="Booked",
            whose=OURS,
            title="Booked",
            lines=((booked_words(story), False),),
        )


def _fill_step(fill: Fill, left: int) -> Step:
    words = f"Trade {fill.trade.trade_id}. {f'{left} left.' if left else 'Complete.'}"
    title = f"Filled {abs(fill.signed_quantity)} at {plain(fill.price)}"
    return Step(
        wall=fill.written_at,
        market=fill.at,
        short="Filled",
        whose=EXCHANGE,
        title=title,
        icon="part" if left else "tick",
        tone="ours" if left else "",
        lines=((words, False),),
    )


def booked_words(story: Story) -> str:
    cash = sum((fill.trade.value for fill in story.fills), Decimal(0))
    charges = [fill.trade.charges for fill in story.fills]
    cost = "charges unknown" if None in charges else f"charges {rupees(-sum(filter(None, charges), Decimal(0)))}"
    return f"Cash {rupees(cash)}, {cost}. Books raised to the trade of {clock_millis(story.fills[-1].at)}."
