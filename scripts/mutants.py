"""Plant one wrong change at a time in the money path, and see a test die of it: `make mutants`.

The table is mutants.toml beside this file. A change is planted in the memory of a process that is forked from a warm
one (Django is set up, servers run, tables stand), so that no file is ever touched and one mutant costs seconds: the
function gets the code that its changed source compiles to, and everybody who imported it runs that.

    python -m scripts.mutants [WORD…]     only mutants whose names have one of the words

Exit code: 0 all were killed, 1 some survived, 2 the table is wrong or its tests fail with nothing planted.
"""

import inspect
import os
import re
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

TABLE = Path(__file__).with_name("mutants.toml")
PASSED, FAILED = 0, 1  # pytest's exit codes; every other one is no answer


class CannotPlant(Exception):
    """The table does not fit the code: nothing is known of this mutant."""


@dataclass(frozen=True)
class Mutant:
    """One wrong change: ``where`` is module:function or module:Class.method; ``tests`` are those nearest to it."""

    name: str
    where: str
    before: str
    after: str
    tests: tuple[str, ...]


@dataclass(frozen=True)
class Verdict:
    exit_code: int
    output: str
    seconds: float

    @property
    def killer(self) -> str:
        """The test that died first."""
        found = re.search(r"^(?:FAILED|ERROR) (\S.*?)(?: - |$)", self.output, re.MULTILINE)
        return found[1] if found else ""


def read_table(path: Path = TABLE) -> list[Mutant]:
    rows = tomllib.loads(path.read_text())["mutant"]
    mutants = [Mutant(**{**row, "tests": tuple(row["tests"])}) for row in rows]
    names = [mutant.name for mutant in mutants]
    if doubled := {name for name in names if names.count(name) > 1}:
        raise CannotPlant(f"named twice: {', '.join(sorted(doubled))}")
    return mutants


@contextmanager
def planted(mutant: Mutant) -> Iterator[None]:
    """Let the function be the changed one meanwhile. Raises CannotPlant."""
    function = find_function(mutant.where)
    before = function.__code__
    try:
        function.__code__ = changed_code(function, mutant)
    except ValueError as error:
        raise CannotPlant(f"{mutant.name}: {error}") from error
    try:
        yield
    finally:
        function.__code__ = before


def find_function(where: str) -> FunctionType:
    """Return the function itself, whatever decorates it."""
    module, _, path = where.partition(":")
    found: Any = import_module(module)
    for name in path.split("."):
        try:
            found = inspect.getattr_static(found, name)
        except AttributeError as error:
            raise CannotPlant(f"there is no {where}") from error
    found = found.fget if isinstance(found, property) else getattr(found, "__func__", found)
    found = inspect.unwrap(found)
    if not isinstance(found, FunctionType):
        raise CannotPlant(f"{where} is no function")
    return found


def changed_code(function: FunctionType, mutant: Mutant) -> CodeType:
    """Compile the function's module with the change in it, and return the code of the function."""
    lines, start = inspect.getsourcelines(function)
    source = "".join(lines)
    if (count := source.count(mutant.before)) != 1:
        raise CannotPlant(f"{mutant.name}: {mutant.before!r} is {count} times in {mutant.where}, not once")
    if mutant.before == mutant.after:
        raise CannotPlant(f"{mutant.name} changes nothing")
    file = function.__code__.co_filename
    whole = Path(file).read_text().splitlines(keepends=True)
    whole[start - 1 : start - 1 + len(lines)] = [source.replace(mutant.before, mutant.after)]
    try:
        module = compile("".join(whole), file, "exec", dont_inherit=True)
    except SyntaxError as error:
        raise CannotPlant(f"{mutant.name}: {error}") from error
    [code] = [one for one in _codes_in(module) if one.co_qualname == function.__code__.co_qualname]
    return code


