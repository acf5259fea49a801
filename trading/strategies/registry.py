"""Finds strategies by name in the packages they live in, and tells one version of their code from another."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import inspect
import pkgutil
import traceback
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from trading.strategies import sources
from trading.strategies.sources import HOME, drop_changed, import_module, sources_behind
from trading.strategies.values import Strategy

StrategyClass = type[Strategy[Any]]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A module of strategies that cannot be had, and why: the file and line, or the name that is taken."""

    module: str
    words: str


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Strategies by name, and the modules of which there are none because they cannot be read."""

    found: dict[str, StrategyClass]
    unreadable: tuple[Unreadable, ...]


def find_strategies(packages: Iterable[str] = ()) -> dict[str, StrategyClass]:
    """Return strategies by name, ours and those in ``packages`` (dotted paths)."""
    return read_catalogue(packages).found


def read_catalogue(packages: Iterable[str] = ()) -> Catalogue:
    """Return the strategies of ours and of ``packages``; a module that is broken takes only its own away.

    A broken one is tried again each time, and what was saved anew is read anew (unless ``keep_loaded``), so that
    neither needs a restart.
    """
    importlib.invalidate_caches()
    drop_changed()
    found: dict[str, StrategyClass] = {}
    unreadable: list[Unreadable] = []
    for path in (path for package in (HOME, *packages) for path in paths_of(package)):
        try:
            for candidate in strategies_in(import_module(path)):
                add_strategy(found, candidate)
            sources_behind([path])  # kept from now on, whatever is saved meanwhile
        except (Exception, SystemExit) as error:  # a script calls sys.exit() when it is done
            unreadable.append(Unreadable(path, failure_words(error)))
    return Catalogue(dict(sorted(found.items())), tuple(unreadable))


def paths_of(package: str) -> Iterator[str]:
    """Yield the package and its modules, as far as they can be seen without importing them."""
    yield package
    try:
        spec = importlib.util.find_spec(package)
    except (Exception, SystemExit):
        return  # the package around it cannot be imported: to import it says why
    folders = spec.submodule_search_locations if spec else None
    for entry in sorted(pkgutil.iter_modules(folders or []), key=lambda entry: entry.name):
        yield f"{package}.{entry.name}"


def add_strategy(found: dict[str, StrategyClass], candidate: StrategyClass) -> None:
    """Take a strategy in. Raises ValueError for a name that is taken, or whatever its parameters raise when drawn."""
    candidate.Parameters.describe()
    other = found.setdefault(candidate.name, candidate)
    if other is not candidate:
        raise ValueError(f"{other.__module__} has a strategy named {candidate.name!r} too")


def failure_words(error: BaseException) -> str:
    """Return what is wrong with a module, and in which file and line, as far as Python knows."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}, line {error.lineno}: {type(error).__name__}: {error.msg}"
    # The first frame is of whoever caught it.
    frames = [frame for frame in traceback.extract_tb(error.__traceback__)[1:] if is_of_the_module(frame.filename)]
    place = f"{frames[-1].filename}, line {frames[-1].lineno}: " if frames else ""
    return f"{place}{type(error).__name__}: {error}"


def is_of_the_module(filename: str) -> bool:
    return not filename.startswith("<frozen") and filename not in (__file__, sources.__file__, importlib.__file__)


def strategies_in(module: ModuleType) -> Iterator[StrategyClass]:
    """Yield the named strategies a module defines, not those it imports."""
    for _, candidate in inspect.getmembers(module, inspect.isclass):
        is_own = candidate.__module__ == module.__name__
        if is_own and issubclass(candidate, Strategy) and candidate.name:
            yield candidate


def code_hash(strategy: StrategyClass) -> str:
    """Return the SHA-256 (hex) over the sources a strategy is made of, as this process loaded them.

    Of a package's own modules, that is; data files beside them, and libraries, are not part of it.
    """
    own = {ancestor.__module__ for ancestor in strategy.__mro__ if issubclass(ancestor, Strategy)}
    digest = hashlib.sha256()
    for name, source in sorted(sources_behind(own).items()):
        digest.update(f"{name}\n{source}\0".encode())
    return digest.hexdigest()
