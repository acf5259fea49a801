"""Candles of a file as columns, and trades as all engines say them: prices in whole paise, times as the file has them.

In paise every price and sum is a whole number, which a float holds exactly: no engine's rounding decides a rule.
"""

import csv
from typing import NamedTuple

QUANTITY = 10
PRICES = ("open", "high", "low", "close")
# The rules; told in words in docs/backtests.md.
FAST, SLOW = 20, 50
BREAKS, LEAVES = 30, 10
ENTER_FROM, ENTER_UNTIL, LEAVE_FROM, LAST = "10:00", "14:30", "15:00", "15:29"
ENTER_AT, HELD_FOR = ("09:44", "11:14", "13:09"), 20


class Candles(NamedTuple):
    starts: list[str]  # "2025-03-03 09:15"
    open: list[int]
    high: list[int]
    low: list[int]
    close: list[int]
    volume: list[int]


class Fill(NamedTuple):
    nth: int  # the candle at whose open it filled
    price: int
    quantity: int  # signed


def read_candles(path):
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    prices = ([round(float(row[name]) * 100) for row in rows] for name in PRICES)
    return Candles([row["timestamp"][:16] for row in rows], *prices, [int(row["volume"]) for row in rows])


def paired(fills, starts):
    """Return fills that go in and out in turns as trades in words: "10 in 2025-03-03 12:31 at 164740, still held"."""
    trades = []
    for entry, leaving in zip(fills[::2], [*fills[1::2], None], strict=False):
        out = f"out {starts[leaving.nth]} at {leaving.price}" if leaving else "still held"
        trades.append(f"{entry.quantity} in {starts[entry.nth]} at {entry.price}, {out}")
    return trades
