"""Made-up days of one-minute candles that trend, range and jump: the same every time, in paise on the tick."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from pathlib import Path

HEADING = "timestamp,open,high,low,close,volume"
FIRST = datetime(2025, 3, 3, 9, 15)  # noqa: DTZ001  # a Monday, as files have it: without a zone
MINUTES, HALF_HOUR, TICK = 375, 30, 10


def write_walk(folder: Path, seed: int, days: int = 10, symbol: str = "INFY") -> Path:
    """Write weekdays of candles; each half hour has a drift of its own, each day an opening gap."""
    dice, price, lines = random.Random(seed), 150_000, [HEADING]
    weekdays = (FIRST + timedelta(days=nth) for nth in range(days * 2))
    for day in [one for one in weekdays if one.weekday() < 5][:days]:
        price += TICK * dice.randint(-100, 100)
        drifts = [dice.randint(-4, 4) for _ in range(0, MINUTES, HALF_HOUR)]
        for nth in range(MINUTES):
            path = _path(dice, price, drifts[nth // HALF_HOUR])
            lines.append(_candle(day + timedelta(minutes=nth), path, dice))
            price = path[-1]
    target = folder / f"{symbol}.csv"
    target.write_text("\n".join(lines))
    return target


def _path(dice: random.Random, price: int, drift: int) -> list[int]:
    """Prices within a minute: at random about its drift."""
    steps = (TICK * (drift + dice.randint(-12, 12)) for _ in range(4))
    found = [price]
    for step in steps:
        found.append(found[-1] + step)
    return found


def _candle(stamp: datetime, path: list[int], dice: random.Random) -> str:
    prices = ",".join(f"{one / 100:.2f}" for one in (path[0], max(path), min(path), path[-1]))
    return f"{stamp:%Y-%m-%d %H:%M:%S},{prices},{dice.randint(20, 400) * 100}"
