"""Read one's own one-minute candles from CSV and Parquet, by a layout that was shown and asked about first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl

from alphapanda.core.figures import counted
from trading.lab.candle_columns import (
    PAISE,
    SUFFIXES,
    BadCandles,
    Layout,
    at_row,
    frame_of,
    prices_of,
    row_number,
    starts_of,
    volumes_of,
)
from trading.lab.candles import MINUTE, PRICES, Bars, day_of_number, days_of

# Of fewer than these nothing can be said, of a file and of a day.
FEW_BARS, FEW_OF_A_DAY = 5, 20
# Of steps between candles: a day of longer ones may still end, or go on after a hole, at an odd minute.
NEARLY_ALL = 0.9
JUMP = 0.2


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


def read_candles(path: Path, layout: Layout) -> CandleFile:
    """Read a whole file. Raises BadCandles with the row of whatever is not a candle."""
    frame = frame_of(path)
    stamps = starts_of(path, frame, layout)
    columns = {name: prices_of(path, frame, layout.columns[name]) for name in PRICES}
    read = CandleFile()
    fractions = sum(fraction for _, fraction in columns.values())
    if fractions:
        words = f"{counted(fractions, 'price')} in fractions of a paisa (adjusted?); rounded to the nearest"
        read.warnings.append(f"{path.name}: {words}")
    prices = {name: column for name, (column, _) in columns.items()}
    bars = Bars(start=stamps, **prices, volume=volumes_of(path, frame, layout))
    _check_shape(path, bars)
    for symbol, wanted in _by_symbol(path, frame, layout).items():
        rows = np.arange(len(bars))[wanted]
        of_symbol, rows = _in_order(path, bars.where(wanted), rows, read.warnings)
        _insist_on_minutes(path, symbol, of_symbol)
        _note_jumps(path, of_symbol, rows, read.warnings)
        read.bars[symbol] = of_symbol
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


def _by_symbol(path: Path, frame: pl.DataFrame, layout: Layout) -> dict[str, np.ndarray]:
    if "symbol" not in layout.columns:
        return {layout.symbol: np.ones(len(frame), np.bool_)}
    names = frame[layout.columns["symbol"]].cast(pl.String).str.strip_chars().str.replace("-EQ$", "").fill_null("")
    if (names == "").any():
        raise BadCandles(f"{at_row(path, (names == '').arg_max())}: {layout.columns['symbol']} is empty")
    return {name: (names == name).to_numpy() for name in names.unique(maintain_order=True).to_list()}


def _in_order(path: Path, bars: Bars, rows: np.ndarray, warnings: list[str]) -> tuple[Bars, np.ndarray]:
    """Bars by time, each minute once, and their rows. Raises BadCandles where two rows tell one minute differently."""
    if (np.diff(bars.start) < 0).any():
        warnings.append(f"{path.name}: its rows are not in the order of time; put in order")
        order = np.argsort(bars.start, kind="stable")
        bars, rows = bars.where(order), rows[order]
    again = np.flatnonzero(np.diff(bars.start) == 0) + 1
    if not len(again):
        return bars, rows
    for name in (*PRICES, "volume"):
        column = getattr(bars, name)
        unlike = again[column[again] != column[again - 1]]
        if len(unlike):
            one, other = rows[unlike[0] - 1], rows[unlike[0]]
            raise BadCandles(
                f"{at_row(path, one)} and row {row_number(path, other)}: the same minute twice, with another {name}"
            )
    stands = "stands" if len(again) == 1 else "stand"
    warnings.append(f"{path.name}: {counted(len(again), 'minute')} {stands} twice, with equal values; taken once")
    once = ~np.isin(np.arange(len(bars)), again)
    return bars.where(once), rows[once]


def _insist_on_minutes(path: Path, symbol: str, bars: Bars) -> None:
    """Refuse longer candles, in a whole file or on some of its days; a minute without a trade has none."""
    if len(bars) < FEW_BARS:
        return
    days = np.split(bars.start, np.flatnonzero(np.diff(days_of(bars.start))) + 1)
    steps = [np.diff(starts) // MINUTE for starts in days]
    step, of_days = _step_of(np.concatenate(steps)), ""
    if step == 1:
        longer = [nth for nth, each in enumerate(steps) if len(each) >= FEW_OF_A_DAY and _step_of(each) > 1]
        if not longer:
            return
        step, first = _step_of(steps[longer[0]]), day_of_number(int(days_of(days[longer[0]][:1])[0]))
        of_days = f" on {counted(len(longer), 'day')}, first {first}"
    each = f"one in {step} minutes" if step else "one a day"
    raise BadCandles(f"{path.name}: {symbol} has {each}{of_days}; a backtest needs candles of one minute")


def _step_of(steps: np.ndarray) -> int:
    """Return how many minutes nearly all steps are a multiple of; 0 where there is none."""
    if not len(steps):
        return 0
    usual = int(np.median(steps))
    return usual if np.mean(steps % usual == 0) >= NEARLY_ALL else int(np.gcd.reduce(steps))


def _note_jumps(path: Path, bars: Bars, rows: np.ndarray, warnings: list[str]) -> None:
    """Say where a price lies so far from the close before that it may be a mistake, or a split."""
    before = bars.close[:-1].astype(np.float64)
    above, below = bars.high[1:] / before - 1, 1 - bars.low[1:] / before
    far = np.flatnonzero(np.maximum(above, below) > JUMP) + 1
    if len(far):
        nth = int(far[0])
        high, low, close = (f"{one / PAISE:.2f}" for one in (bars.high[nth], bars.low[nth], bars.close[nth - 1]))
        words = f"{at_row(path, rows[nth])}: {low} to {high} after a close of {close}"
        warnings.append(
            f"{counted(len(far), 'candle')} more than {JUMP:.0%} away from the close before (a mistake, a split?), "
            f"first {words}"
        )
