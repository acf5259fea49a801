"""A real day of twelve shares through every process: the candles built are those that went in."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

ROOT = Path(__file__).resolve().parents[2]
DAY = "2024-07-10"
SHARES = 12
MINUTES = 375
pytestmark = [
    pytest.mark.timeout(1500),
    pytest.mark.skipif(settings.SHARED_DATA is None, reason="the real candles are not here (ALPHAPANDA_SHARED_DATA)"),
]


@pytest.fixture(scope="module")
def replayed() -> dict[str, Any]:
    own = ("DATABASE_URL", "REDIS_URL", "ALPHAPANDA_STATE_DIR")
    environment = {name: value for name, value in os.environ.items() if name not in own}
    candles = sorted((settings.SHARED_DATA / "candles_1m").glob("*.parquet"))
    command = [sys.executable, "manage.py", "replay_day", "--json", "--backtest", "--day", DAY, *map(str, candles)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, timeout=1400, check=False)
    assert done.returncode == 0, done.stderr.decode()[-3000:]
    return json.loads(done.stdout)


def test_every_candle_built_is_the_candle_that_went_in(replayed: dict[str, Any]) -> None:
    assert replayed["candles"] == SHARES * MINUTES
    assert replayed["differences"] == []


def test_the_four_strategies_trade_on_it(replayed: dict[str, Any]) -> None:
    assert replayed["signals"] > 0
    assert replayed["fills"] > 0


def test_its_backtest_decides_and_does_the_same_line_by_line(replayed: dict[str, Any]) -> None:
    assert replayed["entries"] > MINUTES  # an entry holds the ticks of many shares: several of them make a minute
