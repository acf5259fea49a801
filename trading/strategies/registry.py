"""Finds strategies by name in the packages they live in, and tells one version of their code from another."""

from __future__ import annotations

import hashlib
import importlib
import inspect
import pkgutil
import sys
from collections.abc import Iterable, Iterator
from types import ModuleType
from typing import Any

from trading.strategies.values import Strategy

HOME = "trading.strategies"
# What a strategy's answers also depend on, beside its own module and its bases'.
SHARED = ("trading.strategies.values", "trading.strategies.indicators", "trading.strategies.tracking")

StrategyClass = type[Strategy[Any]]


class StrategyImportError(Exception):
    """A package of strategies cannot be read, or names clash."""


def find_strategies(packages: Iterable[str] = ()) -> dict[str, StrategyClass]:
    """Return strategies by name, ours and those in ``packages`` (dotted paths).

    Raises StrategyImportError, with the module and the reason.
    """
    found: dict[str, StrategyClass] = {}
    for module in (module for package in (HOME, *packages) for module in modules_of(package)):
        for candidate in strategies_in(module):
            other = found.setdefault(candidate.name, candidate)
            if other is not candidate:
                places = f"{other.__module__} and {candidate.__module__}"
                raise StrategyImportError(f"two strategies are named {candidate.name!r}: in {places}")
    return dict(sorted(found.items()))


def modules_of(package: str) -> Iterator[ModuleType]:
    top = import_module(package)
    yield top
    for entry in sorted(pkgutil.iter_modules(getattr(top, "__path__", [])), key=lambda entry: entry.name):
        yield import_module(f"{package}.{entry.name}")


def import_module(path: str) -> ModuleType:
    try:
        return importlib.import_module(path)
    except Exception as error:
        raise StrategyImportError(f"{path} cannot be imported: {type(error).__name__}: {error}") from error


def strategies_in(module: ModuleType) -> Iterator[StrategyClass]:
    """Yield the named strategies a module defines, not those it imports."""
    for _, candidate in inspect.getmembers(module, inspect.isclass):
        is_own = candidate.__module__ == module.__name__
        if is_own and issubclass(candidate, Strategy) and candidate.name:
            yield candidate


def code_hash(strategy: StrategyClass) -> str:
    """Return the SHA-256 (hex) over the sources a strategy is made of: its module, its bases', the shared ones."""
    own = {ancestor.__module__ for ancestor in strategy.__mro__ if issubclass(ancestor, Strategy)}
    digest = hashlib.sha256()
    for name in sorted(own | set(SHARED)):
        digest.update(f"{name}\n{inspect.getsource(sys.modules[name])}\0".encode())
    return digest.hexdigest()