def _codes_in(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from _codes_in(constant)


class WarmTables:
    """A pytest plugin: the tables stand already, in the database this process was given."""

    @staticmethod
    def pytest_configure(config: Any) -> None:
        import pytest

        class Tables:
            @pytest.fixture(scope="session")
            def django_db_setup(self) -> None:
                """Nothing: see ``warm_up``."""

        # Registered last, it wins over pytest-django's fixture of that name.
        config.pluginmanager.register(Tables(), "warm-tables")


def warm_up(mutants: Sequence[Mutant]) -> None:
    """Start the servers, set Django up, make the tables, and import all that every child needs. Raises CannotPlant."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "alphapanda.settings")
    import_module("tests.realservers")
    import django
    from django.db import connection

    django.setup()
    for mutant in mutants:
        with planted(mutant):
            pass
    for plugin in entry_points(group="pytest11"):
        plugin.load()
    import_module("tests.stories.pipeline")
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    connection.close()


def run_tests(tests: Sequence[str], mutant: Mutant | None = None) -> Verdict:
    """Run tests in a fork of this process, on a copy of the warm database, with the mutant planted if there is one."""
    from django.db import connection

    began = time.monotonic()
    connection.creation.clone_test_db("mutant", verbosity=0, autoclobber=True)
    with tempfile.TemporaryFile("w+b") as output:
        if not (child := os.fork()):
            _test_and_end(tests, mutant, output.fileno())
        exit_code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        output.seek(0)
        text = output.read().decode(errors="replace")
    connection.creation.destroy_test_db(suffix="mutant", verbosity=0)
    return Verdict(exit_code, text, time.monotonic() - began)


def _test_and_end(tests: Sequence[str], mutant: Mutant | None, output: int) -> None:
    """In the child: test, then end at once, since the servers are the parent's to stop."""
    exit_code = 70
    try:
        os.dup2(output, 1)
        os.dup2(output, 2)
        import pytest
        from django.db import connection

        connection.settings_dict.update(connection.creation.get_test_db_clone_settings("mutant"))
        arguments = ["-x", "-q", "-rfE", "--timeout=60", "-p", "no:cacheprovider", *tests]
        if mutant is None:
            exit_code = int(pytest.main(arguments, plugins=[WarmTables()]))
        else:
            with planted(mutant):
                exit_code = int(pytest.main(arguments, plugins=[WarmTables()]))
    finally:
        sys.stdout.flush()
        os._exit(exit_code)


def chosen(mutants: Sequence[Mutant], words: Sequence[str]) -> list[Mutant]:
    found = [one for one in mutants if not words or any(word.lower() in one.name.lower() for word in words)]
    if not found:
        raise CannotPlant(f"no mutant has {' or '.join(words)} in its name")
    return found


def main(words: Sequence[str]) -> int:
    try:
        mutants = chosen(read_table(), words)
        warm_up(mutants)
    except CannotPlant as error:
        print(error)
        return 2
    sound = run_tests(sorted({test for mutant in mutants for test in mutant.tests}))
    if sound.exit_code != PASSED:
        print(f"The tests fail with nothing planted:\n{sound.output}")
        return 2
    print(f"{len(mutants)} mutants; their tests pass with nothing planted ({sound.seconds:.0f} s)", flush=True)
    return report([(mutant, _kill(mutant)) for mutant in mutants])


def _kill(mutant: Mutant) -> Verdict:
    verdict = run_tests(mutant.tests, mutant)
    print(f"  {_said(verdict):9} {verdict.seconds:5.1f} s  {mutant.name}  {verdict.killer}", flush=True)
    return verdict


def _said(verdict: Verdict) -> str:
    return {PASSED: "SURVIVED", FAILED: "killed"}.get(verdict.exit_code, "no answer")


def report(verdicts: Sequence[tuple[Mutant, Verdict]]) -> int:
    """Say what was killed, then what gave no answer, then who survived; return the exit code."""
    killed = [mutant for mutant, verdict in verdicts if verdict.exit_code == FAILED]
    unanswered = [(mutant, verdict) for mutant, verdict in verdicts if verdict.exit_code not in (PASSED, FAILED)]
    survivors = [mutant for mutant, verdict in verdicts if verdict.exit_code == PASSED]
    print(f"{len(killed)} of {len(verdicts)} killed in {sum(verdict.seconds for _, verdict in verdicts):.0f} s")
    for mutant, verdict in unanswered:
        print(f"no answer ({verdict.exit_code}): {mutant.name}\n{verdict.output[-2000:]}")
    for mutant in survivors:
        print(f"SURVIVED: {mutant.name}\n  {mutant.where}: {mutant.before!r} → {mutant.after!r}")
    return 1 if survivors else 2 if unanswered else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
