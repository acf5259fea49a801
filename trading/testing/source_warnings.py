"""Reads a strategy's source for what makes it decide otherwise the next time: chance, clocks, the world outside. Pure.

What is seen are uses by name; what hides behind a call of something else is not.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

PUBLIC = "trading.strategies.api"
OURS = ("alphapanda", "instruments", "market", "portfolio", "trading", "kitesim")

CHANCE = "is chance: a rebuild or a backtest would decide otherwise"
CLOCK = "is a clock: ask ctx.now, the market's time"
OUTSIDE = "reaches outside: it waits for others, and a rebuild finds something else there"
INTERNAL = f"is internal and may change: only {PUBLIC} is public"

# A use of the name, or of anything in it, is meant; a name that ends with "_" is the beginning of one.
MEANINGS: dict[str, tuple[str, ...]] = {
    CHANCE: ("random", "secrets", "uuid", "os.urandom", "numpy.random"),
    CLOCK: (
        "time",
        "datetime.datetime.now",
        "datetime.datetime.utcnow",
        "datetime.datetime.today",
        "datetime.date.today",
        "pandas.Timestamp.now",
        "pandas.Timestamp.today",
    ),
    OUTSIDE: (
        *("open", "input", "print", "io", "os", "pathlib", "shutil", "tempfile", "logging", "sqlite3", "mmap"),
        *("socket", "ssl", "http", "urllib", "urllib3", "requests", "httpx", "aiohttp", "websockets", "websocket"),
        *("subprocess", "multiprocessing", "threading", "concurrent", "asyncio", "signal"),
        *("django", "celery", "redis", "psycopg", "psycopg2", "sqlalchemy", "kiteconnect"),
        *("pandas.read_", "numpy.load", "numpy.save", "polars.read_", "polars.scan_"),
    ),
}
BUILT_IN = ("open", "input", "print")
MEANING_OF = tuple((name, words) for words, names in MEANINGS.items() for name in names)


@dataclass(frozen=True, slots=True, order=True)
class SourceWarning:
    """What stands in a line, and what is wrong with it; ``module`` is a dotted name."""

    module: str
    line: int
    words: str


def source_warnings(sources: Mapping[str, str]) -> list[SourceWarning]:
    """Return what a person should look at, of sources by module; one that is no Python has none."""
    found = set[SourceWarning]()
    for module, source in sources.items():
        try:
            tree = ast.parse(source)
        except SyntaxError:
            continue
        found |= {SourceWarning(module, line, words) for line, words in _uses(tree, module)}
    return sorted(found)


def _uses(tree: ast.Module, module: str) -> Iterator[tuple[int, str]]:
    names = dict(_imported(tree)) | _called_built_ins(tree)
    inner = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute) and id(node) not in inner:
            dotted = _dotted(node, names)
            if meaning := _meaning(dotted):
                yield node.lineno, f"{dotted} {meaning}"
        elif isinstance(node, ast.Import | ast.ImportFrom) and not module.startswith("trading.strategies"):
            yield from _internal(node, module)


def _imported(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield each imported name and what it stands for; what a star brings in is not known by name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield (alias.asname, alias.name) if alias.asname else (alias.name.split(".")[0],) * 2
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield from ((alias.asname or alias.name, f"{node.module}.{alias.name}") for alias in node.names)


def _called_built_ins(tree: ast.Module) -> dict[str, str]:
    """Return what of Python's own is called; a field may be named ``open`` too."""
    called = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    return {name: name for name in BUILT_IN if name in called}


def _dotted(node: ast.expr, names: Mapping[str, str]) -> str:
    """Return what an expression names, by where it was imported from; a local variable is nothing."""
    if isinstance(node, ast.Attribute):
        base = _dotted(node.value, names)
        return f"{base}.{node.attr}" if base else ""
    if isinstance(node, ast.Name):
        return names.get(node.id, "")
    return ""


def _meaning(dotted: str) -> str:
    for name, words in MEANING_OF:
        if dotted == name or dotted.startswith(name if name.endswith("_") else f"{name}."):
            return words
    return ""


def _internal(node: ast.Import | ast.ImportFrom, module: str) -> Iterator[tuple[int, str]]:
    if isinstance(node, ast.Import):
        imported = [alias.name for alias in node.names]
    else:
        imported = [] if node.level else [node.module or ""]
    for name in imported:
        is_ours = name.split(".")[0] in OURS and name.split(".")[0] != module.split(".")[0]
        if is_ours and name != PUBLIC:
            yield node.lineno, f"{name} {INTERNAL}"
