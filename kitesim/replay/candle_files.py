"""Read one-minute candles from CSV or Parquet files."""

import os
from collections.abc import Iterable
from datetime import date
from pathlib import Path

# Some writers store the zone as a bare offset, which polars refuses to name but reads correctly.
os.environ.setdefault("POLARS_IGNORE_TIMEZONE_PARSE_ERROR", "1")

import numpy as np
import polars as pl

from kitesim.exchange.candles import Bars, CandleFile
from kitesim.exchange.trading_days import midnight_of

COLUMNS = ("symbol", "timestamp", "open", "high", "low", "close", "volume")
_SUFFIXES = (".parquet", ".csv", ".csv.gz")


def candle_paths(given: Iterable[Path]) -> list[Path]:
    """The files named, and those in the folders named, in order of name."""
    found: list[Path] = []
    for path in given:
        inside = sorted(path.iterdir()) if path.is_dir() else [path]
        found += [file for file in inside if file.name.endswith(_SUFFIXES)]
    return found


def read_candles(paths: Iterable[Path], last_day: date) -> list[CandleFile]:
    """One per symbol, up to ``last_day``. Raises ValueError naming the file and the row that is wrong."""
    frames = [_read(path) for path in paths]
    if not frames:
        raise ValueError("no candle files (.parquet, .csv, .csv.gz) to replay")
    together = pl.concat([frame for frame in frames if frame is not None])
    together = together.filter(pl.col("start") < midnight_of(last_day) + 86_400)
    symbols = together.partition_by("symbol", as_dict=True)
    return [_candle_file(str(key[0]), symbols[key]) for key in sorted(symbols)]


def _read(path: Path) -> pl.DataFrame | None:
    """None for a CSV of another shape lying in the same folder."""
    frame = pl.read_parquet(path) if path.suffix == ".parquet" else pl.read_csv(path, infer_schema_length=None)
    missing = [name for name in COLUMNS if name not in frame.columns]
    if missing and "symbol" not in frame.columns:
        return None
    if missing:
        raise ValueError(f"{path}: missing columns {', '.join(missing)}")
    prices = {name: _paise(frame, name, path) for name in ("open", "high", "low", "close")}
    return pl.DataFrame(
        {
            "symbol": frame["symbol"].str.strip_suffix("-EQ"),
            "start": _epoch(frame["timestamp"]),
            **prices,
            "volume": frame["volume"].cast(pl.Int64),
        }
    )


def _paise(frame: pl.DataFrame, name: str, path: Path) -> pl.Series:
    exact = frame[name].cast(pl.Float64) * 100
    wrong = ((exact - exact.round(0)).abs() > 1e-4) | ~exact.is_finite() | (exact <= 0)
    if wrong.any():
        row = wrong.fill_null(value=True).to_list().index(True)
        raise ValueError(f"{path}: row {row}: {name} {frame[name][row]!r} is not a price in whole paise")
    return exact.round(0).cast(pl.Int64)


def _epoch(times: pl.Series) -> pl.Series:
    """Epoch seconds; a time without a zone is India's."""
    if times.dtype == pl.String:
        has_zone = times.str.contains(r"(Z|[+-]\d\d:?\d\d)$").all()
        times = times.str.to_datetime(time_zone="UTC" if has_zone else None)
    if times.dtype.time_zone is None:  # type: ignore[attr-defined]
        times = times.dt.replace_time_zone("Asia/Kolkata")
    return times.dt.epoch("s")


def _candle_file(symbol: str, frame: pl.DataFrame) -> CandleFile:
    frame = frame.unique(maintain_order=True).sort("start")
    twice = frame.filter(frame["start"].is_duplicated())
    if len(twice):
        raise ValueError(f"{symbol}: two different candles for epoch {twice['start'][0]}")
    frame = frame.with_columns(open_interest=pl.lit(0, pl.Int64))
    columns = ("start", "open", "high", "low", "close", "volume", "open_interest")
    return CandleFile(symbol, Bars(*(frame[name].to_numpy().astype(np.int64) for name in columns)))
