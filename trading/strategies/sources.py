"""The source of the strategies this process has loaded, as it was then: what stands on the disk may be another by now.

A file is read when its module is first imported. A strategy is made of its module, those of its bases, and whatever
these import from the same package or from ours, however deep.
"""

import ast
import importlib
import importlib.util
import sys
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from types import ModuleType

HOME = "trading.strategies"
_loaded: dict[str, tuple[ModuleType, str]] = {}
_is_kept = False


def keep_loaded() -> None:
    """Go on with the code this process has, whatever is saved: its runs live in memory, and are of that code."""
    global _is_kept
    _is_kept = True


def import_module(path: str) -> ModuleType:
    """Import a module, and keep its source. Raises ImportError if it was saved anew meanwhile."""
    if path in sys.modules:
        return sys.modules[path]
    before, writes_bytecode = source_on_disk(path), sys.dont_write_bytecode
    # A compiled file is told from a newer source by the second it was saved in.
    sys.dont_write_bytecode = True
    try:
        module = importlib.import_module(path)
    finally:
        sys.dont_write_bytecode = writes_bytecode
    if source_on_disk(path) != before:
        del sys.modules[path]
        raise ImportError(f"{path} was saved anew while it was read; it is read again next time")
    return module


def drop_changed() -> None:
    """Forget the packages of which a file was saved anew, so that they are imported again; ours and kept ones stay."""
    if _is_kept:
        return
    stale = {root_of(name) for name, (module, source) in _loaded.items() if _is_stale(name, module, source)} - {HOME}
    for name in [name for name in _loaded if root_of(name) in stale]:
        sys.modules.pop(name, None)
        del _loaded[name]


def _is_stale(name: str, module: ModuleType, source: str) -> bool:
    return root_of(name) != HOME and sys.modules.get(name) is module and source_on_disk(name) != source


def sources_behind(modules: Iterable[str]) -> dict[str, str]:
    """Return by name the sources, as loaded, of these modules and of all they import from their packages or ours."""
    todo, found = list(modules), dict[str, str]()
    roots = {HOME, *map(root_of, todo)}
    while todo:
        name = todo.pop()
        if name in found or root_of(name) not in roots or name not in sys.modules:
            continue
        found[name] = loaded_source(name)
        is_package = hasattr(sys.modules[name], "__path__")
        todo += imports_of(found[name], name if is_package else name.rpartition(".")[0])
        todo.append(name.rpartition(".")[0])
    return found


def loaded_source(name: str) -> str:
    """Return the source a loaded module had when this process first asked for it: right after it was imported."""
    module = sys.modules[name]
    known = _loaded.get(name)
    if known is None or known[0] is not module:
        known = _loaded[name] = (module, source_on_disk(name))
    return known[1]


def source_on_disk(name: str) -> str:
    """Return what the module's file holds now; empty where there is none."""
    module = sys.modules.get(name)
    spec = importlib.util.find_spec(name) if module is None else None
    file = getattr(module, "__file__", None) or (spec.origin if spec else None)
    return Path(file).read_text(errors="replace") if file and Path(file).is_file() else ""


def root_of(name: str) -> str:
    return HOME if name == HOME or name.startswith(f"{HOME}.") else name.partition(".")[0]


@lru_cache(maxsize=1024)
def imports_of(source: str, package: str) -> tuple[str, ...]:
    """Return the dotted names a module's source imports, and those that may be modules of the packages it imports."""
    return tuple(dict.fromkeys(_imports_of(ast.parse(source), package)))


def _imports_of(tree: ast.AST, package: str) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                base = importlib.util.resolve_name("." * node.level + base, package)
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)
