"""Asks a strategy's ``conflicts`` about the corners of its form: its own code is to answer, whatever is typed there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from itertools import combinations, product
from typing import Any

from trading.strategies.parameters import CONFLICTS, BadParameters, StrategyParameters, rule_of


def conflict_problems(parameters: type[StrategyParameters]) -> list[str]:
    """Return what is wrong with ``conflicts`` itself, each thing once, in words.

    Every two parameters are tried at their bounds and choices, the others as they are by default.
    """
    found = dict[str, str]()
    for values in _corners(parameters):
        try:
            parameters.from_json(values)
        except BadParameters as bad:
            words = f"conflicts() with {_said(values)}: "
            for wrong in bad.errors.get(CONFLICTS, ()):
                found.setdefault(wrong, words)
    return [f"{where}{words}" for words, where in found.items()]


def _corners(parameters: type[StrategyParameters]) -> Iterator[dict[str, Any]]:
    ends = {entry.name: _ends(rule_of(entry)) for entry in fields(parameters)}
    yield {}
    for one, other in combinations(ends, 2):
        for first, second in product(ends[one], ends[other]):
            yield {one: first, other: second}


def _ends(rule: Any) -> tuple[Any, ...]:
    if rule.kind == "time":
        return ("09:15", "15:30")
    if rule.kind == "yes_no":
        return (True, False)
    return rule.choices or tuple(bound for bound in (rule.least, rule.most) if bound is not None)


def _said(values: dict[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in values.items()) or "all as they are by default"
