"""Checks the strategies of one module, in a process that has read nothing else: ``python -m trading.testing.check``."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import redirect_stdout
from itertools import zip_longest
from pathlib import Path
from typing import Any

from trading.run.callback_guard import CallbackGuard
from trading.run.decisions import Decision
from trading.run.faults import StrategyFault
from trading.strategies.registry import failure_words, strategies_in
from trading.strategies.sources import import_module, sources_behind
from trading.strategies.values import Strategy
from trading.testing.corners import conflict_problems
from trading.testing.outlook_form import has_outlook, outlook_problems
from trading.testing.practice_day import MINUTES, SHARES, Prices, minutes_needed, play_day
from trading.testing.source_warnings import source_warnings
from trading.testing.stop_watch import StopWatch, milliseconds
from trading.testing.vector_form import has_vector_form, vector_problems

JSONObject = dict[str, Any]
RESTORED_EVERY = 25
# A machine under load is slower than this one: a callback that uses so much of its time here is worth a look.
NEAR_THE_LIMIT = 0.2


def check_module(name: str, limit: float) -> JSONObject:
    """Return what is wrong (``errors``) and worth a look (``warnings``) in a module, and its strategies one by one.

    ``limit`` is how long a callback may take, in seconds of CPU time.
    """
    try:
        module = import_module(name)
        found = list(strategies_in(module))
        behind = sources_behind([name])
    except (Exception, SystemExit) as error:  # a script calls sys.exit() when it is done
        return {"module": name, "errors": [failure_words(error)], "warnings": [], "strategies": []}
    warnings = [f"{one.module}, line {one.line}: {one.words}" for one in source_warnings(behind)] if found else []
    strategies = [check_strategy(strategy, limit) for strategy in found]
    return {"module": name, "errors": [], "warnings": warnings, "strategies": strategies}


def check_strategy(strategy: type[Strategy[Any]], limit: float) -> JSONObject:
    """Draw its form and try its corners; play it through a made-up day, as it is, again, and saved and restored on the
    way; hold its vector form, where it has one, against time and callbacks, and its outlook too."""
    found: JSONObject = {"name": strategy.name, "title": strategy.title, "errors": [], "warnings": []}
    if not strategy.title:
        found["warnings"].append("it has no title")
    watches = [StopWatch(CallbackGuard(limit)) for _ in range(3)]
    try:
        found["form"] = strategy.Parameters.describe()
        found["errors"] += conflict_problems(strategy.Parameters)
        _play(strategy, watches, found)
        if has_vector_form(strategy):
            found["errors"] += vector_problems(strategy)
        if has_outlook(strategy):
            found["errors"] += outlook_problems(strategy)
    except StrategyFault as fault:
        found["errors"].append(fault.words)
    except (Exception, SystemExit) as error:
        found["errors"].append(failure_words(error))
    found["milliseconds"] = milliseconds(watches)
    found["warnings"] += _slow(found["milliseconds"], limit)
    return found


def _play(strategy: type[Strategy[Any]], watches: Sequence[StopWatch], found: JSONObject) -> None:
    prices = Prices.made_up(minutes_needed(strategy(strategy.Parameters(), SHARES)))
    run = play_day(strategy, prices, watches[0])
    found["decided"] = dict(sorted(Counter(one.kind for one in run.decisions).items()))
    if words := _difference(run.decisions, play_day(strategy, prices, watches[1]).decisions):
        found["errors"].append(f"played twice, it decides otherwise: {words}")
        return
    restored = play_day(strategy, prices, watches[2], range(0, MINUTES, RESTORED_EVERY))
    if words := _difference(run.decisions, restored.decisions):
        found["errors"].append(f"after restore(save()) it decides otherwise: {words}")
    elif run.host.save()["strategy"] != restored.host.save()["strategy"]:
        found["errors"].append("after restore(save()) it decides the same, but what it saves at the end is another")


def _difference(one: Sequence[Decision], other: Sequence[Decision]) -> str:
    """Return where two series of decisions part, in words; empty if they are the same."""
    for first, second in zip_longest(one, other):
        if first != second:
            return f"{_said(second)} instead of {_said(first)}"
    return ""


def _said(decision: Decision | None) -> str:
    if decision is None:
        return "nothing"
    return f"{decision.kind} {decision.number} in {decision.instrument} ({decision.reason.text})"


def _slow(milliseconds: dict[str, dict[str, float]], limit: float) -> list[str]:
    return [
        f"{occasion} took {spent['longest']:.0f} ms once, of {limit * 1000:.0f} ms allowed"
        for occasion, spent in milliseconds.items()
        if spent["longest"] > limit * 1000 * NEAR_THE_LIMIT
    ]


def main(module: str, limit: str, answer: str) -> None:
    with redirect_stdout(sys.stderr):
        found = check_module(module, float(limit))
    Path(answer).write_text(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
