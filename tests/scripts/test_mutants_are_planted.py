"""`make mutants`: a change is planted in one function, exactly once, and is gone afterwards; no file is touched."""

import os
from dataclasses import replace

import pytest

from scripts import mutants
from scripts.mutants import CannotPlant, Mutant, Verdict, planted, read_table, report
from trading.orders.closable import Holding
from trading.orders.rate_budget import KITE_BUDGET, RateBudget

ROOM = Mutant(
    name="exits keep no share of the rate",
    where="trading.orders.rate_budget:RateBudget.room",
    before="limit.most - limit.reserve",
    after="limit.most",
    tests=("trading/tests/orders/test_the_brokers_rate_is_kept.py",),
)
TABLE = """
[[mutant]]
name = "one"
where = "trading.orders.rate_budget:RateBudget.room"
before = "limit.most - limit.reserve"
after = "limit.most"
tests = ["a.py"]
"""


def test_a_change_holds_while_it_is_planted_and_not_afterwards():
    with planted(ROOM):
        assert KITE_BUDGET.room("second", is_exit=False) == 10
    assert KITE_BUDGET.room("second", is_exit=False) == 8


def test_a_change_is_taken_back_when_its_test_fails():
    with pytest.raises(ZeroDivisionError), planted(ROOM):
        raise ZeroDivisionError
    assert KITE_BUDGET.room("second", is_exit=False) == 8


def test_everybody_who_imported_the_function_runs_the_change():
    room = RateBudget.room
    with planted(ROOM):
        assert room(KITE_BUDGET, "second", is_exit=False) == 10


def test_the_function_is_found_under_its_decorators():
    shrunk = Mutant("shrunk", "trading.orders.transitions:move_order", "advance_state(before, to)", "before", ())
    held = Mutant("held", "trading.models.orders:Order.unfilled_quantity", "max(0,", "max(1,", ())
    read = Mutant("read", "market.stream:StreamPosition.parse", "int(epoch)", "0", ())
    for mutant in (shrunk, held, read):
        with planted(mutant):
            pass


def test_nothing_is_written():
    source = mutants.find_function(ROOM.where).__code__.co_filename
    before = os.stat(source).st_mtime_ns
    with planted(ROOM):
        assert os.stat(source).st_mtime_ns == before


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"before": "limit.least"}, r"is 0 times in trading\.orders\.rate_budget:RateBudget\.room, not once"),
        ({"before": "limit.most"}, r"is 2 times"),
        ({"after": ROOM.before}, r"changes nothing"),
        ({"after": "limit.most -"}, r"invalid syntax"),
        ({"where": "trading.orders.rate_budget:RateBudget.rooms"}, r"there is no"),
        ({"where": "trading.orders.rate_budget:KITE_BUDGET"}, r"is no function"),
    ],
)
def test_what_does_not_fit_the_code_is_an_error(wrong, words):
    with pytest.raises(CannotPlant, match=words), planted(replace(ROOM, **wrong)):
        pass
    assert KITE_BUDGET.room("second", is_exit=False) == 8


def test_the_same_text_in_another_function_is_nobodys_business():
    closes = Mutant("closes", "trading.orders.closable:Holding.closes", "max(0, d * self.held)", "self.held", ())
    with planted(closes):
        assert Holding("A", -10).closes(1) == -10
    assert Holding("A", -10).closes(1) == 0


def test_two_mutants_of_one_name_are_an_error(tmp_path):
    table = tmp_path / "mutants.toml"
    table.write_text(TABLE * 2)
    with pytest.raises(CannotPlant, match=r"named twice: one"):
        read_table(table)


def test_words_choose_and_a_word_that_is_nowhere_is_an_error():
    others = [ROOM, replace(ROOM, name="a limit takes any price")]
    assert mutants.chosen(others, []) == others
    assert mutants.chosen(others, ["SHARE"]) == [ROOM]
    with pytest.raises(CannotPlant, match=r"no mutant has nowhere in its name"):
        mutants.chosen(others, ["nowhere"])


def test_a_verdict_names_the_test_that_died():
    output = "F\nERROR    trading.orders:attempts.py:43 logged\nFAILED a.py::test[two words] - assert 1\n1 failed"
    assert Verdict(1, output, 1.0).killer == "a.py::test[two words]"
    assert Verdict(0, "1 passed", 1.0).killer == ""


def test_every_row_of_the_table_fits_the_code_and_names_tests_there_are():
    for mutant in read_table():
        with planted(mutant):
            pass
        assert mutant.tests, mutant.name
        assert [test for test in mutant.tests if not os.path.exists(test.split("::")[0])] == []


@pytest.mark.parametrize(("exit_codes", "result"), [([1, 1], 0), ([1, 0], 1), ([1, 4], 2), ([4, 0], 1), ([-9], 2)])
def test_a_survivor_or_no_answer_is_a_failure_and_survivors_are_told_last(capsys, exit_codes, result):
    verdicts = [(replace(ROOM, name=f"mutant {code}"), Verdict(code, "as told", 1.0)) for code in exit_codes]
    assert report(verdicts) == result
    lines = capsys.readouterr().out.splitlines()
    if 0 in exit_codes:
        assert lines[-2] == "SURVIVED: mutant 0"
