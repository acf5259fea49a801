"""Load a day's instrument dump, from files or from the broker, and say what changed."""

from argparse import ArgumentParser
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from rich.progress import Progress as Bar

from alphapanda.core.commands import REFUSED, WRONG_INPUT
from alphapanda.core.commands import Command as BaseCommand
from alphapanda.core.figures import whole
from instruments import sync
from instruments.broker_dump import load_from_broker
from instruments.domain.contracts import EXCHANGES
from instruments.dumps import DumpSource, Progress, from_file
from instruments.reports import LoadReport


class Command(BaseCommand):
    help = (
        "Load instruments from CSV files (.csv, .csv.gz; several of one day at once), or, without a file, from the "
        "broker. A dump that fails a sanity rule is refused whole. Exit codes: 0 loaded, 1 refused, 2 wrong input."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("files", nargs="*", type=Path, metavar="FILE")
        parser.add_argument("--exchange", nargs="+", default=[], choices=EXCHANGES, help="only these, and all of these")
        parser.add_argument("--day", type=date.fromisoformat, help="the market day the files are of: 2026-08-17")
        parser.add_argument("--dry-run", action="store_true", help="report what would change, change nothing")
        parser.add_argument(
            "--accept-losses",
            action="store_true",
            help="load although many rows or an index are gone; every other rule is still asked",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["day"] and not options["files"]:
            raise CommandError("--day goes with files; the broker's dump is today's.", returncode=WRONG_INPUT)
        with self.progress() as bar:
            try:
                report = self._load(_shown_on(bar), **options)
            except sync.LoadRefused as refused:
                self._say_refusal(refused)
                raise CommandError("Refused; what stood before still stands.", returncode=REFUSED) from refused
        self._say_result(report, options["dry_run"])

    def _load(self, progress: Progress, **options: Any) -> LoadReport:
        choices = {name: options[name] for name in ("accept_losses", "dry_run")}
        if options["files"]:
            sources = [_source(path) for path in options["files"]]
            return sync.load_dumps(
                sources, day=options["day"], exchanges=options["exchange"], progress=progress, **choices
            )
        return load_from_broker(options["exchange"], progress=progress, **choices)

    def _say_refusal(self, refused: sync.LoadRefused) -> None:
        self.say(refused=True, problems=[str(problem) for problem in refused.problems])
        for problem in refused.problems:
            self.say(str(problem))

    def _say_result(self, report: LoadReport, dry_run: bool) -> None:
        did = "Would load" if dry_run else "Loaded"
        self.say(
            f"{did} {whole(report.rows)} instruments of {report.day:%d %b %Y}.", dry_run=dry_run, **report.as_dict()
        )
        for line in report.lines():
            self.say(line)


def _source(path: Path) -> DumpSource:
    try:
        return from_file(path)
    except OSError as unreadable:
        raise CommandError(f"{path}: {unreadable.strerror}", returncode=WRONG_INPUT) from unreadable


def _shown_on(bar: Bar) -> Progress:
    """Return a callback that shows how far each source has been read."""
    tasks: dict[str, Any] = {}

    def show(name: str, read: int, size: int) -> None:
        if name not in tasks:
            tasks[name] = bar.add_task(name, total=size)
        bar.update(tasks[name], completed=read)

    return show
