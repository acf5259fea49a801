"""Replay one day of candles, or a recording, through the whole product, in lockstep, and print its digest."""

import subprocess
import sys
import tempfile
from datetime import date
from itertools import zip_longest
from pathlib import Path
from typing import Any

import orjson
from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from alphapanda.core.commands import Command as BaseCommand
from alphapanda.runner import practice
from alphapanda.runner.processes import NotReady

MANAGE = Path(__file__).resolve().parents[4] / "manage.py"


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "candles", nargs="+", type=Path, help="files or folders of one-minute candles, or one recording"
        )
        parser.add_argument("--day", required=True, type=date.fromisoformat)
        parser.add_argument(
            "--deployments", type=Path, help="a JSON list of deployments (default: the four strategies)"
        )
        parser.add_argument("--twice", action="store_true", help="replay it twice and compare the digests")
        parser.add_argument("--rows", type=Path, help="write what the digest is taken of: a JSON list a line")
        parser.add_argument(
            "--backtest", action="store_true", help="record it, backtest the recording, and compare line by line"
        )
        parser.add_argument("--longest", type=float, default=1200.0, help="give up after so many seconds")

    def handle(self, *args: Any, **options: Any) -> None:
        for path in options["candles"]:
            if not path.exists():
                raise CommandError(f"there is no {path}", returncode=2)
        if options["rows"] and not options["rows"].parent.is_dir():
            raise CommandError(f"there is no folder {options['rows'].parent}", returncode=2)
        if options["rows"] and options["twice"]:
            raise CommandError("--rows writes one day's rows: give it without --twice", returncode=2)
        if options["twice"]:
            self._twice(options)
        else:
            self._once(options)

    def _once(self, options: dict[str, Any]) -> None:
        from alphapanda.runner.replay import ReplayFailed, ReplayPlan, play_day, read_deployments

        plan = ReplayPlan(
            options["day"],
            options["candles"],
            read_deployments(options["deployments"]),
            options["longest"],
            options["rows"],
            options["backtest"],
        )
        try:
            result = play_day(plan, Path(settings.STATE_DIR), self.say)
        except (ReplayFailed, NotReady) as problem:
            logs = Path(settings.STATE_DIR) / "logs"
            raise CommandError(f"{problem}. {last_lines(logs)}") from problem
        finally:
            practice.stop_everything()
        self._say_result(result)

    def _say_result(self, result: Any) -> None:
        compared = result.compared
        self.say(f"{compared.candles} one-minute candles went in; {len(compared.differences)} came out different.")
        if compared.incomplete:
            self.say(f"{compared.incomplete} were built of a part of their minute only, and not compared.")
        for line in compared.differences[:20]:
            self.say(f"  {line}")
        self.say(", ".join(f"{count} {name}" for name, count in result.counts.items()), **result.counts)
        self.say(
            f"Digest {result.digest} after {result.seconds:.0f} s.",
            digest=result.digest,
            candles=compared.candles,
            incomplete=compared.incomplete,
            differences=compared.differences,
            seconds=round(result.seconds, 1),
        )
        self._say_backtested(result.backtested)
        if compared.differences:
            raise CommandError("The candles built are not those that went in.")

    def _say_backtested(self, backtested: Any) -> None:
        if backtested is None:
            return
        words = "differs" if backtested.differences else "decides and does the same, line by line"
        entries, seconds = backtested.entries, round(backtested.seconds, 1)
        self.say(
            f"A backtest of its {entries} entries {words}; {seconds} s.", entries=entries, backtest_seconds=seconds
        )
        if backtested.differences:
            raise CommandError("Rows and memory differ:\n  " + "\n  ".join(backtested.differences[:20]))

    def _twice(self, options: dict[str, Any]) -> None:
        """Each replay in a process of its own, with servers of its own."""
        command = [sys.executable, str(MANAGE), "replay_day", "--json", "--day", str(options["day"])]
        command += ["--deployments", str(options["deployments"])] if options["deployments"] else []
        command += map(str, options["candles"])
        digests, rows = [], []
        with tempfile.TemporaryDirectory() as folder:
            for nth in ("First", "Second"):
                rows.append(Path(folder) / nth)
                done = subprocess.run([*command, "--rows", str(rows[-1])], capture_output=True, check=False)
                if done.returncode:
                    raise CommandError(f"{nth} replay: {done.stderr.decode()[-2000:]}")
                digests.append(orjson.loads(done.stdout)["digest"])
                self.say(f"{nth}: {digests[-1]}")
            differing = first_difference(*rows)
        self.say("The digests are equal." if differing is None else "", digests=digests)
        if differing is not None:
            raise CommandError("The digests differ, first in:\n  " + "\n  ".join(differing))


def first_difference(one: Path, other: Path) -> tuple[str, str] | None:
    lines = zip_longest(one.read_text().splitlines(), other.read_text().splitlines(), fillvalue="nothing")
    return next((pair for pair in lines if pair[0] != pair[1]), None)


def last_lines(logs: Path, count: int = 5) -> str:
    """The end of each process's log: the scratch folder goes when the command ends."""
    found = []
    for path in sorted(logs.glob("*.log")):
        lines = path.read_text(errors="replace").splitlines()[-count:]
        found += [f"{path.stem}: {line[:500]}" for line in lines]
    return "\n".join(found)
