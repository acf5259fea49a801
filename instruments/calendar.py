"""Writes calendar files and freeze quantities into rows, leaving alone what people edited by hand."""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import yaml
from django.db import transaction

from alphapanda.core.journal.services import record_event
from instruments.domain.contracts import EXCHANGES
from instruments.domain.timetable import CalendarProblem, SessionRow, Timetable, parse_timetable, session_rows
from instruments.models import FreezeQuantity, TradingSession

DATA = Path(__file__).parent / "data"
OWN_CALENDAR = DATA / "calendar.yaml"
OWN_FREEZE_QUANTITIES = DATA / "freeze_quantities.csv"
LARGEST_FILE = 4 << 20
CONTENT = ("phases", "is_holiday", "name", "source")

Key = tuple[str, str, date]


@dataclass(slots=True)
class CalendarReport:
    """What a load of the calendar did; ``kept`` are sessions edited by hand that the files differ from."""

    first: date | None = None
    last: date | None = None
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    kept: int = 0
    freeze_quantities: int = 0
    kept_days: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def read_timetable(path: Path) -> Timetable:
    """Raises CalendarProblem for anything that is not a calendar, OSError if it cannot be read."""
    if path.stat().st_size > LARGEST_FILE:
        raise CalendarProblem(f"{path.name}: larger than {LARGEST_FILE >> 20} MB")
    try:
        return parse_timetable(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (yaml.YAMLError, UnicodeDecodeError) as unreadable:
        raise CalendarProblem(f"{path.name}: not YAML: {' '.join(str(unreadable).split())}") from unreadable
    except CalendarProblem as problem:
        raise CalendarProblem(f"{path.name}: {problem}") from problem


@transaction.atomic
def load_calendar(files: Sequence[Path] = (), *, years: Sequence[int] = (), overwrite: bool = False) -> CalendarReport:
    """Load the project's calendar, or these files in order, and the freeze quantities; all of it or nothing.

    ``years`` keeps only those. ``overwrite`` replaces also what was edited by hand. Raises CalendarProblem.
    """
    rows = {
        (row.exchange, row.security_class, row.day): row
        for path in files or (OWN_CALENDAR,)
        for row in session_rows(read_timetable(path))
        if not years or row.day.year in years
    }
    if not rows:
        raise CalendarProblem(f"no day of {', '.join(map(str, years))} in {_named(files)}")
    report = CalendarReport(first=min(key[2] for key in rows), last=max(key[2] for key in rows))
    _write_sessions(rows, report, overwrite)
    report.freeze_quantities = _write_freeze_quantities(OWN_FREEZE_QUANTITIES)
    record_event("calendar.loaded", key=str(report.last), payload={"new": report.new, "changed": report.changed})
    return report


def _named(files: Sequence[Path]) -> str:
    return ", ".join(path.name for path in files or (OWN_CALENDAR,))


def _write_sessions(rows: dict[Key, SessionRow], report: CalendarReport, overwrite: bool) -> None:
    standing = _standing(report)
    new, changed = [], []
    for key, row in rows.items():
        session = standing.get(key)
        if session is None:
            new.append(_filled(TradingSession(exchange=key[0], security_class=key[1], day=key[2]), row))
        elif all(getattr(session, name) == getattr(row, name) for name in CONTENT):
            report.unchanged += 1
        elif session.by_hand and not overwrite:
            report.kept_days.append(str(session))
        else:
            changed.append(_filled(session, row))
    TradingSession.objects.bulk_create(new, batch_size=1000)
    TradingSession.objects.bulk_update(changed, [*CONTENT, "by_hand"], batch_size=500)
    report.new, report.changed, report.kept = len(new), len(changed), len(report.kept_days)


def _standing(report: CalendarReport) -> dict[Key, TradingSession]:
    within = TradingSession.objects.filter(day__range=(report.first, report.last))
    return {
        (session.exchange, session.security_class, session.day): session
        for session in within.select_for_update(no_key=True)
    }


def _filled(session: TradingSession, row: SessionRow) -> TradingSession:
    for name in CONTENT:
        setattr(session, name, getattr(row, name))
    session.by_hand = False
    return session


def _write_freeze_quantities(path: Path) -> int:
    """Add the quantities that are not there yet; one that a person edited stays. Returns how many came."""
    with path.open(encoding="utf-8", newline="") as file:
        quantities = [_freeze_quantity(path.name, row) for row in _numbered(csv.DictReader(file))]
    before = FreezeQuantity.objects.count()
    FreezeQuantity.objects.bulk_create(quantities, ignore_conflicts=True)
    return FreezeQuantity.objects.count() - before


def _numbered(rows: Iterable[dict[str, str]]) -> Iterable[tuple[int, dict[str, str]]]:
    return enumerate(rows, start=2)


def _freeze_quantity(name: str, numbered: tuple[int, dict[str, str]]) -> FreezeQuantity:
    number, row = numbered
    try:
        quantity, effective_from = int(row["quantity"]), date.fromisoformat(row["effective_from"])
    except (KeyError, TypeError, ValueError) as wrong:
        raise CalendarProblem(f"{name}, row {number}: {wrong}") from wrong
    if row["exchange"] not in EXCHANGES or quantity <= 0:
        raise CalendarProblem(f"{name}, row {number}: exchange and a quantity above 0 are due")
    return FreezeQuantity(
        exchange=row["exchange"],
        underlying=row["underlying"],
        effective_from=effective_from,
        quantity=quantity,
        source=row["source"],
    )
