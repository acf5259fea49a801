"""Every worker is killed with -9 at every named point between tick and booking; the day's digest stays the same.

Two replays in lockstep through all the real processes: one left alone, one in which each point kills once.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.candles import DAY, write_day, write_deployments

ROOT = Path(__file__).resolve().parents[2]
# The nth pass of one process. A tick drain passes its points at every frame: later ones find orders about.
POINTS = {
    "ticks.before_commit": 20,
    "ticks.after_commit": 31,
    "assess.before_commit": 1,
    "assess.after_commit": 1,
    "execute.before_claim": 1,
    "execute.after_claim": 1,
    "execute.after_place": 1,
    "execute.after_submitted": 1,
    "trade_written": 1,
    "book.before_commit": 1,
    "book.after_commit": 1,
}


def replay(folder: Path, crashes: dict[str, int]) -> dict[str, Any]:
    """Replay the synthetic day in processes and servers of its own."""
    fired = folder / "fired"
    fired.mkdir(exist_ok=True)
    environment = os.environ | {
        "STRATEGY_PACKAGES": "tests.strategies",
        "CRASHPOINTS": ",".join(f"{name}:{nth}" for name, nth in crashes.items()),
        "CRASHPOINT_DIR": str(fired),
    }
    command = [sys.executable, "manage.py", "replay_day", "--json", "--day", DAY, "--longest", "240"]
    command += ["--deployments", str(write_deployments(folder)), str(write_day(folder))]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=False, timeout=400)
    assert done.returncode == 0, done.stderr.decode()[-4000:]
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return replay(tmp_path_factory.mktemp("calm"), {})


@pytest.fixture(scope="module")
def disturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], set[str]]:
    folder = tmp_path_factory.mktemp("killed")
    result = replay(folder, POINTS)
    return result, {path.name for path in (folder / "fired").iterdir()}


pytestmark = pytest.mark.timeout(600)


def test_the_day_trades_and_its_candles_come_out_exactly(undisturbed: dict[str, Any]) -> None:
    assert undisturbed["fills"] >= 4
    assert undisturbed["differences"] == []


@pytest.mark.parametrize("point", POINTS)
def test_a_worker_killed_at_this_point_changes_nothing(
    point: str, undisturbed: dict[str, Any], disturbed: tuple[dict[str, Any], set[str]]
) -> None:
    result, fired = disturbed
    assert point in fired, "the point was never reached, so nothing is proven"
    assert result["digest"] == undisturbed["digest"]
    assert result["orders"] == undisturbed["orders"]
