"""Strategies are found by name, and their code has a hash."""

import sys
import types

import pytest

from trading.strategies import momentum
from trading.strategies.momentum import Momentum
from trading.strategies.registry import StrategyImportError, code_hash, find_strategies
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


def test_two_of_one_name_are_refused_with_both_places(package):
    write(package, "momentum")
    words = "two strategies are named 'momentum': in trading.strategies.momentum and my_strategies.momentum"
    with pytest.raises(StrategyImportError, match=words):
        find_strategies(["my_strategies"])


def test_a_module_that_does_not_import_says_which_and_why(package):
    (package / "broken.py").write_text("1 / 0")
    with pytest.raises(StrategyImportError, match=r"my_strategies\.broken cannot be imported: ZeroDivisionError"):
        find_strategies(["my_strategies"])


def test_a_package_that_is_not_there_says_so():
    with pytest.raises(StrategyImportError, match="nowhere cannot be imported: ModuleNotFoundError"):
        find_strategies(["nowhere"])


def test_the_hash_is_of_the_code_and_only_the_code():
    assert code_hash(Momentum) == code_hash(Momentum)
    assert len({code_hash(cls) for cls in find_strategies().values()}) == 4


def test_a_change_of_the_code_or_of_its_base_changes_the_hash(package, monkeypatch):
    write(package, "fast")
    own = find_strategies(["my_strategies"])["fast"]
    before = code_hash(own)
    assert before != code_hash(Momentum)
    monkeypatch.setattr("trading.strategies.registry.inspect.getsource", changed(momentum))
    assert code_hash(own) != before


def changed(module: types.ModuleType):
    import inspect

    original = inspect.getsource

    def getsource(asked):
        return original(asked) + ("# changed" if asked is module else "")

    return getsource


def test_a_strategy_without_a_name_is_no_strategy():
    assert Strategy not in find_strategies().values()
