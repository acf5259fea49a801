"""What every command has: --json, words or one JSON object, stable exit codes (0 done, 1 refused, 2 wrong input)."""

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

import orjson
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError, connection
from rich.console import Console
from rich.progress import Progress

REFUSED = 1
WRONG_INPUT = 2


def run_quietly(name: str, *arguments: str) -> None:
    """Run another command without its words. Its errors are raised as ever."""
    call_command(name, *arguments, verbosity=0, stdout=io.StringIO())


def no_database(error: Exception) -> str:
    """Say in one sentence that there is no database, and where it was looked for."""
    where = connection.settings_dict
    reason = str(error).strip().splitlines()[-1].strip()
    place = f"{where['HOST']}{':' if where['PORT'] else ''}{where['PORT']}"
    return (
        f"No database answers at {place} ({reason}). Start it, or the demo, or say with DATABASE_URL where another is."
    )


class Command(BaseCommand):
    """Subclasses call ``say`` for people and add data for ``--json``; ``CommandError`` ends with exit code 1."""

    requires_system_checks: list[str] = []

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        parser.add_argument(
            "--json", action="store_true", dest="as_json", help="print one JSON object instead of words"
        )
        return parser

    def execute(self, *args: Any, **options: Any) -> str | None:
        self._as_json: bool = options.get("as_json", False)
        self._data: dict[str, Any] = {}
        try:
            return super().execute(*args, **options)
        except OperationalError as error:
            if getattr(error.__cause__, "sqlstate", None):
                raise  # the server did answer
            raise CommandError(no_database(error)) from error
        finally:
            if self._as_json and self._data:
                self.stdout.write(orjson.dumps(self._data, default=str, option=orjson.OPT_INDENT_2).decode())

    def say(self, text: str = "", **data: Any) -> None:
        self._data.update(data)
        if text and not self._as_json:
            self.stdout.write(text)

    @contextmanager
    def progress(self) -> Iterator[Progress]:
        """A progress bar on standard error, shown only where somebody watches."""
        stream: TextIO = sys.stderr
        with Progress(console=Console(file=stream), disable=self._as_json or not stream.isatty()) as bar:
            yield bar
