"""What is open when: the phases of one trading day of one class of securities."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Any, TypeVar

from alphapanda.core.timezone import IST

CLOCK_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d")

Kind = TypeVar("Kind", bound=StrEnum)


class PhaseKind(StrEnum):
    PRE_OPEN = "pre_open"
    CONTINUOUS = "continuous"
    AUCTION = "auction"  # the closing auction of shares with futures
    POST_CLOSE = "post_close"  # at the closing price


class StepKind(StrEnum):
    """What may be done within a call auction."""

    REFERENCE = "reference"  # the reference price is made; no entry
    LIMIT_AND_MARKET = "limit_and_market"
    LIMIT_ONLY = "limit_only"  # ends at a random moment
    MATCHING = "matching"
    BUFFER = "buffer"


@dataclass(frozen=True, slots=True)
class Step:
    kind: StepKind
    opens_at: datetime
    closes_at: datetime

    def covers(self, now: datetime) -> bool:
        return self.opens_at <= now < self.closes_at


@dataclass(frozen=True, slots=True)
class Phase:
    """One phase: open at ``opens_at`` (aware), no longer at ``closes_at``."""

    kind: PhaseKind
    opens_at: datetime
    closes_at: datetime
    steps: tuple[Step, ...] = ()

    def covers(self, now: datetime) -> bool:
        return self.opens_at <= now < self.closes_at

    def step_at(self, now: datetime) -> Step | None:
        return next((step for step in self.steps if step.covers(now)), None)


@dataclass(frozen=True, slots=True)
class DaySchedule:
    """The phases of a day, in order. An unknown day (``known`` is False) counts as closed."""

    exchange: str
    security_class: str
    day: date
    phases: tuple[Phase, ...] = ()
    known: bool = True
    is_holiday: bool = False
    name: str = ""
    source: str = ""

    @property
    def opens_at(self) -> datetime | None:
        """When continuous trading first begins; None on a day without any."""
        return min((phase.opens_at for phase in self.continuous), default=None)

    @property
    def closes_at(self) -> datetime | None:
        """When continuous trading last ends; None on a day without any."""
        return max((phase.closes_at for phase in self.continuous), default=None)

    @property
    def ends_at(self) -> datetime | None:
        """When a DAY order ends: after continuous trading and, where there is one, the closing auction."""
        traded = (PhaseKind.CONTINUOUS, PhaseKind.AUCTION)
        return max((phase.closes_at for phase in self.phases if phase.kind in traded), default=None)

    @property
    def continuous(self) -> tuple[Phase, ...]:
        return tuple(phase for phase in self.phases if phase.kind == PhaseKind.CONTINUOUS)

    @property
    def is_trading_day(self) -> bool:
        return bool(self.continuous)

    def phase_at(self, now: datetime) -> Phase | None:
        return next((phase for phase in self.phases if phase.covers(now)), None)

    def is_continuous(self, now: datetime) -> bool:
        phase = self.phase_at(now)
        return phase is not None and phase.kind == PhaseKind.CONTINUOUS


def unknown_day(exchange: str, security_class: str, day: date) -> DaySchedule:
    return DaySchedule(exchange, security_class, day, known=False)


def phases_from_rows(day: date, rows: Iterable[Mapping[str, Any]]) -> tuple[Phase, ...]:
    """Build the phases of a day from ``{"kind", "from": "09:15", "to": "15:30", "steps": [...]}`` rows.

    Raises ValueError in words, naming the row, for an unknown kind or a time that is not HH:MM.
    """
    return tuple(_phase(day, number, row) for number, row in enumerate(rows, start=1))


def phase_problems(phases: Sequence[Phase]) -> list[str]:
    """Return everything wrong with a day's phases; an empty list means they are sound."""
    problems = [problem for phase in phases for problem in _problems_of(phase)]
    return problems + _order_problems(phases, "phase")


def _phase(day: date, number: int, row: Mapping[str, Any]) -> Phase:
    where = f"phase {number}"
    _only_known_words(where, row, {"kind", "from", "to", "steps"})
    opens_at, closes_at = _times(where, day, row)
    steps = tuple(
        _step(day, f"{where}, step {index}", step) for index, step in enumerate(row.get("steps", ()), start=1)
    )
    return Phase(_kind(where, PhaseKind, row), opens_at, closes_at, steps)


def _step(day: date, where: str, row: Mapping[str, Any]) -> Step:
    _only_known_words(where, row, {"kind", "from", "to"})
    opens_at, closes_at = _times(where, day, row)
    return Step(_kind(where, StepKind, row), opens_at, closes_at)


def _only_known_words(where: str, row: object, known: set[str]) -> None:
    if not isinstance(row, Mapping):
        raise ValueError(f"{where}: {row!r} is not an object with kind, from and to")
    if extra := sorted(set(row) - known):
        raise ValueError(f"{where}: unknown word {extra[0]!r}; known are {', '.join(sorted(known))}")


def _kind(where: str, kinds: type[Kind], row: Mapping[str, Any]) -> Kind:
    try:
        return kinds(row.get("kind", ""))
    except ValueError:
        known = ", ".join(kinds)
        raise ValueError(f"{where}: kind {row.get('kind')!r} is unknown; known are {known}") from None


def _times(where: str, day: date, row: Mapping[str, Any]) -> tuple[datetime, datetime]:
    return _moment(where, day, row, "from"), _moment(where, day, row, "to")


def _moment(where: str, day: date, row: Mapping[str, Any], name: str) -> datetime:
    text = str(row.get(name))
    if not CLOCK_TIME.fullmatch(text):
        raise ValueError(f"{where}: {name!r} is {row.get(name)!r}, not a time such as 09:15")
    return datetime.combine(day, time.fromisoformat(text), tzinfo=IST)


def _problems_of(phase: Phase) -> list[str]:
    problems = _backwards(phase, f"{phase.kind}")
    for step in phase.steps:
        problems += _backwards(step, f"{phase.kind}, step {step.kind}")
        if step.opens_at < phase.opens_at or step.closes_at > phase.closes_at:
            problems.append(f"{phase.kind}: step {step.kind} ({_span(step)}) lies outside the phase ({_span(phase)})")
    return problems + _order_problems(phase.steps, f"{phase.kind} step")


def _backwards(part: Phase | Step, what: str) -> list[str]:
    if part.opens_at < part.closes_at:
        return []
    return [f"{what}: it would close at {part.closes_at:%H:%M}, not after it opens at {part.opens_at:%H:%M}"]


def _order_problems(parts: Sequence[Phase | Step], what: str) -> list[str]:
    return [
        f"{what}s out of order or overlapping: {one.kind} ({_span(one)}) before {two.kind} ({_span(two)})"
        for one, two in pairwise(parts)
        if two.opens_at < one.closes_at
    ]


def _span(part: Phase | Step) -> str:
    return f"{part.opens_at:%H:%M}–{part.closes_at:%H:%M}"


def days_between(first: date, last: date) -> Iterable[date]:
    """Yield every calendar day from first to last, both included."""
    return (first + timedelta(days=offset) for offset in range((last - first).days + 1))
