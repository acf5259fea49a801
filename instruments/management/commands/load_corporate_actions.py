"""Load splits and bonus issues from a CSV file."""

from argparse import ArgumentParser
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from alphapanda.core.commands import REFUSED, WRONG_INPUT
from alphapanda.core.commands import Command as BaseCommand
from instruments.corporate_actions import COLUMNS, BadActions, load_corporate_actions


class Command(BaseCommand):
    help = (
        f"Load splits and bonus issues from a CSV file with the columns {', '.join(COLUMNS)}. "
        "Exit codes: 0 loaded, 1 refused, 2 wrong input."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            report = load_corporate_actions(options["file"])
        except BadActions as bad:
            self.say(refused=True, problems=bad.problems)
            raise CommandError(f"Refused: {bad}", returncode=REFUSED) from bad
        except OSError as unreadable:
            words = f"{unreadable.filename}: {unreadable.strerror}"
            raise CommandError(words, returncode=WRONG_INPUT) from unreadable
        self.say(f"{report.new} new, {report.changed} changed, {report.unchanged} unchanged.", **asdict(report))
        for action in report.actions:
            self.say(f"  {action}")
