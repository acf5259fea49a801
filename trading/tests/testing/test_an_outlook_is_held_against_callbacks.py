"""An outlook that does not foresee what callbacks answer is named with the moment; so is a memory of another kind."""

import numpy as np
import pytest

from trading.strategies.registry import find_strategies
from trading.testing import outlook_problems
from trading.testing.check import check_strategy
from trading.tests.lab.test_a_sleeper_misses_nothing import CASES, PLAYS

SHIPPED = tuple(PLAYS)


class Blind:
    """An outlook that foresees nothing, of what is held or where nothing is."""

    def __init__(self, outlook, held):
        self.outlook, self.held = outlook, held

    def may_act(self, held, ahead):
        acts = self.outlook.may_act(held, ahead)
        return np.zeros_like(acts) if (held is not None) is self.held else acts


def blinded(name, *, held):
    def outlook(self, ctx, key, moments):
        return Blind(shipped.outlook(self, ctx, key, moments), held)

    shipped = find_strategies()[name]
    return type("Blinded", (shipped,), {"outlook": outlook})


@pytest.mark.parametrize(("name", "changes"), CASES)
def test_the_shipped_strategies_foresee_all_they_answer(name, changes):
    assert outlook_problems(find_strategies()[name], changes) == []


@pytest.mark.parametrize("name", SHIPPED)
def test_an_entry_that_is_not_foreseen_is_named(name):
    [words] = outlook_problems(blinded(name, held=False), PLAYS[name][1])
    assert "it wants to enter, which its outlook has not foreseen" in words


@pytest.mark.parametrize(("name", "kind"), [("mean_reversion", "exit"), ("momentum", "change_stop")])
def test_so_is_what_is_done_with_what_is_held(name, kind):
    [words] = outlook_problems(blinded(name, held=True), PLAYS[name][1])
    assert f"it wants to {kind}, which" in words


def test_a_memory_that_learn_all_leaves_otherwise_is_named_by_its_day():
    forgets = type("Forgets", (find_strategies()["mean_reversion"],), {"learn_all": lambda self, ctx, past: None})
    assert "learn_all() leaves something else" in outlook_problems(forgets)[-1]


def test_check_strategies_says_it_too():
    errors = check_strategy(blinded("moving_average_crossover", held=False), limit=5.0)["errors"]
    assert any("has not foreseen" in words for words in errors)
