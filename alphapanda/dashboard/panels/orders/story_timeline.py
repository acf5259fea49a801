"""The steps of an order's story as the page shows them: the flow strip and the timeline."""

from __future__ import annotations

from itertools import groupby, pairwise
from typing import Any, TypedDict

from alphapanda.core.figures import clock_millis, gap, iso, took
from alphapanda.dashboard.panels.orders.story_rows import BROKER, EXCHANGE, OURS, Story
from alphapanda.dashboard.panels.orders.story_steps import CheckRow, Step, list_steps

NEAREST = 7


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


def timeline_rows(story: Story) -> list[TimelineRow]:
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


def flow_strip(story: Story) -> list[FlowStep]:
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
