"""Read one's own one-minute candles from CSV and Parquet, by a layout that was shown and asked about first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl

from trading.lab.candle_columns import (
    PAISE,
    BadCandles,
    Layout,
    at_row,
    frame_of,
    prices_of,
    row_number,
    starts_of,
    volumes_of,
)
from trading.lab.candles import MINUTE, PRICES, Bars

SUFFIXES = (".csv", ".csv.gz", ".parquet")


@dataclass
class CandleFile:
    """What was read: bars by symbol, and what was noticed on the way, in words."""

    bars: dict[str, Bars] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


def candle_files(paths: Iterable[Path]) -> list[Path]:
    """Return the files named, and those in the folders named. Raises BadCandles where there is none."""
    found: list[Path] = []
    for path in paths:
        if not path.exists():
            raise BadCandles(f"there is no {path}")
        inside = sorted(path.iterdir()) if path.is_dir() else [path]
        found += [one for one in inside if one.name.endswith(SUFFIXES)]
    if not found:
        raise BadCandles(f"no .csv, .csv.gz or .parquet in {', '.join(map(str, paths))}")
    return found


def read_candles(path: Path, layout: Layout, tokens_divisor: int = PAISE) -> CandleFile:
    """Read a whole file. Raises BadCandles with the row of whatever is not a candle."""
    frame = frame_of(path)
    stamps = starts_of(path, frame, layout)
    columns = {name: prices_of(path, frame, layout.columns[name], tokens_divisor) for name in PRICES}
    read = CandleFile()
    fractions = sum(fraction for _, fraction in columns.values())
    if fractions:
        read.warnings.append(f"{path.name}: {fractions} prices are no whole paise (adjusted?); rounded to the nearest")
    prices = {name: column for name, (column, _) in columns.items()}
    bars = Bars(start=stamps, **prices, volume=volumes_of(path, frame, layout))
    _check_shape(path, bars)
    for symbol, wanted in _by_symbol(frame, layout).items():
        rows = np.arange(len(bars))[wanted]
        read.bars[symbol] = _in_order(path, bars.where(wanted), rows, read.warnings)
    return read


def _check_shape(path: Path, bars: Bars) -> None:
    inside = np.minimum(bars.open, bars.close) >= bars.low
    wrong = ~(inside & (np.maximum(bars.open, bars.close) <= bars.high))
    if wrong.any():
        row = int(wrong.argmax())
        prices = ", ".join(f"{name} {getattr(bars, name)[row] / PAISE:.2f}" for name in PRICES)
        raise BadCandles(f"{at_row(path, row)}: high and low do not hold open and close ({prices})")
    if (bars.start % MINUTE).any():
        row = int((bars.start % MINUTE != 0).argmax())
        raise BadCandles(f"{at_row(path, row)}: it does not begin with a minute; this reads candles of one minute")


def _by_symbol(frame: pl.DataFrame, layout: Layout) -> dict[str, np.ndarray]:
    if "symbol" not in layout.columns:
        return {layout.symbol: np.ones(len(frame), np.bool_)}
    names = frame[layout.columns["symbol"]].cast(pl.String).str.strip_chars().str.replace("-EQ$", "")
    return {name: (names == name).to_numpy() for name in names.unique(maintain_order=True).to_list()}


def _in_order(path: Path, bars: Bars, rows: np.ndarray, warnings: list[str]) -> Bars:
    """Bars by time, each minute once. Raises BadCandles where two rows tell one minute differently."""
    if (np.diff(bars.start) < 0).any():
        warnings.append(f"{path.name}: its rows are not in the order of time; put in order")
        order = np.argsort(bars.start, kind="stable")
        bars, rows = bars.where(order), rows[order]
    again = np.flatnonzero(np.diff(bars.start) == 0) + 1
    if not len(again):
        return bars
    for name in (*PRICES, "volume"):
        column = getattr(bars, name)
        unlike = again[column[again] != column[again - 1]]
        if len(unlike):
            one, other = rows[unlike[0] - 1], rows[unlike[0]]
            raise BadCandles(
                f"{at_row(path, one)} and row {row_number(path, other)}: the same minute twice, with another {name}"
            )
    warnings.append(f"{path.name}: {len(again)} minutes stand twice, with equal values; taken once")
    return bars.where(~np.isin(np.arange(len(bars)), again))
