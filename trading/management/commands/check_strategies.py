"""Check strategies before they trade: each module alone, its form, its state, its speed and its source."""

import os
from collections import defaultdict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from alphapanda.core.commands import Command as BaseCommand
from alphapanda.core.figures import counted
from trading.strategies.registry import paths_of
from trading.strategies.sources import HOME
from trading.testing.alone import check_alone


class Command(BaseCommand):
    help = (
        "Import each module of strategies alone, show its form, play it through a made-up day as it is, again, and "
        "saved and restored on the way, time its callbacks, and warn of chance, clocks and the world outside in its "
        "source. Needs no database. Exit codes: 0 nothing wrong (there may be warnings), 1 something is."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "packages",
            nargs="*",
            metavar="PACKAGE",
            help="packages or modules, by dotted path (default: ours and STRATEGY_PACKAGES)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        named = options["packages"]
        modules = [path for package in named or (HOME, *settings.STRATEGY_PACKAGES) for path in paths_of(package)]
        limit = settings.STRATEGY_CALLBACK_LIMIT.total_seconds()
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            found = list(pool.map(partial(check_alone, limit=limit), dict.fromkeys(modules)))
        _add_taken_names(found)
        self.say(modules=found)
        for one in found:
            self._say_module(one, limit * 1000)
        self._conclude(found)

    def _say_module(self, one: dict[str, Any], limit: float) -> None:
        for strategy in one["strategies"]:
            self.say(f"{strategy['name']} ({one['module']}): {strategy['title'] or 'without a title'}")
            for row in strategy.get("form", ()):
                self.say(f"  {form_line(row)}")
            if "decided" in strategy:
                decided = ", ".join(f"{count} {kind}" for kind, count in strategy["decided"].items())
                self.say(f"  On a made-up day it decided: {decided or 'nothing'}.")
            self.say(f"  Milliseconds of {limit:.0f} allowed: {times(strategy['milliseconds'])}")
            self._say_findings(strategy, "  ")
        if one["errors"] or one["warnings"]:
            self.say(f"{one['module']}:")
            self._say_findings(one, "  ")

    def _say_findings(self, found: dict[str, Any], indent: str) -> None:
        for words in found["errors"]:
            self.say(f"{indent}WRONG: {words}")
        for words in found["warnings"]:
            self.say(f"{indent}Look at: {words}")

    def _conclude(self, found: list[dict[str, Any]]) -> None:
        strategies = [strategy for one in found for strategy in one["strategies"]]
        wrong, doubtful = (_count([*found, *strategies], kind) for kind in ("errors", "warnings"))
        words = f"{counted(len(strategies), 'strategy', 'strategies')} checked: "
        words += f"{counted(wrong, 'error')}, {counted(doubtful, 'warning')}."
        if wrong:
            raise CommandError(words)
        if not strategies:
            raise CommandError("No strategy is in these modules: a strategy is a class with a name.")
        self.say(words)


def _add_taken_names(found: list[dict[str, Any]]) -> None:
    """Of two strategies with one name the second cannot be had."""
    modules = defaultdict[str, list[str]](list)
    for one in found:
        for strategy in one["strategies"]:
            modules[strategy["name"]].append(one["module"])
            if len(modules[strategy["name"]]) > 1:
                strategy["errors"].append(f"{modules[strategy['name']][0]} has a strategy of this name too")


def _count(found: Iterable[dict[str, Any]], kind: str) -> int:
    return sum(len(one[kind]) for one in found)


def form_line(row: dict[str, Any]) -> str:
    """Return a field of a form in words: "fast: Fast, 9 candles (2 to 199)"."""
    bounds = f" ({row['least']} to {row['most']})" if row["least"] is not None else ""
    choices = f" ({', '.join(map(str, row['choices']))})" if row["choices"] else ""
    return f"{row['name']}: {row['label']}, {row['default']} {row['unit']}".rstrip() + bounds + choices


def times(milliseconds: dict[str, dict[str, float]]) -> str:
    each = (
        f"{occasion} {spent['median']:.2f} (at most {spent['longest']:.2f})" for occasion, spent in milliseconds.items()
    )
    return ", ".join(each) or "not called"
