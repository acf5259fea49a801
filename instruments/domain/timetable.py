"""Turns a calendar written as rules (hours from a day on, holidays, special days) into one row a day."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from instruments.domain.contracts import CLASSES_OF_EXCHANGE
from instruments.domain.sessions import days_between, phase_problems, phases_from_rows

PhaseRows = list[dict[str, Any]]
SATURDAY = 5


class CalendarProblem(Exception):
    """A calendar that cannot be meant; says where and what."""


@dataclass(frozen=True, slots=True)
class Rule:
    """The hours of some classes on weekdays from a day on, until a later rule for the same class."""

    starts: date
    exchanges: tuple[str, ...]
    classes: tuple[str, ...]
    phases: PhaseRows
    source: str


@dataclass(frozen=True, slots=True)
class SpecialDay:
    """A day that is not a plain weekday. ``phases`` by class; None: as on weekdays; empty: closed."""

    day: date
    name: str
    source: str
    phases: Mapping[str, PhaseRows] | None


@dataclass(frozen=True, slots=True)
class Timetable:
    first: date
    last: date
    rules: tuple[Rule, ...]
    special: Mapping[date, SpecialDay]


@dataclass(frozen=True, slots=True)
class SessionRow:
    exchange: str
    security_class: str
    day: date
    phases: PhaseRows
    name: str
    source: str

    @property
    def is_holiday(self) -> bool:
        return not self.phases


def session_rows(timetable: Timetable) -> Iterator[SessionRow]:
    """Yield a row for every day, exchange and class that the rules speak of."""
    for day in days_between(timetable.first, timetable.last):
        for exchange, classes in CLASSES_OF_EXCHANGE.items():
            for security_class in classes:
                if row := _row(timetable, exchange, security_class, day):
                    yield row


def parse_timetable(written: object) -> Timetable:
    """Read what a calendar file says. Raises CalendarProblem in words, naming the entry."""
    file = _mapping("the file", written, {"covers", "phases", "timetable", "closed", "special"})
    covers = _mapping("covers", file.get("covers"), {"from", "to"})
    first, last = _day("covers, from", covers.get("from")), _day("covers, to", covers.get("to"))
    named = _named_phases(file.get("phases"))
    rules = tuple(_rule(f"timetable {n}", entry, named) for n, entry in _numbered(file, "timetable"))
    special = [_closed(f"closed {n}", entry) for n, entry in _numbered(file, "closed")]
    special += [_special(f"special {n}", entry, named) for n, entry in _numbered(file, "special")]
    timetable = Timetable(first, last, rules, {entry.day: entry for entry in special})
    _check(timetable, special)
    return timetable


def _row(timetable: Timetable, exchange: str, security_class: str, day: date) -> SessionRow | None:
    rule = _rule_for(timetable, exchange, security_class, day)
    if rule is None:
        return None
    special = timetable.special.get(day)
    if special and special.phases is not None:
        return _special_row(special, exchange, security_class)
    if special:
        return SessionRow(exchange, security_class, day, rule.phases, special.name, special.source)
    if day.weekday() >= SATURDAY:
        return SessionRow(exchange, security_class, day, [], f"{day:%A}", "Exchanges trade Monday to Friday")
    return SessionRow(exchange, security_class, day, rule.phases, "", rule.source)


def _special_row(special: SpecialDay, exchange: str, security_class: str) -> SessionRow | None:
    assert special.phases is not None
    # A class that a special day does not name keeps the hours of those it belongs to.
    if special.phases and security_class not in special.phases:
        return None
    phases = special.phases.get(security_class, [])
    return SessionRow(exchange, security_class, special.day, phases, special.name, special.source)


def _rule_for(timetable: Timetable, exchange: str, security_class: str, day: date) -> Rule | None:
    applying = [
        rule
        for rule in timetable.rules
        if rule.starts <= day and exchange in rule.exchanges and security_class in rule.classes
    ]
    return max(applying, key=lambda rule: rule.starts, default=None)


def _check(timetable: Timetable, special: Sequence[SpecialDay]) -> None:
    if timetable.last < timetable.first:
        raise CalendarProblem(f"covers: it ends on {timetable.last}, before it begins on {timetable.first}")
    days = [entry.day for entry in special]
    for day in days:
        if days.count(day) > 1:
            raise CalendarProblem(f"{day} is listed twice among closed and special")
        if not timetable.first <= day <= timetable.last:
            raise CalendarProblem(f"{day} lies outside {timetable.first} to {timetable.last}")


def _named_phases(written: object) -> dict[str, PhaseRows]:
    named = _mapping("phases", written, None)
    for name, rows in named.items():
        _check_phases(f"phases {name}", rows)
    return dict(named)


def _check_phases(where: str, rows: Any) -> None:
    if not isinstance(rows, list) or not rows:
        raise CalendarProblem(f"{where}: a list of phases is due")
    try:
        problems = phase_problems(phases_from_rows(date(2024, 1, 1), rows))
    except ValueError as unreadable:
        raise CalendarProblem(f"{where}: {unreadable}") from unreadable
    if problems:
        raise CalendarProblem(f"{where}: {problems[0]}")


def _rule(where: str, written: object, named: Mapping[str, PhaseRows]) -> Rule:
    entry = _mapping(where, written, {"from", "exchanges", "classes", "phases", "source"})
    exchanges, classes = _words(where, entry, "exchanges"), _words(where, entry, "classes")
    for exchange in exchanges:
        known = CLASSES_OF_EXCHANGE.get(exchange, ())
        if unknown := [name for name in classes if name not in known]:
            raise CalendarProblem(f"{where}: {exchange} has no class {unknown[0]!r}")
    phases = _phases_named(where, entry.get("phases"), named)
    return Rule(_day(where, entry.get("from")), exchanges, classes, phases, _text(where, entry, "source"))


def _closed(where: str, written: object) -> SpecialDay:
    entry = _mapping(where, written, {"day", "name", "source"})
    return SpecialDay(_day(where, entry.get("day")), _text(where, entry, "name"), _text(where, entry, "source"), {})


def _special(where: str, written: object, named: Mapping[str, PhaseRows]) -> SpecialDay:
    entry = _mapping(where, written, {"day", "name", "source", "phases", "as_on_weekdays"})
    day, name, source = _day(where, entry.get("day")), _text(where, entry, "name"), _text(where, entry, "source")
    if entry.get("as_on_weekdays") is True:
        return SpecialDay(day, name, source, None)
    by_class = _mapping(f"{where}, phases", entry.get("phases"), None)
    if not by_class:
        raise CalendarProblem(f"{where}: phases by class are due; a closed day belongs under closed")
    phases = {kind: _phases_named(where, of_kind, named) for kind, of_kind in by_class.items()}
    return SpecialDay(day, name, source, phases)


def _phases_named(where: str, name: object, named: Mapping[str, PhaseRows]) -> PhaseRows:
    if not isinstance(name, str) or name not in named:
        raise CalendarProblem(f"{where}: no phases are named {name!r}")
    return named[name]


def _numbered(file: Mapping[str, Any], section: str) -> list[tuple[int, object]]:
    written = file.get(section) or []
    if not isinstance(written, list):
        raise CalendarProblem(f"{section}: a list is due")
    return list(enumerate(written, start=1))


def _mapping(where: str, written: object, known: set[str] | None) -> Mapping[str, Any]:
    if not isinstance(written, Mapping):
        raise CalendarProblem(f"{where}: names with values are due, not {written!r:.60}")
    if known is not None and (unknown := sorted(str(name) for name in set(written) - known)):
        raise CalendarProblem(f"{where}: unknown word {unknown[0]!r}; known are {', '.join(sorted(known))}")
    return written


def _words(where: str, entry: Mapping[str, Any], name: str) -> tuple[str, ...]:
    written = entry.get(name)
    if not isinstance(written, list) or not written or not all(isinstance(word, str) for word in written):
        raise CalendarProblem(f"{where}: {name} must be a list of words")
    unknown = [word for word in written if name == "exchanges" and word not in CLASSES_OF_EXCHANGE]
    if unknown:
        raise CalendarProblem(f"{where}: exchange {unknown[0]!r} is unknown")
    return tuple(written)


def _text(where: str, entry: Mapping[str, Any], name: str) -> str:
    written = entry.get(name)
    if not isinstance(written, str) or not written.strip():
        raise CalendarProblem(f"{where}: {name} is missing")
    return written


def _day(where: str, written: object) -> date:
    if type(written) is not date:
        raise CalendarProblem(f"{where}: {written!r} is not a day such as 2026-08-03")
    return written
