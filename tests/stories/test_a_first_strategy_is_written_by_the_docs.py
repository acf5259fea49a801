"""What docs/strategies.md tells an author to type works as it stands, in order."""

import importlib
import json
import random
import re
import shlex
import sys
from dataclasses import fields, is_dataclass
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command, get_commands, load_command_class

from alphapanda.core.clock.services import get_installation
from alphapanda.core.commands import run_quietly
from tests.stories.pipeline import make_instrument
from trading import testing
from trading.strategies import api
from trading.strategies.values import CandleColumns, Context, Strategy
from trading.testing import StrategyTest

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "strategies.md").read_text()
FILES = dict(re.findall(r"^`~/rules/(\S+)`:\n\n```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))
TYPED = [
    line for block in re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL) for line in block.splitlines()
]
MONDAY = datetime(2025, 3, 3, 9, 15)  # noqa: DTZ001  # as files have it: without a zone


@pytest.fixture
def rules(tmp_path, monkeypatch, settings):
    """The author's folder, with the files of the page."""
    for name, text in {"my_strategies/__init__.py": "", **FILES}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    settings.STRATEGY_PACKAGES = ["my_strategies"]
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith(("my_strategies", "test_buys_the_dip"))]:
        del sys.modules[name]


def words_of(command: str) -> list[str]:
    """The arguments of the line of the page that calls a command."""
    [line] = [line for line in TYPED if f"manage.py {command}" in line]
    return shlex.split(line)[3:]


def test_the_page_has_a_strategy_and_its_tests_and_every_python_block_is_one_of_them():
    assert sorted(FILES) == ["my_strategies/buys_the_dip.py", "test_buys_the_dip.py"]
    assert PAGE.count("```python") == len(FILES)


def test_the_tests_of_the_page_pass(rules):
    module = importlib.import_module("test_buys_the_dip")
    tests = [getattr(module, name) for name in dir(module) if name.startswith("test_")]
    assert len(tests) == 3
    for test in tests:
        test()


def test_its_check_finds_nothing_wrong(rules):
    out = StringIO()
    call_command("check_strategies", *words_of("check_strategies"), stdout=out)
    assert "1 strategy checked: 0 errors, 0 warnings." in out.getvalue()


def test_its_backtest_trades(rules, transactional_db):
    get_installation()
    run_quietly("load_calendar", "--year", "2025")
    make_instrument()
    given = [word.replace("~/candles/INFY.csv", str(candles_in(rules))) for word in words_of("backtest")]
    out = StringIO()
    call_command("backtest", *given, "--json", stdout=out)
    result = json.loads(out.getvalue())
    assert len(result["round_trips"]) > 3
    assert all("below the average" in trip["entry_reason"] for trip in result["round_trips"])


def candles_in(folder: Path) -> Path:
    """Three days of minutes that walk at random, the same every time."""
    dice, price, lines = random.Random(7), 150_000, ["timestamp,open,high,low,close,volume"]
    for nth in range(3 * 375):
        stamp = MONDAY + timedelta(days=nth // 375, minutes=nth % 375)
        closes = price + 5 * dice.randint(-60, 60)
        figures = price, max(price, closes), min(price, closes), closes
        lines.append(f"{stamp:%Y-%m-%d %H:%M:%S}," + ",".join(f"{each / 100:.2f}" for each in figures) + ",100000")
        price = closes
    (folder / "INFY.csv").write_text("\n".join(lines))
    return folder / "INFY.csv"


@pytest.mark.parametrize("line", [line for line in TYPED if "manage.py" in line])
def test_every_command_of_the_page_can_be_read(line):
    _, _, name, *arguments = shlex.split(line)
    parser = load_command_class(get_commands()[name], name).create_parser("manage.py", name)
    assert parser.parse_args(arguments)


@pytest.mark.parametrize("value", [api.Candle, api.Tick, api.Fill, api.Held, api.Session])
def test_the_page_lists_every_field_a_strategy_is_given(value):
    [row] = [line for line in PAGE.splitlines() if line.startswith(f"| `{value.__name__}` |")]
    assert re.findall(r"`(\w+)`", row)[1:] == [entry.name for entry in fields(value)]


def test_every_name_the_page_gives_in_code_is_there():
    """What stands in code as a name, or as one that is called or looked into; fields of values among them."""
    named = set(re.findall(r"`(\w+)(?:\(|`|\.)", PAGE))
    bars = api.Bars(1)
    given = (api, testing, Strategy, api.TrackingStrategy, Context, CandleColumns, StrategyTest(Strategy), bars)
    given += (api.Outlook, api.PastCandles)
    known = {name for each in given for name in dir(each)}
    known |= {entry.name for value in vars(api).values() if is_dataclass(value) for entry in fields(value)}
    known |= set(get_commands()) | {"ctx", "trading", "conflicts", "bars", "self", "Decimal", "None"}
    assert sorted(named - known) == []
