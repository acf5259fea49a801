"""Typed parameters of a strategy: they check themselves in words, and describe the form that edits them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import Field, dataclass, field, fields
from datetime import time
from decimal import Decimal, InvalidOperation
from typing import Any, Self

RULE = "rule"
CONFLICTS = "conflicts"


class BadParameters(ValueError):
    """Says what is wrong with each parameter: ``errors`` maps a name to sentences."""

    def __init__(self, errors: Mapping[str, list[str]]) -> None:
        self.errors = dict(errors)
        super().__init__("; ".join(f"{name}: {words}" for name, found in errors.items() for words in found))


@dataclass(frozen=True, slots=True)
class Rule:
    """What a parameter may be, and how to name it."""

    kind: str
    label: str
    unit: str = ""
    help: str = ""
    least: int | Decimal | None = None
    most: int | Decimal | None = None
    choices: tuple[Any, ...] = ()
    when: tuple[str, str] | None = None  # the choice, by name and value, without which it says nothing

    def check(self, value: Any) -> Iterable[str]:
        if self.choices and value not in self.choices:
            yield f"{value} is not one of {', '.join(map(str, self.choices))}"
        if self.least is not None and value < self.least:
            yield f"{value} is below the least allowed, {self.least}"
        if self.most is not None and value > self.most:
            yield f"{value} is above the most allowed, {self.most}"


When = tuple[str, str] | None


def whole(default: int, *, label: str, least: int, most: int, unit: str = "", help: str = "", when: When = None) -> Any:
    return field(default=default, metadata={RULE: Rule("whole", label, unit, help, least, most, when=when)})


def number(
    default: str, *, label: str, least: str, most: str, unit: str = "", help: str = "", when: When = None
) -> Any:
    """A decimal parameter; written as text so that 0.1 is exactly 0.1."""
    rule = Rule("number", label, unit, help, Decimal(least), Decimal(most), when=when)
    return field(default=Decimal(default), metadata={RULE: rule})


def one_of(default: Any, choices: tuple[Any, ...], *, label: str, unit: str = "", help: str = "") -> Any:
    """A choice among texts or among whole numbers."""
    return field(default=default, metadata={RULE: Rule("choice", label, unit, help, choices=choices)})


def yes_no(default: bool, *, label: str, help: str = "") -> Any:
    return field(default=default, metadata={RULE: Rule("yes_no", label, "", help)})


def clock_time(default: str, *, label: str, help: str = "") -> Any:
    """A time of day in Asia/Kolkata, "14:30"."""
    return field(default=time.fromisoformat(default), metadata={RULE: Rule("time", label, "IST", help)})


def read_whole(value: Any, rule: Rule) -> int:
    if isinstance(value, bool) or (isinstance(value, float) and not value.is_integer()):
        raise ValueError(f"{value} is not a whole number")
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{value!r} is not a whole number") from None


def read_number(value: Any, rule: Rule) -> Decimal:
    try:
        parsed = Decimal(str(value))
    except InvalidOperation:
        raise ValueError(f"{value!r} is not a number") from None
    if isinstance(value, bool) or not parsed.is_finite():
        raise ValueError(f"{value!r} is not a number")
    return parsed


def read_yes_no(value: Any, rule: Rule) -> bool:
    known = {"true": True, "on": True, "yes": True, "false": False, "off": False, "no": False}
    answer = value if isinstance(value, bool) else known.get(str(value).lower())
    if answer is None:
        raise ValueError(f"{value!r} is neither yes nor no")
    return answer


def read_choice(value: Any, rule: Rule) -> Any:
    # A form sends "5" where the choice is 5.
    return next((choice for choice in rule.choices if str(choice) == str(value)), value)


def read_time(value: Any, rule: Rule) -> time:
    try:
        parsed = value if isinstance(value, time) else time.fromisoformat(str(value))
    except ValueError:
        raise ValueError(f"{value!r} is not a time of day such as 14:30") from None
    if parsed.tzinfo is not None:
        raise ValueError(f"{value!r} names a time zone; times are India's")
    return parsed


READERS: dict[str, Callable[[Any, Rule], Any]] = {
    "whole": read_whole,
    "number": read_number,
    "yes_no": read_yes_no,
    "choice": read_choice,
    "time": read_time,
}


def as_json(value: Any) -> Any:
    """Decimals and times as text, the rest as it is."""
    if isinstance(value, time):
        return value.isoformat("minutes" if not value.second else "seconds")
    return str(value) if isinstance(value, Decimal) else value


def _is_conflict(found: Any, known: Collection[str]) -> bool:
    is_pair = isinstance(found, tuple) and len(found) == 2 and all(isinstance(part, str) for part in found)
    return is_pair and found[0] in known


def rule_of(entry: Field[Any]) -> Rule:
    rule: Rule = entry.metadata[RULE]
    return rule


@dataclass(frozen=True)
class StrategyParameters:
    """Base of every strategy's parameters; an instance that exists is valid."""

    def __post_init__(self) -> None:
        errors: dict[str, list[str]] = {}
        for entry in fields(self):
            found = self._read(entry)
            if found:
                errors[entry.name] = found
        if not errors:
            for name, words in self._found_conflicts():
                errors.setdefault(name, []).append(words)
        if errors:
            raise BadParameters(errors)

    def _read(self, entry: Field[Any]) -> list[str]:
        rule = rule_of(entry)
        try:
            value = READERS[rule.kind](getattr(self, entry.name), rule)
        except ValueError as wrong:
            return [str(wrong)]
        object.__setattr__(self, entry.name, value)
        return list(rule.check(value))

    def conflicts(self) -> Iterable[tuple[str, str]]:
        """Yield (name, words) for values that are fine alone and wrong together."""
        return ()

    def _found_conflicts(self) -> Iterator[tuple[str, str]]:
        """Yield what ``conflicts`` does, under ``conflicts`` what is wrong with itself: it is an author's code."""
        known = {entry.name for entry in fields(self)}
        try:
            for found in self.conflicts():
                if _is_conflict(found, known):
                    yield found
                else:
                    yield CONFLICTS, f"its code yields {found!r}, not a parameter's name and words"
        except Exception as error:
            yield CONFLICTS, f"its code raised {type(error).__name__}: {error}"

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Return the parameters; what is left out keeps its default.

        Raises BadParameters with every error found, unknown names among them.
        """
        known = {entry.name for entry in fields(cls)}
        errors = {str(name): ["there is no such parameter"] for name in values if name not in known}
        given = {name: value for name, value in values.items() if name in known}
        try:
            parameters = cls(**given)
        except BadParameters as wrong:
            raise BadParameters(errors | wrong.errors) from None
        if errors:
            raise BadParameters(errors)
        return parameters

    def to_json(self) -> dict[str, Any]:
        return {entry.name: as_json(getattr(self, entry.name)) for entry in fields(self)}

    @classmethod
    def describe(cls) -> list[dict[str, Any]]:
        """Return what a form needs of each parameter, the strategy's own before the shared ones."""
        own = inspect.get_annotations(cls)
        ordered = sorted(fields(cls), key=lambda entry: entry.name not in own)
        return [describe_field(entry) for entry in ordered]


def describe_field(entry: Field[Any]) -> dict[str, Any]:
    rule = rule_of(entry)
    return {
        "name": entry.name,
        "kind": rule.kind,
        "label": rule.label,
        "unit": rule.unit,
        "help": rule.help,
        "default": as_json(entry.default),
        "least": as_json(rule.least),
        "most": as_json(rule.most),
        "choices": list(rule.choices),
        "when": list(rule.when) if rule.when else None,
    }
