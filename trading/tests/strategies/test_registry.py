"""Strategies are found by name, and their code has a hash."""

import sys

import pytest

from trading.strategies import momentum, sources
from trading.strategies.momentum import Momentum
from trading.strategies.registry import Unreadable, code_hash, find_strategies, read_catalogue
from trading.strategies.values import Strategy


def test_our_strategies_are_found_by_name():
    assert list(find_strategies()) == [
        "mean_reversion",
        "momentum",
        "moving_average_crossover",
        "opening_range_breakout",
    ]


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package of one's own strategies, by the name my_strategies."""
    folder = tmp_path / "my_strategies"
    folder.mkdir()
    (folder / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    yield folder
    for name in [name for name in sys.modules if name.startswith("my_strategies")]:
        del sys.modules[name]


def write(folder, name):
    lines = ["from trading.strategies.momentum import Momentum", "class Own(Momentum):", f"    name = '{name}'"]
    (folder / f"{name}.py").write_text("\n".join(lines))


def test_strategies_of_ones_own_are_found_beside_them(package):
    write(package, "fast")
    assert find_strategies(["my_strategies"])["fast"].title == "Momentum breakout"


def test_of_two_with_one_name_the_later_is_left_out_and_its_neighbours_stay(package):
    write(package, "momentum")
    write(package, "quick")
    catalogue = read_catalogue(["my_strategies"])
    assert catalogue.found["momentum"] is Momentum
    assert "quick" in catalogue.found
    [broken] = catalogue.unreadable
    assert (broken.module, broken.words) == (
        "my_strategies.momentum",
        "ValueError: trading.strategies.momentum has a strategy named 'momentum' too",
    )


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("1 / 0", "line 1: ZeroDivisionError: division by zero"),
        ("\nclass Half(\n", "line 2: SyntaxError: '(' was never closed"),
        ("import sys\nsys.exit(1)", "line 2: SystemExit: 1"),
        ("from my_strategies.helper import nothing", "line 1: ImportError: cannot import name 'nothing'"),
    ],
)
def test_a_broken_module_takes_only_its_own_strategies_away(package, source, words):
    write(package, "fast")
    (package / "helper.py").touch()
    (package / "broken.py").write_text(source)
    catalogue = read_catalogue(["my_strategies"])
    assert "fast" in catalogue.found
    [broken] = catalogue.unreadable
    assert broken.module == "my_strategies.broken"
    assert broken.words.startswith(f"{package / 'broken.py'}, {words}")


def test_a_strategy_whose_parameters_cannot_be_drawn_is_left_out(package):
    write(package, "fast")
    (package / "odd.py").write_text(
        (package / "fast.py").read_text().replace("fast", "odd") + "\n    Parameters = None"
    )
    catalogue = read_catalogue(["my_strategies"])
    assert "fast" in catalogue.found
    assert "AttributeError" in catalogue.unreadable[0].words


def test_a_module_put_right_is_found_without_a_restart(package):
    (package / "fast.py").write_text("class Half(")
    assert "fast" not in find_strategies(["my_strategies"])
    write(package, "fast")
    assert "fast" in find_strategies(["my_strategies"])


def test_a_package_that_is_not_there_says_so_and_ours_are_found():
    catalogue = read_catalogue(["nowhere"])
    assert "momentum" in catalogue.found
    assert catalogue.unreadable == (Unreadable("nowhere", "ModuleNotFoundError: No module named 'nowhere'"),)


def test_a_package_whose_first_file_is_broken_says_so_for_each_of_its_modules(package):
    write(package, "fast")
    (package / "__init__.py").write_text("1 / 0")
    catalogue = read_catalogue(["my_strategies"])
    assert "momentum" in catalogue.found
    assert [one.module for one in catalogue.unreadable] == ["my_strategies", "my_strategies.fast"]


def test_the_hash_is_of_the_code_and_only_the_code():
    assert code_hash(Momentum) == code_hash(Momentum)
    assert len({code_hash(cls) for cls in find_strategies().values()}) == 4


def test_a_change_of_the_code_or_of_its_base_changes_the_hash(package, monkeypatch):
    write(package, "fast")
    own = find_strategies(["my_strategies"])["fast"]
    before = code_hash(own)
    assert before != code_hash(Momentum)
    monkeypatch.setitem(sources._loaded, momentum.__name__, (momentum, sources.loaded_source(momentum.__name__) + "#"))
    assert code_hash(own) != before


@pytest.fixture
def with_helper(package):
    """A strategy that imports another module of its package, in each way there is; and a module it does not import."""
    write(package, "fast")
    (package / "tables").mkdir()
    (package / "tables" / "__init__.py").touch()
    (package / "tables" / "levels.py").write_text("LEVEL = 1\n")
    (package / "helper.py").write_text("from .tables import levels\n\nLEVEL = levels.LEVEL\n")
    (package / "fast.py").write_text("from my_strategies.helper import LEVEL\n" + (package / "fast.py").read_text())
    (package / "other.py").write_text("LEVEL = 3\n")
    return package


@pytest.mark.parametrize(
    ("file", "changes"), [("helper.py", True), ("tables/levels.py", True), ("__init__.py", True), ("other.py", False)]
)
def test_what_a_strategy_imports_of_its_own_package_is_of_its_code(with_helper, file, changes):
    before = code_hash(find_strategies(["my_strategies"])["fast"])
    (with_helper / file).write_text((with_helper / file).read_text() + "LEVEL = 2\n")
    assert (code_hash(find_strategies(["my_strategies"])["fast"]) != before) is changes


def test_what_was_saved_anew_is_read_anew(with_helper):
    assert module_of_fast().LEVEL == 1
    (with_helper / "tables" / "levels.py").write_text("LEVEL = 2\n")
    assert module_of_fast().LEVEL == 2


def test_a_process_that_keeps_its_code_hashes_what_it_has_and_not_the_disk(with_helper, monkeypatch):
    own = find_strategies(["my_strategies"])["fast"]
    before = code_hash(own)
    monkeypatch.setattr(sources, "_is_kept", True)
    (with_helper / "helper.py").write_text("LEVEL = 2\n")
    (with_helper / "fast.py").unlink()
    assert find_strategies(["my_strategies"]).get("fast", own) is own
    assert code_hash(own) == before


def test_a_file_saved_anew_while_it_is_read_is_read_again(package):
    write(package, "fast")
    text = (package / "fast.py").read_text()
    itself = f"import pathlib\npathlib.Path(__file__).write_text({text!r})\n"
    (package / "fast.py").write_text(itself + text)
    [broken] = read_catalogue(["my_strategies"]).unreadable
    assert "was saved anew while it was read" in broken.words
    assert "fast" in find_strategies(["my_strategies"])


def module_of_fast():
    return sys.modules[find_strategies(["my_strategies"])["fast"].__module__]


def test_a_strategy_without_a_name_is_no_strategy():
    assert Strategy not in find_strategies().values()
