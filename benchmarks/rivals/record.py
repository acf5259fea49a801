"""Let other engines play seeded walks, and keep what they made for our tests: ``make rivals``.

The trades of three rules, and what the averages of ``benchmarks.p4_backtest`` come to on sets smaller than its own.
"""

from __future__ import annotations

import json
import sys
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.rivals import client
from benchmarks.rivals.client import ROOT, ask_rival
from trading.tests.lab.walks import write_walk

RECORD = ROOT / "trading" / "tests" / "lab" / "rival_trades.json"
# nautilus_trader is not among them: it fills at the close a rule decides on, not at the next open.
ENGINES = ("backtesting", "backtrader")
RULES = ("crossing averages", "breakout", "by the clock")
SEEDS, DAYS = (3, 6), 6
SETS = {"1 x 10000": (1, 10_000), "3 x 3000": (3, 3_000)}


def walk_of(seed: int, folder: Path) -> Path:
    return write_walk(folder, seed, DAYS)


def made_anew() -> dict[str, Any]:
    return made_of_rules() | {"sets": made_of_sets()}


def made_of_sets() -> dict[str, dict[str, dict[str, Any]]]:
    """Fills, their digest and equity in paise, by set and engine, with its version."""
    kept = ("version", "fills", "equity", "digest")
    made: dict[str, dict[str, dict[str, Any]]] = {}
    for name, (instruments, bars) in SETS.items():
        answers = {engine: ask_rival(engine, instruments=instruments, bars=bars) for engine in client.ENGINES}
        made[name] = {engine: {key: answer[key] for key in kept} for engine, answer in answers.items()}
    return made


def made_of_rules() -> dict[str, Any]:
    """By whom, of which walks, and the trades by engine, rule and seed."""
    made_by: dict[str, str] = {}
    walks: dict[str, str] = {}
    trades: dict[str, dict[str, dict[str, Any]]] = {engine: {rule: {} for rule in RULES} for engine in ENGINES}
    with TemporaryDirectory() as folder:
        for seed in SEEDS:
            path = walk_of(seed, Path(folder))
            walks[str(seed)] = sha256(path.read_bytes()).hexdigest()
            for engine in ENGINES:
                for rule in RULES:
                    answer = ask_rival(engine, rule=rule, candles=str(path))
                    made_by[engine] = answer["version"]
                    trades[engine][rule][str(seed)] = answer["trades"]
    return {"made_by": made_by, "walks": walks, "trades": trades}


if __name__ == "__main__":
    RECORD.write_text(json.dumps(made_anew(), indent=1) + "\n")
    sys.stdout.write(f"written: {RECORD.relative_to(ROOT)}\n")
