"""The steps of an order's story, in the order they were written down: the flow strip and the timeline."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Any, TypedDict

from alphapanda.core.figures import clock_millis, exact, gap, iso, plain, rupees, short_rupees, took
from alphapanda.dashboard.panels.naming import side_word, symbol_of
from trading.models import Fill, OrderTransition
from trading.orders.life_cycle import ORDER_LABELS, OrderState

if TYPE_CHECKING:
    from alphapanda.dashboard.panels.orders.story import Story

S = OrderState
NEAREST = 7
OURS, BROKER, EXCHANGE = "ours", "broker", "exchange"
WHOSE = {S.CREATED: OURS, S.UNCONFIRMED: OURS, S.SUBMITTED: BROKER, S.OPEN: EXCHANGE, S.TRIGGER_PENDING: EXCHANGE}
ICONS = {
    S.SUBMITTED: ("tick", ""),
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


def list_steps(story: "Story") -> list[Step]:
    found = [
        *_before(story),
        *(_moved(story, each) for each in story.transitions[1:] if each.after != S.FILLED),
        *_filled(story),
    ]
    return sorted(found, key=lambda step: step.wall)


def _before(story: "Story") -> Iterator[Step]:
    signal = story.signal
    if signal.received_at and signal.reference_price is not None:
        yield Step(
            signal.received_at,
            signal.quote_at,
            "Tick",
            OURS,
            f"Tick {plain(signal.reference_price)}",
            "live",
            "quiet",
            lines=_quote(story),
        )
    yield Step(
        signal.created_at,
        signal.market_time,
        "Signal",
        OURS,
        _signal_title(story),
        "signal",
        "ours",
        _run(story),
        _why(story),
    )
    decision = signal.decision
    yield Step(decision.decided_at, decision.market_time, "Checks", OURS, *_checked(story))
    order, created = story.order, story.transitions[0]
    reserved = f" Reserved {short_rupees(order.reserved)}." if order.reserved else ""
    yield Step(
        created.written_at,
        created.market_time,
        "Order",
        OURS,
        "Order written",
        lines=((f"Tag {order.tag}.{reserved}", False),),
        in_flow=False,
    )


def _quote(story: "Story") -> tuple[tuple[str, bool], ...]:
    signal = story.signal
    day = f" Bid {plain(signal.bid)}, ask {plain(signal.ask)}." if signal.bid and signal.ask else ""
    return ((f"{symbol_of(signal.instrument)} last price.{day}", False),)


def _signal_title(story: "Story") -> str:
    signal = story.signal
    return f"Signal: {side_word(signal.side).lower()} {signal.quantity} {symbol_of(signal.instrument)}"


def _run(story: "Story") -> str:
    run = story.signal.run
    return f"{story.order.deployment}, run {run.number}" if run else f"by hand, {story.signal.asked_by}"


def _why(story: "Story") -> tuple[tuple[str, bool], ...]:
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


def _checked(story: "Story") -> tuple[Any, ...]:
    checks = [check_row(check) for check in story.signal.decision.checks]
    failed = [check for check in checks if not check["passed"]]
    title = f"{len(failed)} of {len(checks)} checks failed" if failed else f"{len(checks)} checks passed"
    context = "it only shrinks a position" if story.signal.decision.only_shrinks else "the nearest to their limits"
    ordered = sorted(checks, key=lambda check: (check["passed"], -float(check["ratio"] or -1)))
    return title, "cross" if failed else "tick", "fault" if failed else "", context, (), tuple(ordered)


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
        "limit": f"of {check['limit']}" if check.get("used") is not None else check.get("skipped") or check["limit"],
        "words": check["words"],
        "ratio": check.get("used"),
        "tone": "" if check["passed"] else "fault",
        "spoken": check["words"],
    }


def _moved(story: "Story", step: OrderTransition) -> Step:
    state = S(step.after)
    icon, tone = ICONS.get(state, ("tick", ""))
    whose = WHOSE.get(state, EXCHANGE)
    if state == S.UNCONFIRMED:
        lines = ((f"Worker {step.actor}. From here it counts as filled until proven otherwise.", False),)
        return Step(step.written_at, step.market_time, "Claimed", OURS, "Claimed and sent", lines=lines)
    if state == S.SUBMITTED:
        order_id = ((f"order_id {story.order.broker_order_id}", True),) if story.order.broker_order_id else ()
        return Step(
            step.written_at,
            step.market_time,
            "Accepted",
            story.accepted_by,
            "Accepted",
            icon,
            tone,
            "proof of acceptance",
            order_id,
        )
    where = f" at {story.order.instrument.exchange}" if state == S.OPEN else ""
    reason = ((step.reason, False),) if step.reason else ()
    return Step(
        step.written_at,
        step.market_time,
        ORDER_LABELS[state],
        whose,
        f"{ORDER_LABELS[state]}{where}",
        icon,
        tone,
        step.actor,
        reason,
    )


def _filled(story: "Story") -> Iterator[Step]:
    left = story.order.quantity
    for fill in story.fills:
        left -= abs(fill.signed_quantity)
        yield _fill_step(fill, left)
    if story.fills and story.entries:
        last = story.fills[-1]
        yield Step(
            last.written_at, last.trade.booked_at, "Booked", OURS, "Booked", lines=((booked_words(story), False),)
        )


def _fill_step(fill: Fill, left: int) -> Step:
    words = f"Trade {fill.trade.trade_id}. {f'{left} left.' if left else 'Complete.'}"
    title = f"Filled {abs(fill.signed_quantity)} at {plain(fill.price)}"
    return Step(
        fill.written_at,
        fill.at,
        "Filled",
        EXCHANGE,
        title,
        "part" if left else "tick",
        "ours" if left else "",
        lines=((words, False),),
    )


def booked_words(story: "Story") -> str:
    cash = sum((fill.trade.value for fill in story.fills), Decimal(0))
    charges = [fill.trade.charges for fill in story.fills]
    cost = "charges unknown" if None in charges else f"charges {rupees(-sum(filter(None, charges), Decimal(0)))}"
    return f"Cash {rupees(cash)}, {cost}. Books raised to the trade of {clock_millis(story.fills[-1].at)}."


class LineRow(TypedDict):
    key: str
    text: str
    raw: bool


class TimelineRow(TypedDict):
    key: str
    at: str | None
    time: str
    since: str
    icon: str
    tone: str
    title: str
    context: str
    lines: list[LineRow]
    checks: list[CheckRow]
    more: list[CheckRow]
    more_words: str


def timeline_rows(story: "Story") -> list[TimelineRow]:
    """The steps as the page shows them: full time first and when the second changes, else milliseconds."""
    found = list_steps(story)
    shown: list[TimelineRow] = []
    before: Step | None = None
    for number, step in enumerate(found):
        shown.append(
            {
                "key": str(number),
                "at": iso(step.market),
                "time": time_words(step, before),
                "since": gap(step.wall - before.wall) if before else "",
                "icon": step.icon,
                "tone": step.tone,
                "title": step.title,
                "context": step.context,
                "lines": [{"key": str(n), "text": text, "raw": raw} for n, (text, raw) in enumerate(step.lines)],
                "checks": list(step.checks[:NEAREST]),
                "more": list(step.checks[NEAREST:]),
                "more_words": f"{len(step.checks) - NEAREST} more, further from their limits",
            }
        )
        before = step
    return shown


def time_words(step: Step, before: Step | None) -> str:
    if step.market is None:
        return ""
    full = clock_millis(step.market)
    same = before is not None and before.market is not None and clock_millis(before.market)[:8] == full[:8]
    return full[8:] if same else full


class FlowStep(TypedDict):
    key: str
    title: str
    since: str
    whose: str
    span: str


def flow_strip(story: "Story") -> list[FlowStep]:
    """Each step in equal width; the first of each owner carries whose it is and how long it took them."""
    found = [step for step in list_steps(story) if step.in_flow]
    spans = _spans(found)
    names = {OURS: "Alpha Panda", BROKER: story.broker, EXCHANGE: story.exchange}
    return [
        {
            "key": str(number),
            "title": step.short,
            "since": gap(step.wall - found[number - 1].wall) if number else clock_millis(step.market),
            "whose": step.whose,
            "span": f"{names[step.whose]}, {took(spans[number])}" if number in spans else "",
        }
        for number, step in enumerate(found)
    ]


def _spans(found: list[Step]) -> dict[int, Any]:
    """First index of each owner's stretch → how long from the step before it to its last."""
    durations = [found[0].wall - found[0].wall, *(after.wall - before.wall for before, after in pairwise(found))]
    spans, start = {}, 0
    for _, group in groupby(found, key=lambda step: step.whose):
        size = len(list(group))
        spans[start] = sum(durations[start : start + size], durations[0])
        start += size
    return spans
