"""Parameters check themselves in words and describe their form."""

import json
from dataclasses import dataclass
from datetime import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading.strategies.mean_reversion import MeanReversionParameters
from trading.strategies.momentum import MomentumParameters
from trading.strategies.moving_average_crossover import CrossoverParameters
from trading.strategies.opening_range_breakout import OpeningRangeParameters
from trading.strategies.parameters import BadParameters, StrategyParameters, whole
from trading.tests.strategies.market_day import D

ALL = (MomentumParameters, MeanReversionParameters, CrossoverParameters, OpeningRangeParameters)


def errors(cls: type, **values: Any) -> dict[str, list[str]]:
    with pytest.raises(BadParameters) as wrong:
        cls.from_json(values)
    return wrong.value.errors


@pytest.mark.parametrize("cls", ALL)
def test_defaults_are_valid_and_survive_json(cls):
    defaults = cls()
    assert cls.from_json(json.loads(json.dumps(defaults.to_json()))) == defaults


def test_a_value_out_of_bounds_names_the_bound():
    assert errors(MomentumParameters, lookback=1) == {"lookback": ["1 is below the least allowed, 2"]}
    assert errors(MomentumParameters, stop_percent="30") == {"stop_percent": ["30 is above the most allowed, 20"]}


def test_every_error_is_told_at_once():
    found = errors(MeanReversionParameters, period="x", width="NaN", leave_at="never", colour="red")
    assert found == {
        "colour": ["there is no such parameter"],
        "period": ["'x' is not a whole number"],
        "width": ["'NaN' is not a number"],
        "leave_at": ["never is not one of middle band, RSI 50, whichever is first"],
    }


def test_values_wrong_only_together_are_told():
    assert errors(CrossoverParameters, fast=21, slow=21) == {"fast": ["21 is not below the slow average, 21"]}
    assert errors(OpeningRangeParameters, minutes=10, interval=3) == {
        "minutes": ["10 is not a whole number of 3-minute candles"]
    }


@dataclass(frozen=True)
class Careless(StrategyParameters):
    fast: int = whole(5, least=1, most=50, label="Fast")
    slow: int = whole(20, least=2, most=200, label="Slow")

    def conflicts(self):
        if self.fast == 6:
            raise KeyError("six")
        yield from {7: ["seven is no good"], 8: [("quick", "there is no quick")], 9: [("fast", "not nine")]}.get(
            self.fast, ()
        )


def test_what_is_wrong_with_conflicts_itself_is_an_error_in_words():
    assert errors(Careless, fast=6) == {"conflicts": ["its code raised KeyError: 'six'"]}
    words = "its code yields 'seven is no good', not a parameter's name and words"
    assert errors(Careless, fast=7) == {"conflicts": [words]}
    words = "its code yields ('quick', 'there is no quick'), not a parameter's name and words"
    assert errors(Careless, fast=8) == {"conflicts": [words]}
    assert errors(Careless, fast=9) == {"fast": ["not nine"]}


def test_a_form_sends_texts():
    read = OpeningRangeParameters.from_json(
        {"interval": "5", "long_only": "on", "buffer": "0.10", "no_entry_after": "14:00"}
    )
    assert (read.interval, read.long_only, read.buffer, read.no_entry_after) == (5, True, D("0.10"), time(14))


@pytest.mark.parametrize("value", [2.5, True, None, [], "1e3", float("inf")])
def test_a_whole_number_is_nothing_else(value):
    assert "lookback" in errors(MomentumParameters, lookback=value)


@pytest.mark.parametrize("cls", ALL)
def test_the_form_names_every_parameter_with_its_bounds(cls):
    form = cls.describe()
    assert {entry["name"] for entry in form} == set(cls().to_json())
    assert all(entry["label"] and entry["kind"] for entry in form)
    assert json.loads(json.dumps(form)) == form


def test_a_form_begins_with_the_strategys_own_parameters():
    assert MomentumParameters.describe()[0] == {
        "name": "lookback",
        "kind": "whole",
        "label": "Range",
        "unit": "candles",
        "help": "Closed candles whose high and low a price must break.",
        "default": 20,
        "least": 2,
        "most": 200,
        "choices": [],
        "when": None,
    }


anything = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.lists(st.none())


@given(st.dictionaries(st.sampled_from([*MomentumParameters().to_json(), "other"]), anything))
@settings(max_examples=200)
def test_any_json_gives_valid_parameters_or_words(values):
    parameters = read(values)
    assert parameters is None or MomentumParameters.from_json(parameters.to_json()) == parameters


def read(values: dict[str, Any]) -> MomentumParameters | None:
    try:
        return MomentumParameters.from_json(values)
    except BadParameters as wrong:
        return None if wrong.errors else MomentumParameters()
