"""Load the trading calendar and the freeze quantities, from the project's own files or from yours."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from alphapanda.core.commands import REFUSED, WRONG_INPUT
from alphapanda.core.commands import Command as BaseCommand
from alphapanda.core.figures import whole
from instruments.calendar import CalendarReport, load_calendar
from instruments.domain.timetable import CalendarProblem
from instruments.health import calendar_ends_on


class Command(BaseCommand):
    help = (
        "Load trading sessions, by default those that ship with the project (2024 to 2026), and freeze quantities. "
        "Sessions edited by hand stay as they are. Exit codes: 0 loaded, 1 refused, 2 wrong input."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "files", nargs="*", type=Path, metavar="FILE", help="calendar files like data/calendar.yaml"
        )
        parser.add_argument("--year", type=int, action="append", default=[], help="only this year; may be repeated")
        parser.add_argument("--overwrite", action="store_true", help="replace sessions edited by hand too")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            report = load_calendar(options["files"], years=options["year"], overwrite=options["overwrite"])
        except CalendarProblem as problem:
            self.say(refused=True, problems=[str(problem)])
            raise CommandError(f"Refused: {problem}", returncode=REFUSED) from problem
        except OSError as unreadable:
            words = f"{unreadable.filename}: {unreadable.strerror}"
            raise CommandError(words, returncode=WRONG_INPUT) from unreadable
        self._say_result(report)

    def _say_result(self, report: CalendarReport) -> None:
        self.say(f"Calendar from {report.first:%d %b %Y} to {report.last:%d %b %Y}.", **report.as_dict())
        self.say(
            f"{whole(report.new)} sessions new, {whole(report.changed)} changed, {whole(report.unchanged)} unchanged."
        )
        if report.kept:
            self.say(f"{whole(report.kept)} edited by hand were left alone: {', '.join(report.kept_days[:5])}")
        self.say(f"{whole(report.freeze_quantities)} freeze quantities new.")
        ends = calendar_ends_on()
        known = f"until {ends:%d %b %Y}" if ends else "for no day at all yet: some have no session"
        self.say(f"Every exchange and class is known {known}.", known_until=ends)
