"""Every module stands in a room, rooms import one way, and a walk through them stays short."""

import ast
import re
import tomllib
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OURS = ("alphapanda", "instruments", "market", "portfolio", "trading", "kitesim")
WALKS = {"A tick to a signal": 12, "A signal to a fill": 10, "Net today": 5}
# Handed over by a name in the settings or by a message, not by an import.
BY_NAME = {"market/consumers.py", "trading/tasks.py", "trading/risk/assessment.py", "trading/orders/execution.py"}
BY_NAME |= {
    "trading/paper/broker.py",
    "trading/paper/exchange.py",
    "trading/orders/fills.py",
    "trading/ticks/commit.py",
}


@cache
def modules() -> dict[str, Path]:
    found = {}
    for app in OURS:
        for path in (ROOT / app).rglob("*.py"):
            if {"tests", "migrations"} & set(path.relative_to(ROOT).parts):
                continue
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            found[name] = path
    return found


@cache
def imports_of(path: Path) -> frozenset[str]:
    """Modules of ours that a file imports when it runs: not those only looked at by the type checker."""
    tree, known = ast.parse(path.read_text()), modules()
    looked_at = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and id(node) not in looked_at:
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                found.add(whole if whole in known else node.module)
    return frozenset(found & known.keys())


def layers() -> list[str]:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    rows = contracts[0]["layers"]
    return [part.strip() for row in rows for part in re.split(r"[|:]", row)]


def test_no_module_of_ours_stands_outside_a_layer():
    known = layers()
    outside = [
        name
        for name in modules()
        if not name.startswith("kitesim")
        and name != "alphapanda"
        and not any(name == layer or name.startswith(f"{layer}.") for layer in known)
    ]
    assert outside == []


def test_no_two_files_import_each_other():
    known = modules()
    circles = {
        tuple(sorted((one, other)))
        for one, path in known.items()
        for other in imports_of(path)
        if one != other and one in imports_of(known[other])
    }
    assert circles == set()


def walk(title: str) -> list[str]:
    text = (ROOT / "docs" / "architecture.md").read_text()
    _, _, after = text.partition(f"\n{title}:\n")
    listed = after.lstrip("\n").partition("\n\n")[0]
    return re.findall(r"^\d+\. \[`([^`]+)`\]", listed, re.MULTILINE)


@pytest.mark.parametrize("title", WALKS)
def test_a_walk_names_files_that_exist_and_stays_short(title):
    files = walk(title)
    assert 0 < len(files) <= WALKS[title]
    assert [name for name in files if not (ROOT / name).is_file()] == []


@pytest.mark.parametrize("title", WALKS)
def test_each_step_of_a_walk_is_reached_from_one_before(title):
    """By an import either way, or by a name where processes hand over."""
    files = walk(title)
    names = {name: ".".join(Path(name).with_suffix("").parts) for name in files}
    unreached = [
        name
        for place, name in enumerate(files[1:], start=1)
        if name not in BY_NAME
        and not any(
            names[name] in imports_of(ROOT / before) or names[before] in imports_of(ROOT / name)
            for before in files[:place]
        )
    ]
    assert unreached == []


def test_a_shipped_strategy_imports_one_module_of_ours():
    for path in [*(ROOT / "trading" / "strategies").glob("*.py"), ROOT / "tests" / "strategies" / "one_lot.py"]:
        if "class" in path.read_text() and re.search(r'^    name = "', path.read_text(), re.MULTILINE):
            assert imports_of(path) == {"trading.strategies.api"}, path.name


def test_what_a_strategy_may_import_is_all_there():
    from trading.strategies import api

    assert [name for name in api.__all__ if not hasattr(api, name)] == []
    assert {"Strategy", "Enter", "Exit", "ChangeStop", "Wait", "Reason", "TrackingStrategy", "rsi"} <= set(api.__all__)


def test_the_pages_read_no_json_of_others():
    """A checkpoint's and an input's JSON are their own room's; the journal's payload is meant to be read."""
    for path in (ROOT / "alphapanda" / "dashboard").rglob("*.py"):
        if "tests" not in path.parts:
            assert not re.search(r"\.memory\b|memory__|\bCheckpoint\b|\.terms\[", path.read_text()), path.name
