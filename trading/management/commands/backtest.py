"""Run a strategy over candles or a recording, through the engine that trades: what would it have done?"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from alphapanda.core.commands import WRONG_INPUT
from alphapanda.core.commands import Command as BaseCommand
from market.recording import NotARecording
from trading.errors import NotAllowed
from trading.lab.backtest import Outcome, run_backtest
from trading.lab.candle_columns import BadCandles
from trading.lab.candle_files import candle_files
from trading.lab.candle_layout import propose
from trading.lab.jobs import recording_of
from trading.lab.report import as_json, in_words, stopped_words, write_csv
from trading.lab.request import TEXTS, BacktestRequest, BadRequest
from trading.models.strategies import ENTRY_FROM, ENTRY_UNTIL, FLAT_BY
from trading.run.faults import StrategyFault
from trading.strategies.parameters import BadParameters

WRONG = (BadRequest, BadCandles, BadParameters, NotARecording)


class Command(BaseCommand):
    help = (
        "Backtest a strategy on your own candles (CSV, Parquet) or on a recording of a feed, by the same code that "
        "trades: its host, the gate, exits, the paper exchange, charges by date. "
        "Exit codes: 0 done, 1 not done or stopped by a fault of the strategy, 2 wrong input."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("strategy", help="its name, as in the list of strategies")
        parser.add_argument("--instruments", nargs="+", required=True, metavar="KEY", help="as NSE:INFY")
        parser.add_argument("--from", dest="first", metavar="DAY", help="the first day (default: of the data)")
        parser.add_argument("--to", dest="last", metavar="DAY", help="the last day (default: of the data)")
        parser.add_argument(
            "--candles", nargs="+", type=Path, default=[], metavar="PATH", help="files or folders of one-minute candles"
        )
        parser.add_argument("--recording", nargs="+", default=[], metavar="DAY", help="days recorded here, or files")
        parser.add_argument("--set", nargs="+", default=[], metavar="NAME=VALUE", help="the strategy's parameters")
        parser.add_argument(
            "--answer", nargs="+", default=[], metavar="NAME=VALUE", help="what a file of candles does not say"
        )
        parser.add_argument(
            "--show-candles", action="store_true", help="only show how each file is read, with five rows of it"
        )
        self._add_terms(parser)

    def _add_terms(self, parser: CommandParser) -> None:
        parser.add_argument("--account-capital", dest="capital", default="1000000", metavar="RUPEES")
        parser.add_argument(
            "--account", default="", metavar="NAME", help="whose limits and margins count (default: none)"
        )
        parser.add_argument("--product", default="MIS", choices=["MIS", "CNC", "NRML"])
        parser.add_argument("--sizing", default="capital", choices=["lots", "capital", "risk"])
        parser.add_argument("--size", default="100000", metavar="NUMBER", help="lots, or rupees a position or at risk")
        parser.add_argument("--order-style", default="market", choices=["market", "limit"])
        parser.add_argument("--entry-from", metavar="HH:MM", help=f"default {ENTRY_FROM:%H:%M}, as of a deployment")
        parser.add_argument("--entry-until", metavar="HH:MM", help=f"default {ENTRY_UNTIL:%H:%M}")
        parser.add_argument("--flat-by", metavar="HH:MM", help=f"default {FLAT_BY:%H:%M} for MIS, never for others")
        parser.add_argument("--slippage-ticks", default="1", metavar="NUMBER")
        parser.add_argument("--slippage-bps", default="0", metavar="NUMBER")
        parser.add_argument("--volume-share", default="0.10", metavar="SHARE", help="of a candle's volume, or any")
        parser.add_argument("--csv", type=Path, metavar="FOLDER", help="write trades, equity and months there")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["show_candles"]:
                self._show_candles(options)
                return
            request = self._request(options)
            with self.progress() as bar:
                task = bar.add_task("backtest", total=None)
                outcome = run_backtest(request, lambda day, nth: bar.update(task, advance=1, description=str(day)))
            written = write_csv(outcome, options["csv"]) if options["csv"] else []
        except WRONG as wrong:
            raise CommandError(str(wrong), returncode=WRONG_INPUT) from wrong
        except (NotAllowed, StrategyFault) as refused:
            raise CommandError(str(refused)) from refused
        except OSError as error:
            raise CommandError(
                f"{error.filename or 'a file'}: {error.strerror}; nothing half-written counts"
            ) from error
        self._say(outcome, written)

    def _request(self, options: dict[str, Any]) -> BacktestRequest:
        share = options["volume_share"]
        return BacktestRequest.from_json({name: options[name] for name in ("instruments", *TEXTS)} | {
            "candles": [str(path) for path in options["candles"]],
            "recordings": list(map(_recording, options["recording"])),
            "parameters": _pairs("--set", options["set"]),
            "answers": _pairs("--answer", options["answer"]),
            "volume_share": None if share == "any" else share,
        })  # fmt: skip

    def _show_candles(self, options: dict[str, Any]) -> None:
        shown = []
        for path in candle_files(options["candles"]):
            proposal = propose(path, _pairs("--answer", options["answer"]))
            shown.append({"file": str(path), "layout": proposal.layout.words(), "rows": list(proposal.rows),
                          "questions": [one.words for one in proposal.questions]})  # fmt: skip
            self.say(f"{path.name}: {proposal.layout.words()}")
            for row in proposal.rows:
                self.say(f"  {row}")
            for one in proposal.questions:
                self.say(f"  Not known: {one.words}. Answer with --answer {one.name}={' or '.join(one.choices)}")
        self.say(files=shown)

    def _say(self, outcome: Outcome, written: Iterable[Path]) -> None:
        self.say(**as_json(outcome))
        for line in in_words(outcome):
            self.say(line)
        for path in written:
            self.say(f"Written: {path}")
        if outcome.stopped:
            raise CommandError(f"{stopped_words(outcome.stopped)}.")


def _pairs(option: str, given: list[str]) -> dict[str, str]:
    """Raises CommandError for what is no NAME=VALUE."""
    if odd := [one for one in given if "=" not in one]:
        raise CommandError(f"{option} wants NAME=VALUE, not {odd[0]}", returncode=WRONG_INPUT)
    return dict(one.split("=", 1) for one in given)


def _recording(named: str) -> str:
    """The file of a day recorded here, or the file itself. Raises BadRequest."""
    return named if Path(named).is_file() else recording_of(named)
