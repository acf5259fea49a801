"""Ask everything that must be right before trading begins; red ends with exit code 1."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from alphapanda.core.commands import WRONG_INPUT
from alphapanda.core.commands import Command as BaseCommand
from alphapanda.flight import Finding, Level, run_checks
from alphapanda.flight.registry import NAMES

ICONS = {Level.OK: "ok  ", Level.WARN: "WARN", Level.RED: "RED "}
COLOURS = {Level.OK: "SUCCESS", Level.WARN: "WARNING", Level.RED: "ERROR"}


class Command(BaseCommand):
    help = (
        "Check servers, calendar, instruments, logins, feeds, workers, gates and books, and say of each what is found. "
        "Exit codes: 0 nothing is red, 1 something is, 2 wrong input."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--quick", action="store_true", help="leave out what asks workers and the broker")
        parser.add_argument(
            "--only", action="append", default=[], metavar="NAME", help=f"one of: {', '.join(map(slug_of, NAMES))}"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        found = run_checks(quick=options["quick"], only=self._names(options["only"]))
        red = [finding for finding in found if finding.level == Level.RED]
        self.say(findings=[finding.as_dict() for finding in found], red=len(red))
        for finding in found:
            self.say(self._line(finding))
        if red:
            raise CommandError(f"Red: {', '.join(finding.name for finding in red)}.")
        self.say("Fit to fly." if not options["only"] else "")

    def _names(self, asked: list[str]) -> list[str]:
        known = {slug_of(name): name for name in NAMES}
        if unknown := [name for name in asked if slug_of(name) not in known]:
            words = f"There is no check {', '.join(unknown)}. Checks: {', '.join(known)}."
            raise CommandError(words, returncode=WRONG_INPUT)
        return [known[slug_of(name)] for name in asked]

    def _line(self, finding: Finding) -> str:
        icon = getattr(self.style, COLOURS[finding.level])(ICONS[finding.level])
        return f"{icon}  {finding.name:<14} {finding.words}"


def slug_of(name: str) -> str:
    return name.replace(" ", "-").replace("_", "-")
