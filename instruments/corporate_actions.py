"""Reads splits and bonus issues from a file into dated rows."""

import csv
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from alphapanda.core.journal.services import record_event
from instruments.models import CorporateAction, Instrument

REQUIRED = ("kind", "exchange", "tradingsymbol", "ex_date", "held", "becomes", "source")
COLUMNS = (*REQUIRED, "credited_on")
LARGEST_FILE = 1 << 20
TERMS = ("held", "becomes", "credited_on", "source")


class BadActions(Exception):
    """The file is refused whole; ``problems`` say why, with the row as a spreadsheet counts it."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems[:3]))
        self.problems = problems


@dataclass(slots=True)
class ActionsReport:
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    actions: list[str] = field(default_factory=list)


@transaction.atomic
def load_corporate_actions(path: Path) -> ActionsReport:
    """Add the actions of a CSV file and change those that stand; all of it or nothing.

    Columns: kind (split or bonus), exchange, tradingsymbol, ex_date, held, becomes (5 for 1 in a split from ₹10 to
    ₹2; 2 for 1 in a bonus of 1:1), credited_on (empty: not yet), source. Raises BadActions, and OSError where the
    file cannot be read.
    """
    report, problems = ActionsReport(), []
    for number, row in enumerate(_rows(path), start=2):
        try:
            _load_action(row, report)
        except ValidationError as wrong:
            problems += [f"{path.name}, row {number}: {words}" for words in wrong.messages]
    if problems:
        raise BadActions(problems)
    record_event("corporate_actions.loaded", key=path.name, payload={"new": report.new, "changed": report.changed})
    return report


def _rows(path: Path) -> list[dict[str, str]]:
    if path.stat().st_size > LARGEST_FILE:
        raise BadActions([f"{path.name}: larger than {LARGEST_FILE >> 20} MB"])
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            lacking = [column for column in REQUIRED if column not in (reader.fieldnames or ())]
            if lacking:
                raise BadActions([f"{path.name}: without the column {', '.join(lacking)}"])
            return list(reader)
    except (UnicodeDecodeError, csv.Error) as unreadable:
        raise BadActions([f"{path.name}: not a CSV file: {unreadable}"]) from unreadable


def _load_action(row: dict[str, str], report: ActionsReport) -> None:
    told = _told(row)
    action = CorporateAction.objects.filter(
        instrument=told["instrument"], kind=told["kind"], ex_date=told["ex_date"]
    ).first()
    before = {name: getattr(action, name) for name in TERMS} if action else None
    action = action or CorporateAction()
    for name, value in told.items():
        setattr(action, name, value)
    if before == {name: getattr(action, name) for name in TERMS}:
        report.unchanged += 1
        return
    action.full_clean()
    action.save()
    report.new, report.changed = report.new + (before is None), report.changed + (before is not None)
    report.actions.append(str(action))


def _told(row: dict[str, str]) -> dict[str, Any]:
    """Return a row's values. Raises ValidationError, naming what is wrong with it."""
    text = {name: (row.get(name) or "").strip() for name in COLUMNS}
    if empty := [name for name in REQUIRED if not text[name]]:
        raise ValidationError(f"{', '.join(empty)} is empty")
    key = f"{text['exchange']}:{text['tradingsymbol']}"
    try:
        return {
            "kind": text["kind"],
            "instrument": Instrument.objects.by_key(key),
            "ex_date": date.fromisoformat(text["ex_date"]),
            "held": int(text["held"]),
            "becomes": int(text["becomes"]),
            "credited_on": date.fromisoformat(text["credited_on"]) if text["credited_on"] else None,
            "source": text["source"],
        }
    except Instrument.DoesNotExist:
        raise ValidationError(f"there is no instrument {key}") from None
    except ValueError as wrong:
        raise ValidationError(str(wrong)) from wrong
