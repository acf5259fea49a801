"""What runs decided when a day was run again, beside what stands in rows: each difference in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from market.domain.entries import StreamPosition
from trading.models import Evaluation, ExitPlan, Run, RunInput, Signal
from trading.ticks.commit import evaluation_of, signal_of
from trading.ticks.memory import Effects, QuotedDecision, ShardMemory

SIGNAL_FIELDS = (
    "epoch", "n", "instrument_id", "side", "quantity", "order_type", "product", "price", "stop", "target", "reason",
    "numbers", "reference_price", "bid", "ask", "quote_at", "market_time",
)  # fmt: skip


class NumberedDecision(NamedTuple):
    """A decision's name, whatever its run is called now."""

    run_id: UUID
    number: int


@dataclass
class DayPart:
    """What of a day was run again: entries after ``begins`` up to ``ends``, moments after ``since``, these runs."""

    since: datetime
    until: datetime
    begins: StreamPosition
    ends: StreamPosition
    runs: dict[UUID, Run]

    def holds(self, row: Any) -> bool:
        return self.begins < StreamPosition(row.epoch or 0, row.n or 0) <= self.ends

    def words(self, one: NumberedDecision) -> str:
        return f"{self.runs[one.run_id]}, decision {one.number}"


def differences(memory: ShardMemory, effects: Effects, part: DayPart) -> list[str]:
    """Return in words what was decided otherwise, decided only then, or only now."""
    made = [one for one in effects.decisions if one.run.run_id in part.runs]
    return [
        *_of_entries(memory, made, part),
        *_of_exits(made, part),
        *_of_waits(made, part),
        *_of_faults(effects, part),
    ]


def _of_entries(memory: ShardMemory, made: list[QuotedDecision], part: DayPart) -> Iterator[str]:
    now = {_named(one): signal_of(memory, one) for one in made if one.decision.kind == "enter"}
    rows = Signal.objects.filter(run__in=part.runs, kind=Signal.Kind.ENTER)
    then = {NumberedDecision(one.run_id, one.ordinal): one for one in rows if part.holds(one)}  # type: ignore[arg-type]
    yield from _only(part, "entry", then, now)
    for one in sorted(now.keys() & then.keys()):
        for name in SIGNAL_FIELDS:
            was, came = _plain(getattr(then[one], name)), _plain(getattr(now[one], name))
            if was != came:
                yield f"{part.words(one)}: {name} was {was}, now {came}"


def _of_exits(made: list[QuotedDecision], part: DayPart) -> Iterator[str]:
    """One asked while its holding was being left already joined that plan, and has none of its own."""
    plans = list(ExitPlan.objects.filter(run__in=part.runs).select_related("instrument"))
    then = {one: plan for plan in plans if (one := _of_plan(plan)) and part.holds(plan)}
    now = {_named(one): one for one in made if one.decision.kind == "exit"}
    joined = {name for name, one in now.items() if name not in then and any(_was_leaving(plan, one) for plan in plans)}
    yield from _only(part, "exit", then, {name: one for name, one in now.items() if name not in joined})
    for one in sorted(now.keys() & then.keys()):
        was = StreamPosition(then[one].epoch or 0, then[one].n or 0), then[one].side
        came = now[one].position, now[one].decision.side
        if was != came:
            yield f"{part.words(one)}: exit {was[1]} at {was[0]}, now {came[1]} at {came[0]}"


def _of_waits(made: list[QuotedDecision], part: DayPart) -> Iterator[str]:
    rows = Evaluation.objects.filter(run__in=part.runs, at__gt=part.since, at__lte=part.until)
    then = Counter(map(_wait, rows))
    kept = [one for one in made if one.decision.kind in ("wait", "change_stop") and one.now > part.since]
    now = Counter(_wait(evaluation_of(one)) for one in kept)
    for what, missing in (("now", now - then), ("then", then - now)):
        for (run_id, _, at, text), times in missing.items():
            often = f", {times} times" if times > 1 else ""
            yield f"{part.runs[run_id]}, {at:%H:%M:%S} UTC: said only {what}: {text}{often}"


def _of_faults(effects: Effects, part: DayPart) -> Iterator[str]:
    told = RunInput.objects.filter(run__in=part.runs, kind="exits_only", payload__faulted=True, epoch__isnull=False)
    then = {(row.run_id, row.payload["reason"]) for row in told if part.holds(row)}
    now = {(one.run_id, one.words) for one in effects.faults if one.run_id in part.runs}
    for run_id, words in sorted(now - then, key=str):
        yield f"{part.runs[run_id]}: fails now: {words}"
    for run_id, words in sorted(then - now, key=str):
        yield f"{part.runs[run_id]}: failed only then: {words}"


def _only(
    part: DayPart, what: str, then: Mapping[NumberedDecision, Any], now: Mapping[NumberedDecision, Any]
) -> Iterator[str]:
    for when, missing in (("then", then.keys() - now.keys()), ("now", now.keys() - then.keys())):
        yield from (f"{part.words(one)}: {what} only {when}" for one in sorted(missing))


def _named(one: QuotedDecision) -> NumberedDecision:
    return NumberedDecision(one.run.run_id, one.decision.number)


def _of_plan(plan: ExitPlan) -> NumberedDecision | None:
    """The decision that opened it, which its key ends with; None where somebody else did."""
    number = plan.key.rpartition("/")[2]
    return NumberedDecision(plan.run_id, int(number)) if plan.number is not None and number.isdigit() else None  # type: ignore[arg-type]


def _was_leaving(plan: ExitPlan, one: QuotedDecision) -> bool:
    is_of_it = plan.run_id == one.run.run_id and plan.instrument.key == one.decision.instrument
    return is_of_it and plan.opened_at <= one.now and (plan.finished_at is None or plan.finished_at >= one.now)


def _wait(row: Evaluation) -> tuple[Any, ...]:
    return row.run_id, row.instrument_id, row.at, row.text


def _plain(value: Any) -> Any:
    return orjson.loads(orjson.dumps(value, default=str)) if isinstance(value, dict) else value
