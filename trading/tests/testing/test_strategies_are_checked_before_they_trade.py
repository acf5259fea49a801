"""check_strategies: each module alone, its form, its state, its speed, and what its source reaches for."""

import importlib
import json
import sys
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from trading.testing.alone import check_alone
from trading.testing.check import check_module
from trading.testing.source_warnings import source_warnings

PLAIN = """
from trading.strategies.api import Enter, Exit, Reason, Strategy, StrategyParameters

class Plain(Strategy[StrategyParameters]):
    name, title = "plain", "Plain"
    seen = 0

    def intervals(self):
        return (5,)

    def learn(self, ctx, candle):
        self.seen += 1

    def on_candle(self, ctx, candle):
        key, why = candle.instrument, Reason("every seventh", {"seen": self.seen}, "seventh")
        if self.seen % 7 == 0:
            yield Exit(key, why) if ctx.held(key) else Enter(key, "BUY", candle.close - 5, why)

    def save(self):
        return {"seen": self.seen}

    def restore(self, state):
        self.seen = state["seen"]
"""

OWN = """
from dataclasses import dataclass
from trading.strategies.api import StrategyParameters, whole

@dataclass(frozen=True)
class Own(StrategyParameters):
    level: int = whole(3, label="Level", least=1, most=9)
"""


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package of one's own strategies, by the name own_rules."""
    folder = tmp_path / "own_rules"
    folder.mkdir()
    (folder / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    yield folder
    for name in [name for name in sys.modules if name.startswith("own_rules")]:
        del sys.modules[name]


def checked(package, source, limit=0.5):
    (package / "plain.py").write_text(source)
    importlib.invalidate_caches()
    return check_module("own_rules.plain", limit)


def errors_of(package, source, **limits):
    found = checked(package, source, **limits)
    return found["errors"] + [words for one in found["strategies"] for words in one["errors"]]


def test_a_sound_strategy_has_its_form_what_it_decided_and_how_long_it_took(package):
    source = OWN + PLAIN.replace("Strategy[StrategyParameters]", "Strategy[Own]")
    found = checked(package, source.replace("seen = 0", "seen = 0\n    Parameters = Own"))
    [strategy] = found["strategies"]
    assert (found["errors"], strategy["errors"], found["warnings"], strategy["warnings"]) == ([], [], [], [])
    assert [row["name"] for row in strategy["form"]] == ["level"]
    assert strategy["decided"]["enter"] == strategy["decided"]["exit"] > 2
    assert set(strategy["milliseconds"]) >= {"a candle", "a fill", "saving and restoring"}


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ('return {"seen": self.seen}', "return {}", "restoring: KeyError: 'seen'"),
        ('self.seen = state["seen"]', "pass", "after restore(save()) it decides otherwise: "),
        (
            '"seen": self.seen}\n',
            '"seen": self.seen, "made": id(self)}\n',
            "after restore(save()) it decides the same, but",
        ),
        ('return {"seen": self.seen}', 'return {"seen": {1, 2}}', "TypeError: Object of type set is not JSON"),
        ("self.seen += 1", "type(self).seen += 1", "played twice, it decides otherwise: "),
        ("self.seen += 1", "self.seen += 1 / 0", "ZeroDivisionError: division by zero, at plain.py, line 12"),
        ("    def intervals", "    def __init__(self):\n        pass\n\n    def intervals", "TypeError: "),
        ("seen = 0", "seen = 0\n    Parameters = None", "AttributeError: "),
        (
            "from trading",
            "import nowhere\nfrom trading",
            "plain.py, line 2: ModuleNotFoundError",
        ),
    ],
)
def test_what_is_wrong_is_said_in_words(package, before, after, words):
    assert before in PLAIN
    [found] = errors_of(package, PLAIN.replace(before, after))
    assert words in found


def test_a_vector_form_that_looks_ahead_is_wrong(package):
    peeks = "    def signals(self, bars):\n        import numpy as np\n"
    peeks += "        return np.roll(np.sign(bars.close - bars.open), -1)\n\n    def save"
    assert "it looks ahead, or back too far" in errors_of(package, PLAIN.replace("    def save", peeks))[0]


def test_a_callback_that_does_not_come_back_is_stopped(package):
    [words] = errors_of(package, PLAIN.replace("self.seen += 1", "while True: pass"), limit=0.05)
    assert "took more than 50 ms of CPU time" in words


def test_a_callback_near_its_limit_is_worth_a_look(package):
    slow = PLAIN.replace("self.seen += 1", "self.seen += 1; sum(range(200_000))")
    [strategy] = checked(package, slow, limit=0.005)["strategies"]
    assert strategy["warnings"] or strategy["errors"]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("import random\nrandom.choice([1])", "line 2: random.choice is chance"),
        ("from random import random as roll\nroll()", "line 2: random.random is chance"),
        ("import numpy as np\nnp.random.default_rng(1)", "line 2: numpy.random.default_rng is chance"),
        ("import time\ntime.time()", "line 2: time.time is a clock"),
        ("import datetime\ndatetime.datetime.now()", "line 2: datetime.datetime.now is a clock"),
        ("from datetime import datetime as dt, date\nx = dt.utcnow", "line 2: datetime.datetime.utcnow is a clock"),
        ("from datetime import date\ndate.today()", "line 2: datetime.date.today is a clock"),
        ("with open('x') as file:\n    pass", "line 1: open reaches outside"),
        ("import urllib.request\nurllib.request.urlopen('x')", "line 2: urllib.request.urlopen reaches outside"),
        ("import pandas as pd\npd.read_csv('x')", "line 2: pandas.read_csv reaches outside"),
        ("from trading.run.host import RunHost", "line 1: trading.run.host is internal"),
        ("import market.models", "line 1: market.models is internal"),
    ],
)
def test_chance_clocks_the_world_outside_and_what_is_internal_are_seen(source, words):
    [found] = source_warnings({"own": source})
    assert f"line {found.line}: {found.words}".startswith(words)


