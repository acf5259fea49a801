"""Five strategies on ten made-up days: what each came to, to the paisa. A change that moves a figure says so here.

A move that is meant is written down by hand, with its why in the commit: the test prints what stands now.
"""

import json
from pathlib import Path
from typing import Any

from trading.lab.backtest import run_backtest
from trading.lab.report import as_json
from trading.lab.request import BacktestRequest
from trading.tests.lab.test_a_backtest_by_command import infy
from trading.tests.lab.walks import write_walk

__all__ = ["infy"]
PINNED = Path(__file__).with_name("pinned_runs.json")
RUNS = json.loads(PINNED.read_text())
FIGURES = (
    "net",
    "gross",
    "charges",
    "trades",
    "winners",
    "exposure_percent",
    "drawdown",
    "undecided_minutes",
    "refusals",
)


def came_to(folder: Path, asked: dict[str, Any]) -> dict[str, Any]:
    path = write_walk(folder, seed=asked["seed"])
    request = {"instruments": ["NSE:INFY"], "candles": [str(path)], "answers": {"zone": "IST"}, **asked["request"]}
    result = as_json(run_backtest(BacktestRequest.from_json(request)))
    return {figure: result[figure] for figure in FIGURES} | {"data": result["data_digest"][:16]}


def test_pinned_runs_come_out_to_the_paisa(infy, tmp_path):
    now = {name: came_to(tmp_path, run["asked"]) for name, run in RUNS.items()}
    moved = {name: figures for name, figures in now.items() if figures != RUNS[name]["came_to"]}
    assert not moved, f"moved; if that is meant, write down: {json.dumps(moved)}"


def test_five_strategies_are_pinned_and_each_of_them_trades():
    assert len({run["asked"]["request"]["strategy"] for run in RUNS.values()}) == 5
    assert all(run["came_to"]["trades"] >= 3 for run in RUNS.values())
