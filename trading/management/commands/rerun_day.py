"""Run a market day again from what was kept of it: the same decisions, or which were others."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import date
from typing import Any

from django.core.management.base import CommandError, CommandParser

from alphapanda.core.clock import market_now
from alphapanda.core.commands import WRONG_INPUT
from alphapanda.core.commands import Command as BaseCommand
from alphapanda.core.figures import clock_time, counted, profit
from alphapanda.core.timezone import day_of
from market.kept_stream import NotAKeptStream
from market.models import Shard
from portfolio.models import Account
from trading.errors import NotAllowed
from trading.lab.lockstep_diff import KINDS, SAME, LockstepDiff, lockstep_diff
from trading.run.faults import StrategyFault
from trading.ticks.rerun import Rerun, judge_again, rerun_day

SHOWN = 20


class Command(BaseCommand):
    help = (
        "Run a paper or live day again: every run hears the ticks and what it was told where it heard them, and must "
        "decide the same; each decision of the gate is judged again on the case kept with it. Nothing is written. "
        "Exit codes: 0 all the same, 1 something differs or nothing of the day is kept, 2 wrong input."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--day", type=date.fromisoformat, help="the market day (default: today's)")
        parser.add_argument("--feed", help="of which feed (default: of all)")
        parser.add_argument(
            "--lockstep",
            action="store_true",
            help="also compare each paper account with what lockstep would have made of the same ticks",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        day = options["day"] or day_of(market_now())
        shards = Shard.objects.select_related("feed").order_by("feed__name", "number")
        if options["feed"]:
            shards = shards.filter(feed__name=options["feed"])
        if not shards:
            raise CommandError("there is no such feed, or it has never run", returncode=WRONG_INPUT)
        try:
            found = [rerun_day(shard, day) for shard in shards]
            judged, unlike = judge_again(day)
            diffs = [one for shard in shards for one in _diffs(shard, day)] if options["lockstep"] else []
        except (NotAllowed, NotAKeptStream, StrategyFault, OSError) as refused:
            raise CommandError(str(refused)) from refused
        self.say(shards=[asdict(one) | {"begins": str(one.begins), "ends": str(one.ends)} for one in found])
        self.say(judged=judged, judged_otherwise=unlike)
        if options["lockstep"]:
            self.say(lockstep=[asdict(diff) for diff in diffs])
        for one in found:
            self._say(one)
        self.say(f"{counted(judged, 'decision')} of the gate judged again, {len(unlike) or 'none'} otherwise.")
        self._say_differences(unlike)
        for diff in diffs:
            self._say_diff(diff)
        if different := len(unlike) + sum(len(one.differences) for one in found):
            raise CommandError(f"{counted(different, 'difference')}.")

    def _say(self, one: Rerun) -> None:
        decided = ", ".join(f"{times} {kind.replace('_', ' ')}" for kind, times in sorted(one.decided.items()))
        self.say(
            f"{one.shard}, {one.day}: {counted(one.entries, 'entry', 'entries')} after {one.begins} up to {one.ends}, "
            f"{counted(one.runs, 'run')} again: {decided or 'nothing decided'}."
        )
        for words in one.notes:
            self.say(f"  Note: {words}.")
        self._say_differences(one.differences)
        if not one.differences:
            self.say("  All the same.")

    def _say_differences(self, differences: list[str]) -> None:
        for words in differences[:SHOWN]:
            self.say(f"  OTHERWISE: {words}")
        if len(differences) > SHOWN:
            self.say(f"  … and {len(differences) - SHOWN} more (--json has all).")

    def _say_diff(self, diff: LockstepDiff) -> None:
        parts = [(kind, *diff.share(kind)) for kind in KINDS]
        told = ", ".join(
            f"{count} {kind}" + (f" ({profit(rupees)})" if rupees is not None and kind != SAME else "")
            for kind, count, rupees in parts
            if count
        )
        self.say(f"{diff.account} beside its lockstep: {counted(len(diff.lines), 'decision')}, {told or 'none'}.")
        self.say(
            f"  Before charges, what is held at its last price: paper {profit(diff.paper)}, "
            f"lockstep {profit(diff.lockstep)}."
        )
        for words in diff.notes:
            self.say(f"  Note: {words}.")
        apart = [line for line in diff.lines if line.kind != SAME]
        for line in apart[:SHOWN]:
            at, run, kind, instrument, side = line.decided
            self.say(f"  {clock_time(at)} {run}, {kind} {side} {instrument}, {line.kind}: {line.words}")
        if len(apart) > SHOWN:
            self.say(f"  … and {len(apart) - SHOWN} more (--json has all).")


def _diffs(shard: Shard, day: date) -> Iterator[LockstepDiff]:
    accounts = Account.objects.filter(mode="paper", deployments__shard=shard).distinct().order_by("name")
    yield from (lockstep_diff(shard, account, day) for account in accounts)
