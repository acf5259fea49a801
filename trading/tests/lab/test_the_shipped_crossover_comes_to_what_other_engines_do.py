"""The benchmark's own play: every fill, and equity after a fee for each order, as three other engines made them."""

import json

import pytest

from benchmarks.p4_backtest import play_ours
from benchmarks.rivals.record import RECORD, SETS

RECORDED = json.loads(RECORD.read_text())["sets"]


@pytest.mark.parametrize("name", SETS)
def test_fills_and_equity_are_those_of_three_other_engines(name):
    ours = play_ours(*SETS[name])
    assert len(RECORDED[name]) == 3
    for engine, theirs in RECORDED[name].items():
        assert {key: ours[key] for key in ("fills", "equity", "digest")} == {
            key: theirs[key] for key in ("fills", "equity", "digest")
        }, engine
    assert ours["fills"] > 100
