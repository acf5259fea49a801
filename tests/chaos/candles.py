"""A short synthetic day for replays: one share that dips and recovers, and the day before it."""

import csv
import json
from datetime import datetime, timedelta
from pathlib import Path

DAY = "2024-07-10"
DAY_BEFORE = "2024-07-09"
# Minute by minute: still until entries open at 09:20, then down through 1,500, up through 1,510, and once more.
CLOSES = [1506] * 6 + [1503, 1499, 1501, 1504, 1508, 1511, 1512, 1507, 1502, 1498, 1500, 1505, 1510, 1513, 1512]


def write_day(folder: Path) -> Path:
    """Write candles of INFY for both days; returns the file."""
    path = folder / "INFY.csv"
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["symbol", "timestamp", "open", "high", "low", "close", "volume"])
        for day, closes in ((DAY_BEFORE, [1505] * 5), (DAY, CLOSES)):
            rows.writerows(_minutes(day, closes))
    return path


def _minutes(day: str, closes: list[int]) -> list[list[object]]:
    start, before, rows = datetime.fromisoformat(f"{day}T09:15:00"), closes[0], []
    for nth, close in enumerate(closes):
        at = (start + timedelta(minutes=nth)).isoformat(sep=" ")
        high, low = max(before, close) + 0.5, min(before, close) - 0.5
        rows.append(["INFY", at, before, high, low, close, 10_000 + 100 * nth])
        before = close
    return rows


def write_deployments(folder: Path) -> Path:
    path = folder / "deployments.json"
    deployments = [
        {
            "name": "One lot",
            "strategy": "test-one-lot",
            "symbols": ["INFY"],
            "parameters": {"buy_at": "1500", "sell_at": "1510"},
            "capital": "90000",
        }
    ]
    path.write_text(json.dumps(deployments))
    return path