@pytest.mark.parametrize(
    "source",
    [
        "from datetime import datetime, time, timedelta\ntime(9, 15)\ndatetime(2026, 1, 1).time()",
        "from trading.strategies.api import Strategy",
        "class Bar:\n    open: int = 0\n\ndef of(bar, random, time):\n    return bar.open + random + time.now()",
        "from . import helper\nimport numpy as np\nnp.mean([1])",
        "half a line (",
    ],
)
def test_what_only_looks_like_it_is_not(source):
    assert source_warnings({"own": source}) == []


def test_a_helper_it_imports_is_looked_at_and_ours_are_not(package):
    (package / "helper.py").write_text("import time\n\ndef stamp():\n    return time.time()\n")
    found = checked(package, PLAIN + "\nfrom own_rules.helper import stamp\n")
    [words] = found["warnings"]
    assert words.startswith("own_rules.helper, line 4: time.time is a clock")


def test_alone_a_module_has_nothing_another_imported_for_it_and_its_death_is_its_own(package):
    (package / "first.py").write_text("import decimal\ndecimal.shared = 1\n")
    (package / "second.py").write_text("import decimal\ndecimal.shared\n")
    (package / "dies.py").write_text("import os\nos._exit(3)\n")
    (package / "talks.py").write_text("print('hello')\n" + PLAIN)
    assert check_alone("own_rules.first", 0.5)["errors"] == []
    assert "has no attribute 'shared'" in check_alone("own_rules.second", 0.5)["errors"][0]
    assert "ended with code 3" in check_alone("own_rules.dies", 0.5)["errors"][0]
    assert check_alone("own_rules.talks", 0.5)["strategies"][0]["errors"] == []


def test_conflicts_are_asked_at_the_corners_of_the_form(package):
    two = """
from dataclasses import dataclass
from trading.strategies.api import StrategyParameters, whole

@dataclass(frozen=True)
class Two(StrategyParameters):
    fast: int = whole(5, least=1, most=50, label="Fast")
    slow: int = whole(20, least=2, most=200, label="Slow")

    def conflicts(self):
        if self.fast > self.slow:
            yield "fast is above slow"
"""
    source = two + PLAIN.replace("Strategy[StrategyParameters]", "Strategy[Two]")
    source = source.replace("    seen = 0", "    Parameters, seen = Two, 0")
    [strategy] = checked(package, source)["strategies"]
    wanted = "its code yields 'fast is above slow', not a parameter's name and words"
    assert strategy["errors"] == [f"conflicts() with fast=50, slow=2: {wanted}"]


def test_a_module_that_is_not_there_is_not_blamed_on_who_looked(package):
    assert check_module("own_rules.nosuch", 0.5)["errors"] == [
        "ModuleNotFoundError: No module named 'own_rules.nosuch'"
    ]


def test_a_module_that_waits_while_it_is_imported_is_given_up(package):
    (package / "waits.py").write_text("import time\ntime.sleep(60)\n")
    assert "not through in 1 s" in check_alone("own_rules.waits", 0.5, patience=1)["errors"][0]


def test_the_command_says_it_all_and_ends_with_1_where_something_is_wrong(package):
    (package / "plain.py").write_text(PLAIN.replace('self.seen = state["seen"]', "pass") + "import time\ntime.time()\n")
    (package / "twin.py").write_text(PLAIN)
    out = StringIO()
    with pytest.raises(CommandError, match=r"2 strategies checked: 2 errors, 1 warning\.") as refused:
        call_command("check_strategies", "own_rules", stdout=out)
    assert refused.value.returncode == 1
    said = out.getvalue()
    assert "plain (own_rules.plain): Plain" in said
    assert "  WRONG: after restore(save()) it decides otherwise" in said
    assert "  WRONG: own_rules.plain has a strategy of this name too" in said
    line = len(PLAIN.splitlines()) + 2
    assert f"  Look at: own_rules.plain, line {line}: time.time is a clock" in said


def test_the_command_answers_in_json_and_ends_with_0_where_nothing_is_wrong(package, settings):
    settings.STRATEGY_PACKAGES = ["own_rules"]
    (package / "plain.py").write_text(PLAIN)
    out = StringIO()
    call_command("check_strategies", "own_rules", "--json", stdout=out)
    names = [strategy["name"] for one in json.loads(out.getvalue())["modules"] for strategy in one["strategies"]]
    assert names == ["plain"]


def test_a_package_without_a_strategy_is_refused(package):
    with pytest.raises(CommandError, match="No strategy is in these modules"):
        call_command("check_strategies", "own_rules")


@pytest.mark.parametrize("name", ["mean_reversion", "momentum", "moving_average_crossover", "opening_range_breakout"])
def test_those_that_ship_have_nothing_wrong_and_nothing_to_look_at(name):
    found = check_module(f"trading.strategies.{name}", 0.5)
    [strategy] = found["strategies"]
    assert (found["errors"], strategy["errors"], found["warnings"], strategy["warnings"]) == ([], [], [], [])
    assert strategy["decided"]["enter"] == strategy["decided"]["exit"] > 0
