"""Servers restarted and processes killed under a trading desk: it goes on by itself, and the books hold."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
SERVERS_KILLED = ["Valkey killed", "PostgreSQL killed", "both servers killed"]
FAULTS = [
    "a tick worker killed",
    "a tick worker reloaded",
    "a housekeeping worker killed",
    "the feed killed",
    "the practice exchange killed",
    "Valkey flushed",
    *SERVERS_KILLED,
]
BACK_WITHIN_SECONDS = 15
pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def drill() -> dict[str, Any]:
    """Everything happens to one desk, in turn; what became of it comes back as JSON."""
    environment = {
        k: v for k, v in os.environ.items() if k not in ("DATABASE_URL", "REDIS_URL", "ALPHAPANDA_STATE_DIR")
    }
    done = subprocess.run(
        [sys.executable, str(ROOT / "tests" / "chaos" / "drill.py")],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        timeout=800,
        check=False,
    )
    lines = done.stdout.decode().splitlines()
    assert done.returncode == 0, (lines[-1:], done.stderr.decode()[-3000:])
    return json.loads(lines[-1])


@pytest.mark.parametrize("fault", FAULTS)
def test_the_desk_goes_on_by_itself_after(fault: str, drill: dict[str, Any]) -> None:
    assert drill[fault]["violations"] == []


@pytest.mark.parametrize("fault", FAULTS[:5])
def test_the_day_run_again_decides_the_same_after(fault: str, drill: dict[str, Any]) -> None:
    assert drill[fault]["otherwise"] == []


@pytest.mark.parametrize("fault", SERVERS_KILLED)
def test_ticks_are_processed_again_within_15_s_after(fault: str, drill: dict[str, Any]) -> None:
    assert drill[fault]["seconds"] <= BACK_WITHIN_SECONDS


def test_a_second_feed_sees_the_lease_and_goes(drill: dict[str, Any]) -> None:
    assert drill["a second feed"]["refused"]


def test_a_stop_ends_no_process_by_force(drill: dict[str, Any]) -> None:
    assert drill["stop"]["by force"] == []


def test_it_traded_meanwhile(drill: dict[str, Any]) -> None:
    assert drill["end"]["trades"] >= 2
